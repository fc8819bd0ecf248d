"""NVIDIA Container Toolkit: containers get GPUs, by CDI and by the ``nvidia`` runtime, and keep them.

Runs on Debian 12 and 13, on hosts with an NVIDIA GPU. Comes after ``docker``, whose daemon.json it adds its keys to.
"""
