"""What differs between distributions, and what the settings ask of daemon.json. Pure: touches no host.

Names, URLs and fingerprints: Docker's installation manual and docker-ce-packaging, Debian's archive, and
packages.ubuntu.com (2026-11).
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
DOCKERS_RPM_KEY = "060A61C51B558A7F742B77AAC52FEB6B621E9F35"

_VENDOR_PLUGINS = {"buildx": "docker-buildx-plugin", "compose": "docker-compose-plugin"}
_UBUNTU_PLUGINS = {"buildx": "docker-buildx", "compose": "docker-compose-v2"}
_DISTRO_PLUGINS = {
    "debian12": {"compose": "docker-compose"},
    "debian13": {"buildx": "docker-buildx", "compose": "docker-compose"},
    "ubuntu2204": _UBUNTU_PLUGINS,
    "ubuntu2404": _UBUNTU_PLUGINS,
    "ubuntu2604": _UBUNTU_PLUGINS,
}
_DISTRO_ENGINE = {
    "debian12": ("docker.io",),
    "debian13": ("docker.io", "docker-cli"),
    "ubuntu2204": ("docker.io",),
    "ubuntu2404": ("docker.io",),
    "ubuntu2604": ("docker.io",),
}
_RHELS = ("rhel8", "rhel9", "rhel10")
SYSTEMS = (*_DISTRO_ENGINE, *_RHELS)

_VENDOR_ENGINE = ("docker-ce", "docker-ce-cli")
_OTHERS_OF_VENDOR = (
    "docker.io", "docker-cli", "docker-doc", "docker-compose", "docker-compose-v2", "docker-buildx", "podman-docker",
    "containerd", "runc",
)  # fmt: skip
_OTHERS_OF_DISTRO = (
    "docker-ce", "docker-ce-cli", "docker-ce-rootless-extras", "containerd.io", "docker-buildx-plugin",
    "docker-compose-plugin", "docker-model-plugin", "podman-docker",
)  # fmt: skip

# RHEL 8, 9: Docker's manual. runc, and podman-docker's command, exclude Docker's own.
_OTHERS_ON_RHEL = (
    "docker", "docker-client", "docker-client-latest", "docker-common", "docker-engine", "docker-latest",
    "docker-latest-logrotate", "docker-logrotate", "podman-docker", "runc",
)  # fmt: skip
# On RHEL 8 they need runc, and would go with it: named, so that a plan shows it. Later ones use crun, and stay.
_NEED_RUNC = ("buildah", "podman")

# Without apparmor's parser Docker cannot start a container on a kernel that has AppArmor on, as Debian's has;
# both sources only recommend the package. On RHEL 10 iptables lacks xt_addrtype without the extra modules, which
# nothing brings any more (docker-ce-packaging, issue 1340).
_NEEDED = {
    "debian": ("apparmor", "ca-certificates"),
    "rhel": ("ca-certificates", "container-selinux"),
    "rhel10": ("ca-certificates", "container-selinux", "kernel-modules-extra"),
}


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
    selinux: bool
    """Whether the family has SELinux."""
    version: str | None
    """A pattern that keeps the engine's version, or None: any."""


def source(system: System, settings: Settings) -> Source:
    """Where Docker comes from. Raises HostError for a system that this role does not know."""
    if system.name not in SYSTEMS:
        raise HostError(f"Docker on {system.id} {system.version} is not supported yet: {', '.join(SYSTEMS)} are")
    vendor = settings.source == "vendor"
    if not vendor and system.name not in _DISTRO_ENGINE:
        raise HostError(f"{system.id} {system.version} has no Docker of its own (podman is): set docker.source: vendor")
    engine = _VENDOR_ENGINE if vendor else _DISTRO_ENGINE[system.name]
    plugins = _VENDOR_PLUGINS if vendor else _DISTRO_PLUGINS[system.name]
    version = version_here(system, settings.version)
    versioned = tuple(f"{name}={version}" if version else name for name in engine)
    extra = tuple(plugins[name] for name in ("buildx", "compose") if name in settings.plugins and name in plugins)
    runtime = ("containerd.io",) if vendor else ()
    needed = _NEEDED.get(system.name, _NEEDED[system.family])
    return Source(
        repository(system, settings) if vendor else None,
        engine,
        (*versioned, *runtime, *extra, *needed),
        _rivals(system, vendor),
        system.family == "rhel",
        version,
    )


def _rivals(system: System, vendor: bool) -> tuple[str, ...]:
    if system.family == "rhel":
        return (*_OTHERS_ON_RHEL, *(_NEED_RUNC if system.name == "rhel8" else ()))
    return _OTHERS_OF_VENDOR if vendor else _OTHERS_OF_DISTRO


def version_here(system: System, version: str | None) -> str | None:
    """A version pattern of the inventory as this system's packages have it.

    Docker's deb packages have the epoch 5, its rpm packages another one each: so that one inventory serves both, rpm's
    are compared without.
    """
    return version.rpartition(":")[2] if version and system.family == "rhel" else version


def repository(system: System, settings: Settings) -> Repository:
    """Docker's own repository, or the mirror of it that the inventory names."""
    mirror = settings.mirrors.docker
    if system.family == "rhel":  # its rebuilds too: Docker builds for RHEL 8, 9 and 10, not for each of them
        url = f"{mirror.url}/linux/rhel"
        stable = f"{url}/{system.name.removeprefix('rhel')}/{system.machine}/stable"
        return Repository(stable, "", "", mirror.key or f"{url}/gpg", mirror.fingerprint or DOCKERS_RPM_KEY)
    url = f"{mirror.url}/linux/{system.id}"
    return Repository(url, system.codename, "stable", mirror.key or f"{url}/gpg", mirror.fingerprint or DOCKERS_KEY)


def daemon_keys(settings: Settings) -> Wanted:
    """What the settings ask of daemon.json: what somebody set is required, the rest are defaults that give way."""
    required: dict[str, Any] = {}
    defaults = []
    chosen = settings.model_fields_set | ({"registry_mirrors"} if settings.hub_mirrors else set())
    for names, keys in _groups(settings):
        if names & chosen:
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
    mirrors = {"registry-mirrors": settings.hub_mirrors} if settings.hub_mirrors else {}
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
