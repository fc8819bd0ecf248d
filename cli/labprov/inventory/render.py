"""Every host's values with their templates rendered; which names a template sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labprov.errors import UserError, Where
from labprov.inventory.connection import KEYS as CONNECTION_KEYS
from labprov.inventory.connection import Connection
from labprov.inventory.templates import Lazy, Refused, Renderer, has_template
from labprov.inventory.tree import Items, Leaf, Map, Node, plain

_Key = tuple[str, ...]


class World:
    """All hosts' merged values, rendered when asked for, each at most once.

    ``merged`` is host -> its merged values, ``groups`` is group -> its hosts, ``group_names`` is host -> its groups,
    and ``environment`` is what ``env()`` looks in.
    """

    def __init__(
        self,
        merged: Mapping[str, Map],
        groups: Mapping[str, tuple[str, ...]],
        group_names: Mapping[str, tuple[str, ...]],
        environment: Mapping[str, str],
    ) -> None:
        self._merged, self._groups, self._group_names = merged, groups, group_names
        self._environment = environment
        self._renderer = Renderer()
        self._values: dict[_Key, Node] = {}
        self._pending: list[_Key] = []
        self._hosts = Lazy(merged, self._view)

    def host(self, name: str) -> Map:
        """Render everything that the host ``name`` has. Raises UserError at the first value that cannot be."""
        root = self._merged[name]
        entries: dict[str, Node] = {}
        for key, node in root.entries.items():
            if key == "vars" and isinstance(node, Map):
                rendered = {variable: self._value(name, "vars", variable) for variable in node.entries}
                entries[key] = Map(rendered, node.where)
            elif key in CONNECTION_KEYS:
                entries[key] = self._value(name, key)
            else:
                entries[key] = self._render(node, name)
        return Map(entries, root.where)

    def _value(self, host: str, *path: str) -> Node:
        """Render one variable or connection key, which other templates may refer to."""
        key = (host, *path)
        if key not in self._values:
            node: Node = self._merged[host]
            for part in path:
                assert isinstance(node, Map)
                node = node.entries[part]
            if key in self._pending:
                raise UserError(f"refers to itself: {self._cycle(key)}", node.where)
            self._pending.append(key)
            try:
                self._values[key] = self._render(node, host)
            finally:
                self._pending.pop()
        return self._values[key]

    def _cycle(self, key: _Key) -> str:
        cycle = [*self._pending[self._pending.index(key) :], key]
        one_host = len({host for host, *_ in cycle}) == 1
        return " -> ".join(entry[-1] if one_host else f"{entry[0]}.{entry[-1]}" for entry in cycle)

    def _render(self, node: Node, host: str) -> Node:
        match node:
            case Map():
                return Map({key: self._render(child, host) for key, child in node.entries.items()}, node.where)
            case Items():
                return Items(tuple(self._render(child, host) for child in node.items), node.where)
            case Leaf() if has_template(node.value):
                return Leaf(self._text(node.value, host, node.where), node.where)
        return node

    def _text(self, text: str, host: str, where: Where) -> Any:
        return self._renderer.render(text, self._names(host), where, f"host {host!r}")

    def _names(self, host: str) -> Mapping[str, Any]:
        variables = self._variables(host)
        special: dict[str, Callable[[], Any]] = {
            "vars": lambda: variables,
            "host": lambda: host,
            "name": lambda: host,
            "groups": lambda: self._groups,
            "group_names": lambda: self._group_names[host],
            "hosts": lambda: self._hosts,
            "env": lambda: self._env,
        }
        keys = {**dict.fromkeys(variables), **dict.fromkeys(special)}
        return Lazy(keys, lambda key: special[key]() if key in special else variables[key])

    def _variables(self, host: str) -> Lazy:
        node = self._merged[host].entries.get("vars")
        keys = node.entries if isinstance(node, Map) else {}
        return Lazy(keys, lambda key: plain(self._value(host, "vars", key)))

    def _view(self, host: str) -> Lazy:
        """Give what templates of other hosts see of ``host``: name, groups, vars, and its connection keys."""
        own: dict[str, Any] = {"name": host, "groups": self._group_names[host], "vars": self._variables(host)}
        keys = {**own, **dict.fromkeys(CONNECTION_KEYS)}
        return Lazy(keys, lambda key: own[key] if key in own else self._connection_value(host, key))

    def _connection_value(self, host: str, key: str) -> Any:
        if key in self._merged[host].entries:
            return plain(self._value(host, key))
        return host if key == "address" else Connection.model_fields[key].default

    def _env(self, name: str, *default: Any) -> Any:
        if name not in self._environment and not default:
            raise Refused(f"the environment variable {name!r} is not set")
        return self._environment.get(name, *default)
