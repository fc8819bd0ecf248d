"""The NVIDIA driver: one branch, one kernel module flavour, built for every installed kernel, and kept that way.

Chooses branch and flavour for the cards that are there, installs kernel headers and the driver from NVIDIA's own
repository or the distribution's, keeps nouveau and nova_core off the cards, holds the packages against upgrades
nobody asked for, runs the persistence daemon, the fabric manager where there are NVSwitches, DCGM and divided cards
(MIG) where told to, has modules signed and their key trusted under Secure Boot, and says when a reboot is needed.
Never reboots, never touches another installation unless told to. Runs on Debian 12 and 13; rendered for Ubuntu 22.04
to 26.04 and RHEL 8 to 10. A server without an NVIDIA GPU is skipped.
"""
