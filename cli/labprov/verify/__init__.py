"""The roles' testinfra checks on live hosts. The only place that knows testinfra and pytest.

``checks`` is what comes out, ``backend`` speaks to a host over labprov's own connection, ``replay`` runs commands ahead
of the checks that will ask for them, ``plugin`` gives checks their host and settings, ``run`` runs them. Nothing is
imported here: pytest takes as long to import as a plan of a host takes.
"""
