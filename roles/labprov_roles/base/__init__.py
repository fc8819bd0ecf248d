"""The everyday tools that every server should have, time synchronisation, and an apt that waits for its lock.

Runs on Debian 12 and 13.
"""
