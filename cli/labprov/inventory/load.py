"""From a path to an ``Inventory``: read, check, nest, merge, render, validate, in this order."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from labprov.errors import Where
from labprov.inventory import graph, guests, schema, source
from labprov.inventory.connection import connection
from labprov.inventory.merge import merge
from labprov.inventory.model import Host, Inventory
from labprov.inventory.render import World
from labprov.inventory.schema import ALL, Written
from labprov.inventory.tree import Map, Tree, plain

_TOP, _MACHINE, _HOST = -1, 999_999, 1_000_000
"""Levels of precedence around those of the groups, which are their depths."""


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Inventory:
    """Load the inventory in ``path``; templates look up ``env(...)`` in ``environment``.

    Raises UserError at the first mistake found, with its file, line and key.
    """
    written, absent = guests.added(schema.check(source.read(path)), path.parent)
    depths = graph.depths(written.groups)
    groups = _groups(written)
    memberships = _memberships(groups, depths)
    merged = {name: merge(layers, name) for name, layers in _layers(written, memberships, depths).items()}
    world = World(merged, groups, memberships, environment)
    compat = Tree(written.compat)
    hosts = {name: _host(name, memberships[name], world, path.parent, compat) for name in merged}
    return Inventory(
        path,
        MappingProxyType(hosts),
        MappingProxyType(groups),
        written.simulation,
        MappingProxyType(_roles(written)),
        compat,
        MappingProxyType(absent),
    )


def _groups(written: Written) -> dict[str, tuple[str, ...]]:
    every = tuple(dict.fromkeys(entry.name for entry in (*written.mentions(), *written.machines)))
    members = graph.members(written.groups)
    return {ALL: every} | {group: tuple(name for name in every if name in members[group]) for group in written.groups}


def _memberships(groups: Mapping[str, tuple[str, ...]], depths: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    result: dict[str, list[str]] = {name: [] for name in groups[ALL]}
    for group in sorted(depths, key=lambda name: depths[name]):
        for name in groups[group]:
            result[name].append(group)
    return {name: tuple(names) for name, names in result.items()}


def _layers(
    written: Written, memberships: Mapping[str, tuple[str, ...]], depths: Mapping[str, int]
) -> dict[str, list[tuple[int, Map]]]:
    """Give each host's layers: the top of the file, its groups, and every place that sets something on itself."""
    layers: dict[str, list[tuple[int, Map]]] = {}
    for name, groups in memberships.items():
        layers[name] = [(_TOP, written.body), *((depths[group], written.groups[group].body) for group in groups)]
    for entry in written.machines:
        layers[entry.name].append((_MACHINE, entry.body))
    for entry in written.mentions():
        layers[entry.name].append((_HOST, entry.body))
    return layers


def _host(name: str, groups: tuple[str, ...], world: World, folder: Path, compat: Tree) -> Host:
    tree = Tree(world.host(name))
    settings = tree.sub("settings")
    return Host(
        name=name,
        groups=groups,
        connection=connection(name, tree, folder),
        mirrors=tree.sub("mirrors"),
        compat=compat,
        settings=MappingProxyType({role: settings.sub(role) for role in settings}),
        vars=MappingProxyType(plain(tree.sub("vars").root)),
        tree=tree,
    )


def _roles(written: Written) -> dict[str, Where]:
    bodies = [written.body, *(group.body for group in written.groups.values())]
    bodies += [entry.body for entry in written.mentions()]
    found: dict[str, Where] = {}
    for body in bodies:
        settings = body.entries.get("settings")
        for role, node in settings.entries.items() if isinstance(settings, Map) else ():
            found.setdefault(role, node.where)
    return found
