"""How groups nest: what is a group's depth, and which hosts are in it, directly or through its children."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from labprov.errors import UserError
from labprov.inventory.names import did_you_mean
from labprov.inventory.schema import Group


def depths(groups: Mapping[str, Group]) -> dict[str, int]:
    """Give each group's depth: the longest path to it from a group that is nobody's child (depth 0).

    Raises UserError for a child that is not a group, and for groups that contain themselves.
    """
    for group in groups.values():
        for child, where in group.children.items():
            if child not in groups:
                raise UserError(f"unknown group {child!r}", where, did_you_mean(child, groups))
    result = dict.fromkeys(groups, 0)
    for name in reversed(_children_first(groups)):
        for child in groups[name].children:
            result[child] = max(result[child], result[name] + 1)
    return result


def members(groups: Mapping[str, Group]) -> dict[str, set[str]]:
    """Give the hosts of each group, those of its children included. The groups must not contain themselves."""
    result: dict[str, set[str]] = {}
    for name in _children_first(groups):
        own = {entry.name for entry in groups[name].hosts}
        result[name] = own.union(*(result[child] for child in groups[name].children))
    return result


def _children_first(groups: Mapping[str, Group]) -> list[str]:
    sorter = TopologicalSorter({name: group.children for name, group in groups.items()})
    try:
        return list(sorter.static_order())
    except CycleError as error:
        # graphlib lists the cycle from child to parent, the first name again at its end
        cycle: list[str] = error.args[1][::-1]
        raise UserError(
            f"groups contain themselves: {' > '.join(cycle)}", groups[cycle[0]].children[cycle[1]]
        ) from None
