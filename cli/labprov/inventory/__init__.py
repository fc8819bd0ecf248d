"""The inventory: one YAML file to hosts, each with its connection, settings, and where every value was written.

It knows no role, opens no connection, and reads no other file. Modules, in the direction in which data flows:

==============  =========================================================================
``tree``        values with their places: what is written, and what is merged from it
``source``      the file's text to a tree (YAML, bounded and strict)
``names``       host and group names, and ranges such as ``gpu-[01:12]``
``schema``      which keys stand where; a tree to layers
``graph``       how groups nest: depth and members
``merge``       layers to one tree a host, by precedence
``templates``   Jinja2 in one value
``render``      what templates see of the inventory; every host's values, rendered
``connection``  how a host is reached, validated
``model``       ``Inventory`` and ``Host``
``limits``      ``--limit`` patterns to hosts
``load``        all of the above in order
==============  =========================================================================
"""

from labprov.inventory.connection import Connection
from labprov.inventory.load import load
from labprov.inventory.model import Host, Inventory
from labprov.inventory.tree import Tree

__all__ = ["Connection", "Host", "Inventory", "Tree", "load"]
