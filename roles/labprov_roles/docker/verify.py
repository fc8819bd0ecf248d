"""Checks that Docker works as its settings say: by asking the engine, and by running a container."""

from __future__ import annotations

import json
from typing import Any

from testinfra.host import Host

from labprov_roles.docker.minimal_image import said, with_container
from labprov_roles.docker.settings import Settings


def _info(host: Host, field: str) -> Any:
    asked = host.run(f"docker info --format '{{{{json .{field}}}}}'")
    assert asked.rc == 0, f"the engine does not answer: {said(asked)}"
    return json.loads(asked.stdout)


def test_engine_answers(host: Host, settings: Settings) -> None:
    """The daemon answers, and its version can be told."""
    assert _info(host, "ServerVersion")


def test_engine_starts_at_boot(host: Host, settings: Settings) -> None:
    """A reboot brings Docker back."""
    assert host.run("systemctl is-enabled docker.service").stdout.strip() == "enabled"


def test_data_is_kept_where_the_inventory_says(host: Host, settings: Settings) -> None:
    """The engine's own word for its data root; a folder chosen by hand stands where the inventory says nothing."""
    root = _info(host, "DockerRootDir")
    if "data_root" in settings.model_fields_set:
        assert root == settings.data_root.rstrip("/")
    assert host.run("test -d %s", f"{root}/containers").rc == 0, f"{root} holds no containers folder"


def test_container_runs(host: Host, settings: Settings) -> None:
    """A container starts on the default network, and a command in it is isolated from the host's processes."""
    look = "docker exec $c sh -c 'head -c 5 /proc/1/cmdline; ls -d /proc/[0-9]*'"
    [inside] = with_container(host, [look])
    assert inside.rc == 0, str(inside)
    assert inside.text.startswith("sleep"), "the first process of the container is not the one it was given"
    assert len(inside.text.split()) < 10, "the container sees the host's processes"


def test_container_logs_cannot_fill_the_disk(host: Host, settings: Settings) -> None:
    """A container's log is rotated, or goes to something that rotates it."""
    look = "docker inspect --format '{{json .HostConfig.LogConfig}}' $c"
    [asked] = with_container(host, [look], ["--network none"])
    assert asked.rc == 0, str(asked)
    log = json.loads(asked.text)
    if settings.model_fields_set & {"log_driver", "log_max_size", "log_max_file"}:
        assert log["Type"] == settings.log_driver
        if settings.log_driver in ("json-file", "local"):
            wanted = {"max-size": settings.log_max_size, "max-file": str(settings.log_max_file)}
            assert log["Config"] | wanted == log["Config"], f"new containers have {log['Config']}"
    assert log["Type"] != "json-file" or "max-size" in log["Config"], "a container's log grows without end"


def test_containers_outlive_the_daemon(host: Host, settings: Settings) -> None:
    """Live-restore is as the inventory says: the running daemon's word, not the file's."""
    if "live_restore" in settings.model_fields_set:
        assert _info(host, "LiveRestoreEnabled") is settings.live_restore
    else:
        assert isinstance(_info(host, "LiveRestoreEnabled"), bool)


def test_registry_mirrors_are_known(host: Host, settings: Settings) -> None:
    """The running daemon names every mirror of the inventory, in that order."""
    known = [url.rstrip("/") for url in _info(host, "RegistryConfig.Mirrors") or []]
    wanted = [url.rstrip("/") for url in settings.hub_mirrors]
    assert [url for url in known if url in wanted] == wanted


def test_address_pools_are_known(host: Host, settings: Settings) -> None:
    """The running daemon takes networks from the inventory's ranges."""
    if settings.address_pools:
        known = [(pool["Base"], pool["Size"]) for pool in _info(host, "DefaultAddressPools") or []]
        assert known == [(pool.base, pool.size) for pool in settings.address_pools]


def test_cgroup_driver_is_as_set(host: Host, settings: Settings) -> None:
    """The running daemon's word for who manages cgroups."""
    if settings.cgroup_driver:
        assert _info(host, "CgroupDriver") == settings.cgroup_driver


def test_named_users_may_use_docker(host: Host, settings: Settings) -> None:
    """Each user of the inventory gets an answer from the engine, in a fresh session."""
    for user in settings.users:
        asked = host.run("runuser -u %s -- docker version --format '{{.Server.Version}}'", user)
        assert asked.rc == 0, f"{user}: {said(asked)}"


def test_others_may_not_use_docker(host: Host, settings: Settings) -> None:
    """A user outside the group is denied: whoever may use Docker is root."""
    asked = host.run("runuser -u nobody -- docker --host unix:///run/docker.sock ps")
    assert asked.rc != 0, "the user nobody may use Docker, and so become root"
    assert "permission denied" in asked.stderr.lower(), said(asked)
