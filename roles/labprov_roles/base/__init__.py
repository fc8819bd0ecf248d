"""The everyday tools that every server should have, time synchronisation, and an apt that waits for its lock.

Runs on Debian 12 and 13; made for Ubuntu 22.04, 24.04 and 26.04 and for RHEL 8, 9 and 10 and their rebuilds too, but
not run there yet.
"""
