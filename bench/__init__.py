"""Measures labprov against plain pyinfra, Ansible and the floor, on sandbox hosts of this machine. Not installed.

``farm`` makes the hosts, ``ground`` writes one inventory a tool, ``contestants`` says what is run, ``measure`` runs it,
``results`` keeps and shows the figures. ``python -m bench`` runs the comparison; ``bench.first_apply`` and
``bench.thousand`` are measurements of their own.
"""
