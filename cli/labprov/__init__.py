"""labprov turns bare lab servers into verified GPU nodes, as a declarative YAML inventory says.

Layer map, in the direction in which data flows (no module imports one further down the list):

=============  ==========================================================================================
``errors``     the one tree of errors; a place in a file (``Where``)
``types``      validated value types (paths, package names, fingerprints, URLs) that settings are made of
``mirrors``    where everything is downloaded from, and which keys must have signed it
``vagrant``    the machines of a Vagrantfile: how they stand and how they are reached
``inventory``  YAML to hosts: groups, templates, precedence, and where each value was written
``role``       a role's settings, tasks and checks, loaded by name
``deploy``     named, ordered lists of roles (the scripts in ``deploys/``)
``plan``       inventory and deploy to steps: one role on the hosts that have it
``engine``     pyinfra driven from Python; the only place that knows pyinfra's State
``apply``      steps carried out on live hosts; outcomes
``verify``     the roles' testinfra checks on live hosts; the only place that knows pytest
``report``     outcomes and checks to text and JSON
``main``       the command line; no logic
``sandbox``    throw-away real hosts on this machine, for trying and testing
=============  ==========================================================================================
"""

__version__ = "0.1.0"
