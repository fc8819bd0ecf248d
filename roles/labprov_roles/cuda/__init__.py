"""CUDA toolkits, one or several side by side, with ``nvcc`` of the default one on the PATH of login shells.

Installs ``cuda-toolkit-X-Y`` from NVIDIA's repository, or the distribution's nvidia-cuda-toolkit; where told to,
cuDNN and NCCL for the default one; never a package that brings a driver, never a global LD_LIBRARY_PATH. A version
that is no longer listed stays installed: somebody's build may need it, so removing it is left to a person (``apt
purge 'cuda*-X-Y'``). Runs on Debian 12 and 13; made for Ubuntu 22.04, 24.04 and 26.04 and for RHEL 8, 9 and 10 and
their rebuilds too, but not run there yet. For Ubuntu 26.04 and RHEL 10 the inventory must name NVIDIA's key
(``mirrors.cuda``), which no source tells in full. A server without an NVIDIA GPU is skipped.
"""
