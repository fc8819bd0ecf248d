"""Which toolkits a server gets, and which drivers and cards they work with. Pure: knows no host.

``labprov.compat`` has the tables and the rules; this asks it for what the settings say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from labprov.compat import tables
from labprov.compat import toolkits as compat
from labprov.compat.answer import Decision
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve
from labprov.compat.tables import Tables
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.cuda.settings import Settings

SYSTEMS = ("debian12", "debian13", "ubuntu2204", "ubuntu2404", "ubuntu2604", "rhel8", "rhel9", "rhel10")
"""What the role's operations speak to."""


@dataclass(frozen=True, slots=True)
class Toolkits:
    """What to install, and what to make the default."""

    versions: tuple[str, ...]
    default: str
    packages: tuple[str, ...]
    prefix: str
    """Where a version is installed, ``{}`` standing for it; empty when it lies in /usr as any package."""

    @property
    def compiler(self) -> str:
        """The C++ compiler that ``nvcc`` must be told of; empty where it finds its own.

        Seen on real Debian: 11.8 (Debian 12) takes the first gcc on the PATH, be it newer than it knows; 12.4 (13)
        finds the wrappers of its package.
        """
        return "cuda-g++" if not self.prefix and number(self.default) < (12, 4) else ""


def toolkits(settings: Settings, system: System) -> Toolkits:
    """Decide on toolkits and packages. Raises HostError when the source does not have them for this system."""
    if system.name not in SYSTEMS:
        raise HostError(f"this role installs no CUDA toolkit on {system.name} yet; known: {', '.join(SYSTEMS)}")
    known = tables.of(settings.compat)
    request = _request(settings, system, known)
    asked = settings.versions or ((settings.default,) if settings.default else ())
    for version in (*asked, *((settings.default,) if settings.default else ())):
        if why := compat.missing(version, request, known):
            raise HostError(why if settings.source == "vendor" else f"{why}: set source: vendor")
    versions = asked or (_default(request, known),)
    names = tuple(compat.cuda(version, "full", request).package for version in versions)
    if settings.source == "distro":  # cuda-g++: its nvcc takes no newer compiler
        names = tuple(wanted for name in names for wanted in (name, f"{name}-gcc"))
    prefix = "/usr/local/cuda-{}" if settings.source == "vendor" else ""
    return Toolkits(versions, settings.default or max(versions, key=number), names, prefix)


def reasons(settings: Settings, system: System) -> tuple[str, ...]:
    """Why the toolkit is what it is, where the settings name none; one sentence."""
    if settings.versions or settings.default:
        return ()
    known = tables.of(settings.compat)
    answer = resolve(_request(settings, system, known), known)
    choices = answer.choices if isinstance(answer, Decision) else ()
    return tuple(f"CUDA {choice.value}: {'; '.join(choice.reasons)}" for choice in choices if choice.subject == "CUDA")


def number(version: str) -> tuple[int, int]:
    """``12.8`` as a pair, so that 12.10 is newer than 12.9."""
    major, minor = version.split(".")
    return int(major), int(minor)


def driver_limits(version: str, branch: int, known: Tables) -> str:
    """Say how a driver branch limits a toolkit; empty when it does not. Raises HostError when nothing would run."""
    if version not in known.toolkits:
        return ""
    level = compat.supported(version, branch, None, known)
    if level == "full":
        return ""
    if level is None:
        needs = compat.floor(version, known)
        raise HostError(f"CUDA {version} does not run on driver branch {branch}: it needs {needs}")
    return (
        f"CUDA {version} came with driver branch {known.toolkits[version].branch}: on {branch} programs run by "
        "minor-version compatibility, without what is newer in the driver (PTX from this toolkit is not compiled at "
        "run time)"
    )


def require_targets(versions: Sequence[str], models: Sequence[GpuModel | None], known: Tables) -> None:
    """Raise HostError when a toolkit builds for none of the cards; cards that are not in the table count as newer."""
    for version in versions:
        toolkit = known.toolkits.get(version)
        old = [model for model in models if toolkit and model and compat.dropped(model, toolkit)]
        if old and len(old) == len(models):
            last = max((compat.last_for(model, known) or "0.0" for model in old), key=number)
            raise HostError(f"CUDA {version} cannot build for {old[0].name}: {last} is the last that does")


def _request(settings: Settings, system: System, known: Tables) -> Request:
    """Without cards: servers with the same driver get the same toolkit."""
    policy = Policy(date.today(), chosen_on=known.collected)
    wishes = Wishes(source="vendor", cuda_source=settings.source)
    return Request((), system.name, policy, system.machine, wishes=wishes)


def _default(request: Request, known: Tables) -> str:
    answer = resolve(request, known)
    if not isinstance(answer, Decision) or not answer.cuda:
        raise HostError(f"no CUDA toolkit is known for {request.system} on {request.machine}")
    return answer.cuda[0].version
