"""The inventory: one YAML file to hosts, each with its connection, settings, and where every value was written.

It knows no role, connects to no host, and reads no other file; hosts may be the machines of a Vagrantfile. Modules, in
the direction in which data flows:

==============  =========================================================================
``tree``        values with their places: what is written, and what is merged from it
``scalars``     YAML scalars to values
``compose``     YAML text to a tree, bounded and strict
``source``      a file to a tree
``names``       host and group names, and ranges such as ``gpu-[01:12]``
``connection``  how a host is reached, validated
``shape``       what kind of value a node is
``templates``   Jinja2 in one value
``schema``      which keys stand where; a tree to layers
``guests``      the machines of a Vagrantfile as hosts
``graph``       how groups nest: depth and members
``merge``       layers to one tree a host, by precedence
``render``      what templates see of the inventory; every host's values, rendered
``limits``      ``--limit`` patterns to hosts
``model``       ``Inventory`` and ``Host``
``load``        all of the above in order
==============  =========================================================================
"""

from labprov.inventory.connection import Connection
from labprov.inventory.load import load
from labprov.inventory.model import Host, Inventory
from labprov.inventory.tree import Tree

__all__ = ["Connection", "Host", "Inventory", "Tree", "load"]
