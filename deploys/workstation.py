"""A machine people sit at: the everyday tools and a shared Miniconda, without GPU and containers."""

from labprov.deploy import include
from labprov_roles import base, miniconda

include(base)
include(miniconda)
