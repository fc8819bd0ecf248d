"""Checks that containers get the GPUs of this server and keep them: by running containers, not by reading files."""

from __future__ import annotations

import json
import re

import pytest
from testinfra.host import Host

from labprov_roles import package_checks
from labprov_roles.docker.minimal_image import Said, said, with_container
from labprov_roles.nvidia_container_toolkit.settings import Settings
from labprov_roles.nvidia_container_toolkit.systems import PACKAGES, SLUG

LIST = "docker exec $c nvidia-smi -L"
BY_CDI = ["--network none", "--device nvidia.com/gpu=all"]
BY_RUNTIME = ["--network none", "--runtime=nvidia", "--env NVIDIA_VISIBLE_DEVICES=all"]


def _uuids(text: str) -> list[str]:
    return sorted(re.findall(r"UUID: (GPU-[0-9a-fA-F-]+)\)", text))


def _gpus_of_host(host: Host) -> list[str]:
    listed = host.run("nvidia-smi -L")
    assert listed.rc == 0, f"the driver does not answer on the host: {said(listed)}"
    return _uuids(listed.stdout)


def _gpus_in(listed: Said) -> list[str]:
    assert listed.rc == 0, f"nvidia-smi in the container: {listed}"
    return _uuids(listed.text)


def _needs_gpu(host: Host) -> None:
    if host.run("grep -qsx 0x10de /sys/bus/pci/devices/*/vendor").rc != 0:
        pytest.skip("no NVIDIA GPU here: the toolkit was installed because the inventory forces it")


def _cdi_lacks(host: Host, settings: Settings) -> str:
    """Why containers cannot ask for GPUs by CDI here; empty when they can."""
    if not settings.cdi:
        return "cdi is false in the inventory"
    version = host.run("docker version --format '{{.Server.Version}}'").stdout.strip()
    major = version.partition(".")[0]
    return "" if major.isdigit() and int(major) >= 25 else f"Docker {version or '(no answer)'} is older than 25"


def test_engine_knows_the_nvidia_runtime(host: Host, settings: Settings) -> None:
    """The running daemon's list of runtimes."""
    assert "nvidia" in json.loads(host.run("docker info --format '{{json .Runtimes}}'").stdout)


def test_default_runtime_is_as_set(host: Host, settings: Settings) -> None:
    """The running daemon's word for what containers run under."""
    if settings.default_runtime:
        assert host.run("docker info --format '{{.DefaultRuntime}}'").stdout.strip() == "nvidia"


def test_cdi_names_every_gpu(host: Host, settings: Settings) -> None:
    """The CDI specification lists as many GPUs as the driver does, and ``all``."""
    _needs_gpu(host)
    if lack := _cdi_lacks(host, settings):
        pytest.skip(lack)
    listed = host.run("nvidia-ctk cdi list").stdout.split()
    numbered = {name for name in listed if re.fullmatch(r"nvidia\.com/gpu=\d+", name)}
    assert len(numbered) == len(_gpus_of_host(host))
    assert "nvidia.com/gpu=all" in listed


def test_container_keeps_its_gpus_over_a_daemon_reload(host: Host, settings: Settings) -> None:
    """A container sees the host's GPUs, by CDI where there is that, and the same one still does after a reload."""
    _needs_gpu(host)
    gpus = _gpus_of_host(host)
    lack = _cdi_lacks(host, settings)
    way, cure = (BY_RUNTIME, "docker.cgroup_driver: cgroupfs") if lack else (BY_CDI, "dev_char_links: true")
    before, reload, after = with_container(host, [LIST, "systemctl daemon-reload", LIST], way, ["nvidia-smi"])
    assert _gpus_in(before) == gpus, "the container does not see the host's GPUs"
    assert reload.rc == 0, str(reload)
    assert _uuids(after.text) == gpus, f"lost at 'systemctl daemon-reload' ({after}): try {cure}"


def test_container_sees_gpus_by_the_nvidia_runtime(host: Host, settings: Settings) -> None:
    """By ``--runtime=nvidia`` a container sees the host's GPUs too."""
    _needs_gpu(host)
    [listed] = with_container(host, [LIST], BY_RUNTIME, ["nvidia-smi"])
    assert _gpus_in(listed) == _gpus_of_host(host)


def test_container_without_request_sees_no_gpu(host: Host, settings: Settings) -> None:
    """A container that asks for none gets none, so that one user's does not hold another's GPU."""
    _needs_gpu(host)
    [listed] = with_container(host, ["docker exec $c ls /dev"], ["--network none", "--runtime=runc"])
    devices = listed.text.split()
    assert "null" in devices, str(listed)
    assert not [name for name in devices if name.startswith("nvidia")]


def test_packages_are_of_one_version(host: Host, settings: Settings) -> None:
    """All four packages have the same version: the inventory's, where it names one."""
    versions = package_checks.installed(host, *PACKAGES)
    assert sorted(versions) == sorted(PACKAGES)
    assert len(set(versions.values())) == 1, versions
    if settings.version:
        assert set(versions.values()) == {settings.version}


def test_another_repository_cannot_take_over(host: Host, settings: Settings) -> None:
    """What the package manager would install now comes from the toolkit's own repository."""
    url = settings.mirrors.nvidia_container_toolkit.url
    assert package_checks.candidate_comes_from(host, PACKAGES[0], url, SLUG) == ""
