"""Jupyter in the browser: JupyterLab that every user can start, and, where asked for, a JupyterHub for all of them.

JupyterLab lives in a shared environment that root alone changes, made as those of `conda_envs` are, and shows the
kernels that are registered for all users. The hub is a systemd service behind the machine's own accounts (PAM); each
user's server is a systemd unit with limits of memory and CPU, and outlives a restart of the hub. Needs the role
`miniconda`. Runs on Debian 12 and 13 (the hub was run on 13); made for Ubuntu and RHEL's family, not run there.
"""
