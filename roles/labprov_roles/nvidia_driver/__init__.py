"""The NVIDIA driver: one branch, one kernel module flavour, built for every installed kernel, and kept that way.

Chooses branch and flavour for the cards that are there, installs kernel headers and the driver from NVIDIA's own
repository or the distribution's, keeps nouveau and nova_core off the cards, holds the packages against upgrades nobody
asked for, runs the persistence daemon, and says when a reboot is needed. Never reboots, never touches another
installation unless told to. Runs on Debian 12 and 13; a server without an NVIDIA GPU is skipped.
"""
