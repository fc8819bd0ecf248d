"""What differs between distributions, and what the settings ask of daemon.json. Pure: touches no host.

Names, URLs and fingerprints: Docker's installation manual and docker-ce-packaging, Debian's archive (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.docker.daemon import Wanted
from labprov_roles.docker.settings import Settings

DOCKERS_KEY = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"

_VENDOR_PLUGINS = {"buildx": "docker-buildx-plugin", "compose": "docker-compose-plugin"}
_DISTRO_PLUGINS = {
    "debian12": {"compose": "docker-compose"},
    "debian13": {"buildx": "docker-buildx", "compose": "docker-compose"},
}
_DISTRO_ENGINE = {"debian12": ("docker.io",), "debian13": ("docker.io", "docker-cli")}

_VENDOR_ENGINE = ("docker-ce", "docker-ce-cli")
_OTHERS_OF_VENDOR = (
    "docker.io", "docker-cli", "docker-doc", "docker-compose", "docker-compose-v2", "docker-buildx", "podman-docker",
    "containerd", "runc",
)  # fmt: skip
_OTHERS_OF_DISTRO = (
    "docker-ce", "docker-ce-cli", "docker-ce-rootless-extras", "containerd.io", "docker-buildx-plugin",
    "docker-compose-plugin", "docker-model-plugin", "podman-docker",
)  # fmt: skip

# Without apparmor's parser Docker cannot start a container on a kernel that has AppArmor on, as Debian's has;
# both sources only recommend the package.
_NEEDED = ("apparmor", "ca-certificates")


@dataclass(frozen=True, slots=True)
class Repository:
    """A package repository and the key that must have signed it."""

    url: str
    suite: str
    component: str
    key_url: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where Docker comes from on one system."""

    repository: Repository | None
    """None: the distribution's own."""
    engine: tuple[str, ...]
    """Packages that carry the engine's version."""
    packages: tuple[str, ...]
    """All packages to install, as names or ``name=version``."""
    rivals: tuple[str, ...]
    """Packages that exclude these or do the same."""


def source(system: System, settings: Settings) -> Source:
    """Where Docker comes from. Raises HostError for a system that this role does not know."""
    if system.name not in _DISTRO_ENGINE:
        raise HostError(f"Docker on {system.id} {system.version} is not supported yet: Debian 12 and 13 are")
    vendor = settings.source == "vendor"
    engine = _VENDOR_ENGINE if vendor else _DISTRO_ENGINE[system.name]
    plugins = _VENDOR_PLUGINS if vendor else _DISTRO_PLUGINS[system.name]
    versioned = tuple(f"{name}={settings.version}" if settings.version else name for name in engine)
    extra = tuple(plugins[name] for name in ("buildx", "compose") if name in settings.plugins and name in plugins)
    runtime = ("containerd.io",) if vendor else ()
    return Source(
        repository(system, settings) if vendor else None,
        engine,
        (*versioned, *runtime, *extra, *_NEEDED),
        _OTHERS_OF_VENDOR if vendor else _OTHERS_OF_DISTRO,
    )


def repository(system: System, settings: Settings) -> Repository:
    """Docker's own repository, or the mirror of it that the inventory names."""
    mirror = settings.mirrors.docker
    url = f"{mirror.url}/linux/{system.id}"
    return Repository(url, system.codename, "stable", mirror.key or f"{url}/gpg", mirror.fingerprint or DOCKERS_KEY)


def version_pin(engine: tuple[str, ...], version: str) -> str:
    """Apt preferences that keep the engine at a version pattern."""
    return f"Package: {' '.join(engine)}\nPin: version {version}\nPin-Priority: 1001\n"


def daemon_keys(settings: Settings) -> Wanted:
    """What the settings ask of daemon.json: what somebody set is required, the rest are defaults that give way."""
    required: dict[str, Any] = {}
    defaults = []
    for names, keys in _groups(settings):
        if names & settings.model_fields_set:
            required |= keys
        elif keys:
            defaults.append(keys)
    return Wanted("docker", _deep_merge(required, settings.daemon), defaults)


def _groups(settings: Settings) -> list[tuple[set[str], dict[str, Any]]]:
    """Settings that go together, and their keys; those whose default is Docker's own have none unless they were set."""
    log: dict[str, Any] = {"log-driver": settings.log_driver}
    if settings.log_driver in ("json-file", "local"):
        log["log-opts"] = {"max-size": settings.log_max_size, "max-file": str(settings.log_max_file)}
    chosen = settings.model_fields_set
    data = {"data-root": settings.data_root} if "data_root" in chosen else {}
    mirrors = {"registry-mirrors": settings.registry_mirrors} if settings.registry_mirrors else {}
    pools = {"default-address-pools": [pool.model_dump() for pool in settings.address_pools]}
    driver = {"exec-opts": [f"native.cgroupdriver={settings.cgroup_driver}"]}
    return [
        ({"data_root"}, data),
        ({"log_driver", "log_max_size", "log_max_file"}, log),
        ({"live_restore"}, {"live-restore": settings.live_restore}),
        ({"registry_mirrors"}, mirrors),
        ({"address_pools"}, pools if settings.address_pools else {}),
        ({"cgroup_driver"}, driver if settings.cgroup_driver else {}),
    ]


def _deep_merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _deep_merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
