"""PyTorch and TensorFlow: which release and which build a host's cards and driver can run. Pure.

Both come from pip: their wheels carry CUDA along, so the driver is all that a host needs. Who writes `{conda: pytorch}`
is taken at that word, and nothing here looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from packaging.specifiers import SpecifierSet

from labprov.compat import cards, frameworks
from labprov.compat.answer import Decision, Refusal
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Policy, Request, number
from labprov.compat.resolve import resolve
from labprov.compat.tables import Tables
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.conda_envs.requirements import Item, split

_BESIDE_TORCH = ("torchvision", "torchaudio")


@dataclass(frozen=True)
class Hardware:
    """What decides about builds."""

    request: Request
    driver: str
    """The installed driver's version; empty: none is there."""
    known: Tables

    @property
    def branch(self) -> int | None:
        """The driver's branch: the installed one, or the one that this host is going to get; None without a GPU."""
        if self.driver:
            return int(self.driver.partition(".")[0])
        answer = resolve(self.request, self.known)
        return answer.branch if isinstance(answer, Decision) else None

    @property
    def obstacle(self) -> str:
        """Why no driver is known for the cards, or empty."""
        answer = resolve(self.request, self.known) if not self.driver else None
        return f"; no driver is installed, and none can be chosen: {answer}" if isinstance(answer, Refusal) else ""


@dataclass(frozen=True)
class Resolved:
    """The requirements, those of frameworks pinned."""

    items: tuple[Item, ...]
    wheels: str = ""
    """The part of PyTorch's index to look in: ``cu126``, ``cpu``; empty: none."""


def hardware(system: System, gpus: Sequence[Gpu], driver: str, known: Tables) -> Hardware:
    """A host as the compatibility tables see it."""
    models: tuple[GpuModel, ...] = tuple(known.card(gpu.device) or cards.unknown(gpu.device) for gpu in gpus)
    policy = Policy(date.today(), chosen_on=known.collected)
    return Hardware(Request(cards=models, system=system.name, policy=policy, machine=system.machine), driver, known)


def resolved(items: Sequence[Item], python: str, host: Hardware) -> Resolved:
    """The same requirements with torch and tensorflow pinned to what runs there. Raises HostError when nothing does."""
    plain = {_name(item): item for item in items if item.by == "any"}
    named = next((item for item in items if item.by == "pip" and _name(item) == "torch"), None)
    torch = plain.get("torch")
    beside = [plain[name] for name in _BESIDE_TORCH if name in plain]
    found, wheels = list(items), ""
    if torch is None and named is None and beside:
        torch = Item("torch", "any", "pytorch", "torch")
        found.insert(found.index(beside[0]), torch)
    if torch is not None:
        pinned, wheels = _torch(torch, python, host)
        why = f"goes with {pinned.pip}"
        found = [
            pinned if item is torch else replace(item, by="pip", why=why) if item in beside else item for item in found
        ]
    elif named is not None:  # torch==2.14.1+cpu says by itself which part of the index has it
        wheels = named.pip.partition("+")[2]
    if "tensorflow" in plain:
        pinned = _tensorflow(plain["tensorflow"], python, host)
        found = [pinned if item is plain["tensorflow"] else item for item in found]
    return Resolved(tuple(found), wheels)


def _torch(item: Item, python: str, host: Hardware) -> tuple[Item, str]:
    known = host.known
    releases = _releases(item, python, {name: (row.python, row.uncertain) for name, row in known.torch.items()})
    if not host.request.cards:
        release = _first(releases, item, python)
        return replace(item, by="pip", pip=f"torch=={release}+cpu", why="no NVIDIA GPU: the build for CPUs"), "cpu"
    for release in releases:
        cuda = _build("torch", release, host, known)
        if cuda:
            label = f"cu{cuda.replace('.', '')}"
            return replace(item, by="pip", pip=f"torch=={release}+{label}", why=_why(cuda, host)), label
    raise _no_build(item, python, host)


def _tensorflow(item: Item, python: str, host: Hardware) -> Item:
    known = host.known
    releases = _releases(item, python, {name: (row.python, row.uncertain) for name, row in known.tensorflow.items()})
    if not host.request.cards:
        release = _first(releases, item, python)
        return replace(item, by="pip", pip=f"tensorflow=={release}", why="no NVIDIA GPU: without CUDA's libraries")
    for release in releases:
        cuda = _build("tensorflow", release, host, known)
        if cuda:
            return replace(item, by="pip", pip=f"tensorflow[and-cuda]=={release}", why=_why(cuda, host))
    raise _no_build(item, python, host)


def _no_build(item: Item, python: str, host: Hardware) -> HostError:
    asked = f"no release of {item.requirement} for python {python} has a build for {_cards(host)}"
    return HostError(f"{asked}{host.obstacle}; {{pip: torch==X.Y.Z+cpu}} names a build for CPUs")


def _build(name: str, release: str, host: Hardware, known: Tables) -> str:
    """The CUDA version of the best wheel of a release that the cards and the driver run, or empty."""
    branch = host.branch
    wheels, _ = frameworks.wished(host.request.wishing(**{name: release}), known)
    if branch is None or not wheels:
        return ""
    found = wheels[0].for_driver(branch, host.driver or None, known)
    return found.cuda if found else ""


def _releases(item: Item, python: str, rows: dict[str, tuple[str, bool]]) -> list[str]:
    """The releases that were asked for and run on that Python: certain ones first, newest first."""
    asked = SpecifierSet(split(item.requirement)[2])
    fitting = [name for name, (range_, _) in rows.items() if name in asked and _has_python(range_, python)]
    return sorted(fitting, key=lambda name: (rows[name][1], *(-part for part in number(name))))


def _first(releases: Iterable[str], item: Item, python: str) -> str:
    for release in releases:
        return release
    raise HostError(f"no release of {item.requirement} that labprov knows runs on python {python}")


def _has_python(supported: str, python: str) -> bool:
    """Whether ``>=3.11`` or ``3.10-3.14`` includes a version of Python."""
    oldest, _, newest = supported.removeprefix(">=").partition("-")
    wanted = number(python)[:2]
    return number(oldest) <= wanted and (not newest or wanted <= number(newest))


def _why(cuda: str, host: Hardware) -> str:
    driver = host.driver or f"{host.branch}, which this host is going to get"
    return f"CUDA {cuda} build: {_cards(host)}, driver {driver}"


def _cards(host: Hardware) -> str:
    return ", ".join(dict.fromkeys(card.name for card in host.request.cards))


def _name(item: Item) -> str:
    return split(item.pip)[0].lower()
