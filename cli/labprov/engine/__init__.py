"""pyinfra driven from Python: the run over hosts, the connection, uploads, records. Knows no role, no inventory file.

``facts`` and ``operations`` hold what roles use where pyinfra has nothing, or something unsafe; the reasons stand in
``docs/architecture.md``. Everything else a role needs it takes from pyinfra itself.
"""

from labprov.engine.postponed import postpone

postpone("invoke")  # paramiko imports it for "Match exec" in ~/.ssh/config: a tenth of the time of a plan of one host
