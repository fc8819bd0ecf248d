"""CUDA toolkits, one or several side by side, with ``nvcc`` of the default one on the PATH of login shells.

Installs ``cuda-toolkit-X-Y`` from NVIDIA's repository, or the distribution's nvidia-cuda-toolkit; never a package that
brings a driver, never a global LD_LIBRARY_PATH. A version that is no longer listed stays installed: somebody's build
may need it, so removing it is left to a person (``apt purge 'cuda*-X-Y'``). Runs on Debian 12 and 13; a server without
an NVIDIA GPU is skipped.
"""
