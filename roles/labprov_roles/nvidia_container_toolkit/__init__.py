"""NVIDIA Container Toolkit: containers get GPUs, by CDI and by the ``nvidia`` runtime, and keep them.

Runs on Debian 12 and 13, on hosts with an NVIDIA GPU; made for Ubuntu 22.04, 24.04 and 26.04 and for RHEL 8, 9 and 10
and their rebuilds too, but not run there yet. Where Docker labels containers for SELinux (``selinux-enabled``), one
with a GPU needs ``--security-opt=label=disable``. Comes after ``docker``, whose daemon.json it adds its keys to.
"""
