"""The sandbox's vendor mirror: a folder that stands in for the vendors' package repositories. A simulation.

=================  ====================================================================================
``catalogue``      what is carried: vendors, versions, where each thing lies below the root
``package``        a Debian package as data, and how it becomes a file
``scripts``        maintainer scripts that packages share
``repository``     a signed apt repository
``signing``        the mirror's OpenPGP key
``debian``         Debian's own packages, the raw material
``compiled``       small C programs, stamped with versions
``docker``         Docker's packages, made of Debian's engine
``driver``         NVIDIA's driver packages
``cuda``           CUDA toolkits
``toolkit``        the NVIDIA Container Toolkit
``conda``          a conda channel, and installers with a stand-in for conda
``pypi``           an index for pip, and one like PyTorch's
``registry``         a registry of container images, pull-only
``materials``      Debian's packages that all this is made of, downloaded and unpacked
``requirements``   what the build needs on this machine
``build``          all of it into one folder
``cache``          ``ensure`` and ``Mirror``
=================  ====================================================================================

Every package says in its description, and every program where it introduces itself, that it is a stand-in.
"""

from labprov.sandbox.mirror.cache import Mirror, ensure

__all__ = ["Mirror", "ensure"]
