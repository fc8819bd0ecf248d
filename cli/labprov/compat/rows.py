"""The rows of the compatibility tables, as ``data/*.yml`` has them and an inventory may add them. No lookups.

Fields say their units where they have any; ``source`` names an entry of the file's ``sources``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, StringConstraints

Source = Literal["vendor", "distro"]
Flavour = Literal["open", "proprietary"]
Scope = Literal["compute", "full"]
OpenModules = Literal["none", "datacenter", "beta", "yes", "only"]

Minor = Annotated[str, StringConstraints(pattern=r"^\d{1,2}\.\d{1,2}$")]
"""A CUDA version or a compute capability: ``12.8``."""

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A driver branch."""

    __pydantic_config__ = _STRICT
    type: Literal["LTSB", "PB", "NFB", "unknown"]
    released: date
    eol: date | None
    """The day on which NVIDIA's care ends; None: not announced."""
    latest: str
    """The newest release that was seen."""
    max_cuda: Minor
    supports: tuple[str, ...]
    """Architectures, like ``ampere``."""
    open: OpenModules
    source: str
    uncertain: bool = False
    note: str = ""
    caution: str = ""
    """What a user should know before taking it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Major:
    """A major version of CUDA."""

    __pydantic_config__ = _STRICT
    oldest_driver: str | None
    """On it programs of every toolkit of the major version run; None: there is no such rule."""
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolkit:
    """A CUDA toolkit of one minor version."""

    __pydantic_config__ = _STRICT
    branch: int
    """Of the driver that it came with."""
    updates: Mapping[str, str] = field(default_factory=dict)
    """Release -> the driver that it came with."""
    targets: tuple[Minor, ...]
    """Compute capabilities that it builds machine code for."""
    source: str
    unsure: tuple[str, ...] = ()
    gcc: int | None = None
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What goes with a toolkit or a driver by its CUDA version."""

    __pydantic_config__ = _STRICT
    title: str
    follows: Literal["toolkit", "driver"]
    majors: tuple[str, ...]
    """The major versions of CUDA that it is packaged for."""
    deb: tuple[str, ...]
    """Packages, ``{}`` standing for the major version."""
    rpm: tuple[str, ...]
    source: str
    cuda: bool = False
    """Whether a version ends in the CUDA version that it was built with: ``2.29.7-1+cuda12.9``."""
    versions: Mapping[str, Minor] = field(default_factory=dict)
    """Version or ``newest`` -> the oldest compute capability that it has code for; newest first."""
    replaces: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    """Systems of which no source shows it in NVIDIA's repository."""
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """PyTorch's builds for one CUDA version."""

    __pydantic_config__ = _STRICT
    capabilities: tuple[Minor, Minor]
    """Oldest and newest."""
    source: str
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torch:
    """A release of PyTorch."""

    __pydantic_config__ = _STRICT
    builds: tuple[Minor, ...]
    pypi: Minor
    python: str
    source: str
    released: date | None = None
    cudnn: str = ""
    nccl: str = ""
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensorflow:
    """A release of TensorFlow."""

    __pydantic_config__ = _STRICT
    cuda: Minor
    python: str
    source: str
    cudnn: str = ""
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The drivers and toolkits that one source has for one system."""

    __pydantic_config__ = _STRICT
    title: str
    packages: Literal[
        "debian_vendor", "debian_distro", "ubuntu_vendor", "ubuntu_distro", "rhel_streams", "rhel_versionlock"
    ]
    branches: Mapping[str, tuple[int, ...]]
    """By machine, as ``uname -m`` says it."""
    source: str
    follows: bool = False
    open: bool = True
    signed: bool = False
    legacy: Mapping[int, str] = field(default_factory=dict)
    blocked: Mapping[int, str] = field(default_factory=dict)
    doubtful: Mapping[int, str] = field(default_factory=dict)
    max_kernel: Minor | None = None
    toolkits: tuple[Minor, Minor | None] | None = None
    uncertain: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSystem:
    """A release of a distribution."""

    __pydantic_config__ = _STRICT
    title: str
    kernel: str
    drivers: Mapping[Source, Offer]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A GPU that an inventory adds: by its chip, or by what the chip would say."""

    __pydantic_config__ = _STRICT
    name: str
    architecture: str
    capability: Minor
    segment: Literal["geforce", "titan", "workstation", "datacenter", "mining"] = "workstation"
    chip: str = ""
    first_branch: int | None = None
    last_branch: int | None = None
    open_module: Literal["unsupported", "supported", "required"] | None = None
    """None: as its architecture says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All tables but the GPUs that labprov knows by itself."""

    __pydantic_config__ = _STRICT
    branches: Mapping[int, Branch]
    majors: Mapping[str, Major]
    toolkits: Mapping[Minor, Toolkit]
    libraries: Mapping[str, Library]
    torch_builds: Mapping[Minor, TorchBuild]
    torch: Mapping[str, Torch]
    tensorflow: Mapping[str, Tensorflow]
    systems: Mapping[str, OperatingSystem]
    gpus: Mapping[str, Card] = field(default_factory=dict)


_PLAIN: Mapping[str, type[Any]] = {
    "branches": Branch,
    "majors": Major,
    "toolkits": Toolkit,
    "libraries": Library,
    "torch_builds": TorchBuild,
    "torch": Torch,
}
"""Tables whose rows hold no rows."""


def build(raw: Mapping[str, Any]) -> Rows:
    """Rows of data that was validated before; nothing is checked here."""
    plain = {key: {name: _tuples(row) for name, row in rows.items()} for key, rows in raw.items()}
    made: dict[str, Any] = {
        key: {name: kind(**row) for name, row in plain[key].items()} for key, kind in _PLAIN.items()
    }
    made["tensorflow"] = {name: Tensorflow(**row) for name, row in plain["tensorflow"].items()}
    systems = {}
    for name, row in plain["systems"].items():
        drivers = {source: Offer(**offer) for source, offer in row["drivers"].items()}
        systems[name] = OperatingSystem(**{**row, "drivers": drivers})
    return Rows(**made, systems=systems)


def _tuples(value: Any) -> Any:
    """Lists as tuples, at any depth."""
    if isinstance(value, list):
        return tuple(value)
    return {key: _tuples(below) for key, below in value.items()} if isinstance(value, dict) else value
