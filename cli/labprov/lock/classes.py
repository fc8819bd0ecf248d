"""Hosts that have everything alike share one entry of the lock, with a name that says what they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labprov.lock.model import Entry, Hardware, HostClass, Section
from labprov.lock.profile import Profile

if TYPE_CHECKING:
    from labprov.compat.tables import Tables

_BRANDS = re.compile(r"\b(nvidia|geforce|tesla|quadro)\b")


def hardware(profile: Profile, tables: Tables) -> Hardware:
    """What a host is, as the lock says it."""
    from labprov.compat import cards  # first needed when the hosts have answered

    models = [tables.card(gpu.device) or cards.unknown(gpu.device) for gpu in profile.gpus]
    return Hardware(
        system=profile.system.name,
        machine=profile.system.machine,
        cards={model.device: model.name for model in sorted(models, key=lambda model: model.device)},
        nvswitches=bool(profile.machine.nvswitches),
        secure_boot=profile.machine.secure_boot,
    )


def name_of(what: Hardware) -> str:
    """Like ``debian12-rtx-5090``: the system, and the cards without their brand."""
    names = [_slug(name) if "10de:" not in name else f"gpu-{device}" for device, name in what.cards.items()]
    parts = [what.system, *([what.machine] if what.machine != "x86_64" else []), "+".join(names) or "no-gpu"]
    return "-".join([*parts, *(["secure-boot"] if what.secure_boot else [])])[:100]


def regroup(section: Section, changed: Mapping[str, HostClass], gone: Collection[str] = ()) -> Section:
    """The section with hosts changed or gone, sorted into classes anew; names stay where they can."""
    kept = {host: name for host, name in section.hosts.items() if host not in gone and host not in changed}
    groups: list[_Group] = []
    for host, name in sorted(kept.items()):
        _join(groups, section.classes[name], host, name)
    for host, one in sorted(changed.items()):
        _join(groups, one, host, section.hosts.get(host, ""))
    names = _names(groups, section)
    return Section(
        classes={name: group.content.sealed() for name, group in sorted(names.items())},
        hosts=dict(sorted((host, name) for name, group in names.items() for host in group.hosts)),
    )


@dataclass
class _Group:
    content: HostClass
    hosts: list[str] = field(default_factory=list)
    before: set[str] = field(default_factory=set)
    """The names of the classes that its hosts were in."""


def _join(groups: list[_Group], content: HostClass, host: str, before: str) -> None:
    group = next((group for group in groups if group.content.alike(content)), None)
    if group is None:
        groups.append(group := _Group(content))
    group.hosts.append(host)
    group.before |= {before} if before else set()


def _names(groups: list[_Group], section: Section) -> dict[str, _Group]:
    """A class whose content stays keeps its name; then come those whose hosts had one; then new ones."""
    names: dict[str, _Group] = {}
    left = []
    for group in groups:
        same = [name for name in sorted(group.before) if section.classes[name].alike(group.content)]
        if same and same[0] not in names:
            names[same[0]] = group
        else:
            left.append(group)
    for group in sorted(left, key=lambda group: (not group.before, group.hosts[0])):
        fitting = (name for name in (*sorted(group.before), *_numbered(group)) if name not in names)
        names[next(name for name in fitting if _means(name, group.content))] = group
    return names


def _means(name: str, content: HostClass) -> bool:
    return re.fullmatch(re.escape(name_of(content)) + r"(-\d+)?", name) is not None


def _numbered(group: _Group) -> Iterator[str]:
    name = name_of(group.content)
    yield name
    yield from (f"{name}-{number}" for number in range(2, len(group.hosts) + 100_000))


def _slug(name: str) -> str:
    plain = _BRANDS.sub("", name.lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def spread(section: Section, changed: Mapping[str, HostClass]) -> dict[str, HostClass]:
    """Give what completes a class to all of its hosts, so that one host that came first does not leave the others."""
    every = dict(changed)
    for host, one in sorted(changed.items()):
        name = section.hosts.get(host, "")
        if name and _completes(one, section.classes[name]):
            every |= {other: one for other, its in section.hosts.items() if its == name and other not in changed}
    return every


def _completes(new: HostClass, old: HostClass) -> bool:
    def within(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
        return all(after.get(key) == value for key, value in before.items())

    pairs = [(entry, new.roles.get(role)) for role, entry in old.roles.items()]
    return new.same(old) and all(
        after and after.given == entry.given and within(entry.settings, after.settings)
        and within(entry.packages, after.packages)
        for entry, after in pairs
    )  # fmt: skip


def share(changed: Mapping[str, HostClass]) -> dict[str, HostClass]:
    """Give hosts that have nothing installed yet the versions of others like them, decided at the same time."""
    return {host: _with_versions(one, changed.values()) for host, one in changed.items()}


def _with_versions(one: HostClass, others: Iterable[HostClass]) -> HostClass:
    alike = [other for other in others if other.same(one)]
    roles = {role: _fullest(entry, [other.roles.get(role) for other in alike]) for role, entry in one.roles.items()}
    return one.model_copy(update={"roles": roles})


def _fullest(entry: Entry, others: Iterable[Entry | None]) -> Entry:
    fitting = [
        other for other in others if other and other.given == entry.given
        and all(other.settings.get(name) == value for name, value in entry.settings.items())
        and all(other.packages.get(name) == version for name, version in entry.packages.items())
    ]  # fmt: skip
    return max(fitting, key=lambda other: len(other.packages), default=entry)
