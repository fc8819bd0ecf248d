"""The Python that people use: declared environments, shared or a user's, by conda and pip, the same on every server.

An environment is declared by what it should have. Who installs what is decided once, by a stated rule, and written to a
lock beside the inventory; every further server of the same system is made from the lock. An environment is built beside
the old one and swapped in, so nobody ever runs half of one. Needs the role `miniconda`. Runs on Debian 12 and 13.
"""
