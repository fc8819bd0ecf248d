"""Docker Engine: installed from the chosen source, its daemon configured, running now and at every boot.

Runs on Debian 12 and 13. Containers, images and volumes that are there stay, also when the source changes.
``daemon.json`` has one owner, this package: other roles add their keys through ``operations.configure_daemon``.
"""
