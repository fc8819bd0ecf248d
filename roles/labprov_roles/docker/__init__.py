"""Docker Engine: installed from the chosen source, its daemon configured, running now and at every boot.

Runs on Debian 12 and 13; made for Ubuntu 22.04, 24.04 and 26.04 and for RHEL 8, 9 and 10 and their rebuilds too, but
not run there yet. RHEL has no Docker of its own; runc goes there, and with it what needs it (podman on RHEL 8). Ports
that containers publish pass by firewalld and ufw, as Docker's manual says. Containers, images and volumes that are
there stay, also when the source changes.
``daemon.json`` has one owner, this package: other roles add their keys through ``operations.configure_daemon``.
"""
