"""What can be set for Docker Engine."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from labprov.role import RoleSettings
from labprov.types import AbsolutePath, UnixName, Url

VersionPattern = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+:~*-]*$", max_length=128)]
"""A package version; ``*`` stands for any text: ``5:29.*``."""

LogSize = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[kmg]$")]
"""A size as Docker's log drivers take it: ``50m``."""

_OWN_SETTING = {
    "data-root": "docker.data_root",
    "log-driver": "docker.log_driver",
    "registry-mirrors": "docker.registry_mirrors",
    "default-address-pools": "docker.address_pools",
    "live-restore": "docker.live_restore",
}


def _network(value: str) -> str:
    ip_network(value)
    return value


class AddressPool(BaseModel):
    """A range that Docker takes the networks of containers from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[str, AfterValidator(_network)]
    """The range: ``172.30.0.0/16``."""
    size: int
    """Prefix length of each network cut from it: ``24``."""

    @model_validator(mode="after")
    def _size_fits(self) -> AddressPool:
        network = ip_network(self.base)
        if not network.prefixlen <= self.size <= network.max_prefixlen - 2:
            raise ValueError(f"size must be {network.prefixlen} to {network.max_prefixlen - 2} for {self.base}")
        return self


class Settings(RoleSettings):
    """Docker Engine.

    What is not set here is a default that gives way: where somebody wrote another value into ``daemon.json`` by hand,
    that value stays. What is set here wins over it.
    """

    source: Literal["vendor", "distro"] = "vendor"
    """``vendor``: docker-ce from Docker's own repository; ``distro``: docker.io from Debian or Ubuntu. The other one's
    packages are removed in the same step; containers, images and volumes stay."""
    version: VersionPattern | None = None
    """Version of the engine's packages, like ``5:29.*``; apt keeps to it, also in upgrades, as dnf's versionlock does
    (which compares without the epoch, ``5:``). Not set: what is installed, or the newest when nothing is."""
    plugins: list[Literal["buildx", "compose"]] = ["buildx", "compose"]
    """Plugins of the command line. Debian 12's own packages have no buildx."""
    data_root: AbsolutePath = "/var/lib/docker"
    """Where containers, volumes and images are kept. Moving it is refused while the old folder holds any: move them
    first. An engine of version 29 or later, freshly installed, keeps images in /var/lib/containerd instead, unless
    ``daemon: {features: {containerd-snapshotter: false}}``."""
    log_driver: Literal["json-file", "local", "journald", "syslog", "none"] = "json-file"
    """Where the output of new containers goes."""
    log_max_size: LogSize = "50m"
    """Size at which a container's log is rotated (json-file and local)."""
    log_max_file: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many log files a container may keep (json-file and local)."""
    registry_mirrors: list[Url] = []
    """Mirrors of Docker Hub, tried in this order; `mirrors.registry` of the inventory when not set."""
    address_pools: list[AddressPool] = []
    """Ranges for containers' networks, where Docker's own (172.17.0.0/12, 192.168.0.0/16) collide with the campus."""
    live_restore: bool = True
    """Containers keep running while the daemon restarts. Must be false on a member of a Docker swarm."""
    cgroup_driver: Literal["systemd", "cgroupfs"] | None = None
    """Who manages containers' cgroups; not set: what the engine chooses. With ``systemd``, a container that got its GPU
    from the legacy hook loses it at ``systemctl daemon-reload``; one that got it by CDI does not."""
    users: list[UnixName] = []
    """Users who may use Docker. Each of them can become root on this server: membership in the group docker is root.
    The accounts must exist. Members who are not named here stay, and are reported."""
    daemon: dict[str, JsonValue] = {}
    """Any other keys of ``daemon.json``, merged key by key: ``{mtu: 1450, features: {buildkit: true}}``."""

    @property
    def hub_mirrors(self) -> list[str]:
        """Mirrors of Docker Hub in force: the role's own, else the inventory's."""
        own = "registry_mirrors" in self.model_fields_set
        return list(self.registry_mirrors if own else self.mirrors.registry)

    @model_validator(mode="after")
    def _daemon_is_json(self) -> Settings:
        for key in self.daemon:
            if key in _OWN_SETTING:
                raise ValueError(f"daemon: {key!r} has a setting of its own: {_OWN_SETTING[key]}")
        if "hosts" in self.daemon:
            raise ValueError(
                "daemon: 'hosts' cannot be set here: the service already says -H, and Docker would not start"
            )
        try:
            json.dumps(self.daemon, allow_nan=False)
        except ValueError:
            raise ValueError("daemon: infinity and not-a-number cannot be written") from None
        return self
