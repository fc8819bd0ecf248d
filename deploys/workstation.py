"""A machine people sit at: everyday tools, a shared Miniconda and Python environments; no GPU, no containers."""

from labprov.deploy import include
from labprov_roles import base, conda_envs, miniconda

include(base)
include(miniconda)
include(conda_envs)
