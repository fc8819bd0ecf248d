"""A machine people sit at: everyday tools, a shared Miniconda, Python environments, Jupyter; no GPU, no containers."""

from labprov.deploy import include
from labprov_roles import base, conda_envs, jupyter, miniconda

include(base)
include(miniconda)
include(conda_envs)
include(jupyter)
