"""What ``vagrant status --machine-readable`` and ``vagrant ssh-config`` print, parsed. Pure: runs nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NOT_CREATED, RUNNING = "not_created", "running"


@dataclass(frozen=True, slots=True)
class Way:
    """How Vagrant says that a machine is reached by ssh."""

    address: str
    port: int = 22
    user: str = "vagrant"
    keys: tuple[str, ...] = ()
    """Private key files."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a Vagrantfile."""

    name: str
    state: str
    """Vagrant's word for it: ``running``, ``not_created``, ``poweroff``, ``shutoff``, ``saved`` and others."""
    provider: str = ""
    identity: str = ""
    """The provider's name for this very machine: another one after ``vagrant destroy`` and ``vagrant up``."""
    way: Way | None = None
    """Of a machine that runs."""
    host_keys: tuple[str, ...] = ()
    """``TYPE BASE64`` lines; the machine's, as they were when labprov first saw it."""

    @property
    def created(self) -> bool:
        """Whether there is such a machine, running or not."""
        return self.state != NOT_CREATED

    @property
    def running(self) -> bool:
        """Whether it can be logged in to."""
        return self.state == RUNNING


def machines(text: str) -> dict[str, Machine]:
    """The machines of ``vagrant status --machine-readable``, in its order."""
    found: dict[str, Machine] = {}
    for row in _rows(text):
        match row:
            case [_, name, "state", state] if name:
                found[name] = Machine(name, state, found[name].provider if name in found else "")
            case [_, name, "provider-name", provider] if name:
                found[name] = Machine(name, found[name].state if name in found else "", provider)
    return found


def problem(text: str) -> str:
    """The error in Vagrant's machine-readable output as one line; empty when there is none."""
    for row in _rows(text):
        if row[2] == "error-exit":
            return one_line(" ".join(row[4:]))
    return ""


def one_line(message: str) -> str:
    """What Vagrant says, on one line: its first paragraph, with the next where that one announces it.

    Of a Vagrantfile that failed it is the ``Message:``, without the stack of Ruby's calls.
    """
    paragraphs = [" ".join(part.split()) for part in message.strip().split("\n\n") if part.strip()]
    told = [part for part in paragraphs if part.startswith("Message:")]
    if told or not paragraphs:
        return "".join(told[:1]).removeprefix("Message:").partition(" from /")[0].strip()
    first, *more = paragraphs
    if first.startswith("Vagrant failed to initialize") and more:
        return more[0]
    return f"{first} {more[0]}" if first.endswith(":") and more else first


def ways(text: str) -> dict[str, Way]:
    """The machines of ``vagrant ssh-config``. Raises ValueError for one that is reached by a ProxyCommand."""
    blocks: dict[str, list[Sequence[str]]] = {}
    block: list[Sequence[str]] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key.lower() == "host":
            block = blocks.setdefault(value.strip(), [])
        elif key and not key.startswith("#"):
            block.append((key.lower(), _unquoted(value.strip())))
    return {name: _way(name, pairs) for name, pairs in blocks.items()}


def _way(name: str, pairs: Sequence[Sequence[str]]) -> Way:
    first: Mapping[str, str] = {key: value for key, value in reversed(pairs)}
    if "proxycommand" in first or "proxyjump" in first:
        raise ValueError(f"the machine {name!r} is reached through another one (ProxyCommand)")
    if "hostname" not in first:
        raise ValueError(f"the machine {name!r} has no HostName")
    return Way(
        first["hostname"],
        int(first.get("port", "22")),
        first.get("user", "vagrant"),
        tuple(value for key, value in pairs if key == "identityfile"),
    )


def _unquoted(value: str) -> str:
    return shlex.split(value)[0] if value[:1] == '"' else value


def _rows(text: str) -> list[list[str]]:
    """``TIME,MACHINE,KIND,DATA...``; commas and line ends within a field are escaped."""
    rows = [line.split(",") for line in text.splitlines()]
    plain = (("%!(VAGRANT_COMMA)", ","), ("\\n", "\n"), ("\\r", ""))
    for row in rows:
        for number, field in enumerate(row):
            for escaped, meant in plain:
                field = field.replace(escaped, meant)
            row[number] = field
    return [row for row in rows if len(row) >= 4 and row[0].isdigit()]
