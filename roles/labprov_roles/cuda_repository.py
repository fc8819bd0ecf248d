"""NVIDIA's package repository, which the driver and CUDA share. Not a role: roles call ``add``."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api.operation import OperationMeta

from labprov.engine.facts.system import System
from labprov.engine.operations import repository
from labprov.errors import HostError
from labprov.mirrors import Mirror
from labprov_roles.nvidia_driver.pins import no_drivers_pin

SLUG = "nvidia-cuda"
"""File name of its key and its source."""

# System -> (key file, fingerprint). Sources: public projects that verify them, 2026. None: no source tells all of it.
_DEBIANS = ("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC")
_RHELS = ("D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685")
_KEYS: dict[str, tuple[str | None, str | None]] = {
    "debian12": _DEBIANS,
    "debian13": ("8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    "rhel10": ("CDF6BA43.pub", None),
    "rhel8": _RHELS,
    "rhel9": _RHELS,
    "ubuntu2204": _DEBIANS,
    "ubuntu2404": _DEBIANS,
    "ubuntu2604": (None, None),
}
CONTAINER_TOOLKIT = ("libnvidia-container*", "nvidia-container-toolkit*")
"""What the repository carries too, often older than the toolkit's own. For dnf; apt has the toolkit's pins for that."""

_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "sbsa"}
"""``uname -m`` -> folder; the repository's own aarch64 folders are for Jetson boards."""


@dataclass(frozen=True, slots=True)
class CudaRepository:
    """Where the repository for one system is, and what must have signed it."""

    url: str
    key_url: str
    fingerprint: str


def cuda_repository(system: System, mirror: Mirror) -> CudaRepository:
    """Locate the repository below ``mirror``. Raises HostError for a system that has none or is not known yet."""
    key, folder = _KEYS.get(system.name), _ARCHITECTURES.get(system.machine)
    if key is None or folder is None:
        known = ", ".join(sorted(_KEYS))
        raise HostError(f"NVIDIA's repository for {system.name} on {system.machine} is not known here; known: {known}")
    url = f"{mirror.url}/{system.name}/{folder}/"
    key_url, fingerprint = mirror.key or (f"{url}{key[0]}" if key[0] else None), mirror.fingerprint or key[1]
    if key_url is None or fingerprint is None:
        values = {"mirrors.cuda.key": key_url, "mirrors.cuda.fingerprint": fingerprint}
        lacking = [name for name, value in values.items() if not value]
        raise HostError(
            f"no source tells which key signs NVIDIA's repository for {system.name}: look at the key itself, and write "
            f"{' and '.join(lacking)} into the inventory"
        )
    return CudaRepository(url, key_url, fingerprint)


def add(system: System, mirror: Mirror) -> OperationMeta:
    """Make the repository usable, without letting it bring drivers. Call it from a role's tasks.

    dnf installs no driver that is not named; what keeps one at its branch is the driver's role's.
    """
    where = cuda_repository(system, mirror)
    if system.family == "debian":
        # The preferences come first: there must be no moment in which an unattended upgrade sees the repository alone.
        # Their name sorts after nvidia-driver.pref, because apt goes by the first record that fits a package.
        repository.pin("Let NVIDIA's repository bring no driver by itself", "nvidia-other-drivers", no_drivers_pin())
    return repository.add(
        title="NVIDIA CUDA",
        slug=SLUG,
        url=where.url,
        suite="/",
        components=(),
        key_url=where.key_url,
        fingerprint=where.fingerprint,
        exclude=CONTAINER_TOOLKIT,
    )
