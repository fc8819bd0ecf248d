"""The container toolkit: settings and systems to packages, pin and keys of daemon.json; the CDI specification."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pyinfra.context import ctx_host

import labprov_roles.nvidia_container_toolkit as toolkit
from labprov.docstrings import meanings
from labprov.engine.facts.system import System
from labprov.engine.facts.units import Unit, Units
from labprov.errors import HostError
from labprov_roles.docker.daemon import merge
from labprov_roles.nvidia_container_toolkit import operations, tasks
from labprov_roles.nvidia_container_toolkit.facts import BOOT_SPEC, LASTING_SPEC, AnsweringDriver, Cdi, CdiState
from labprov_roles.nvidia_container_toolkit.settings import Settings
from labprov_roles.nvidia_container_toolkit.systems import daemon_keys, pin, source
from labprov_roles.nvidia_driver.facts import LoadedDriver

TRIXIE = System("debian", "13", "trixie")


def test_vendors_repository():
    found = source(TRIXIE, Settings())
    assert found.url == "https://nvidia.github.io/libnvidia-container/stable/deb/amd64"
    assert found.suite == "/"
    assert found.key_url == "https://nvidia.github.io/libnvidia-container/gpgkey"
    assert found.fingerprint == "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
    assert "Pin: origin nvidia.github.io\nPin-Priority: 1001" in found.pin


def test_the_pin_names_the_mirrors_host_without_its_port():
    mirror = {"nvidia_container_toolkit": "http://user@mirror.example:8080/libnvidia-container"}
    found = source(TRIXIE, Settings.model_validate({"mirrors": mirror}))
    assert found.url == "http://user@mirror.example:8080/libnvidia-container/stable/deb/amd64"
    assert "Pin: origin mirror.example\n" in found.pin


def test_the_cuda_repository_comes_first_in_the_pin():
    first, second = pin("mirror.example").split("\n\n")
    assert "Pin: release l=NVIDIA CUDA\nPin-Priority: 100" in first
    assert "Pin-Priority: 1001" in second
    for stanza in (first, second):
        assert stanza.startswith("Package: nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-")


def test_all_four_packages_get_the_version():
    packages = source(System("debian", "12", "bookworm"), Settings(version="1.20.0-1")).packages
    assert len(packages) == 4
    assert all(name.endswith("=1.20.0-1") for name in packages)
    assert not [name for name in source(TRIXIE, Settings()).packages if "=" in name]


def test_an_arm_server_gets_its_own_repository():
    assert source(System("debian", "13", "trixie", machine="aarch64"), Settings()).url.endswith("/deb/arm64")


def test_an_unknown_system_is_refused():
    with pytest.raises(HostError, match=r"fedora 43 is not supported"):
        source(System("fedora", "43"), Settings())


@pytest.mark.parametrize("version", ["22.04", "24.04", "26.04"])
def test_ubuntu_has_debians_repository_and_pin(version):
    found = source(System("ubuntu", version, "", ("debian",)), Settings())
    assert found == source(TRIXIE, Settings())


@pytest.mark.parametrize("version", ["8.10", "9.6", "10.1"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_rhel_has_a_repository_whose_index_is_signed(version, machine):
    found = source(System("almalinux", version, "", ("rhel",), machine), Settings(version="1.20.0-1"))
    assert found.url == f"https://nvidia.github.io/libnvidia-container/stable/rpm/{machine}"
    assert (found.signed, found.pin) == ("metadata", "")
    assert found.fingerprint == "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
    assert all(name.endswith("=1.20.0-1") for name in found.packages)


def test_keys_are_those_that_nvidia_ctk_would_write():
    assert daemon_keys(Settings()).keys == {
        "runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}},
        "features": {"cdi": True},
    }
    assert daemon_keys(Settings(default_runtime=True)).keys["default-runtime"] == "nvidia"
    assert "features" not in daemon_keys(Settings(cdi=False)).keys


def test_features_of_others_are_merged_not_replaced():
    config = merge('{"features": {"buildkit": true}}', {}, daemon_keys(Settings())).config
    assert config["features"] == {"buildkit": True, "cdi": True}


def test_an_engine_without_cdi_is_not_told_of_it():
    assert "features" not in daemon_keys(Settings()).known_to(20).keys
    assert daemon_keys(Settings()).known_to(25).keys["features"] == {"cdi": True}


@pytest.mark.parametrize(
    "values",
    [{"version": "1.20.0-1; reboot"}, {"version": "1.20.*"}, {"cdi": "perhaps"}, {"runtime": "nvidia"}, {"hold": 2}],
    ids=str,
)
def test_hostile_and_mistaken_settings_are_refused(values):
    with pytest.raises(ValidationError):
        Settings.model_validate(values)


def test_every_setting_is_documented():
    assert [name for name, text in meanings(Settings).items() if not text] == []


def test_the_template_lies_where_the_target_has_it():
    assert (
        (Path(toolkit.__file__).parent / "templates" / tasks.UDEV_RULE).read_text().startswith("# Managed by labprov")
    )


# --- CDI --------------------------------------------------------------------------------------------------------------


def test_cdi_of_a_bare_host():
    assert CdiState().process([]) == CdiState.default() == Cdi()


def test_cdi_of_a_working_host():
    found = CdiState().process(["installed yes", "libcuda.so.595.71.05", "libcuda.so.595.71.05"])
    assert found == Cdi(True, frozenset({"595.71.05"}))


def test_the_specifications_are_read_by_one_command(tmp_path):
    (tmp_path / "boot.yaml").write_text("- hostPath: /usr/lib/libcuda.so.595.71.05\n- /usr/lib/libcuda.so.1\n")
    (tmp_path / "lasting.yaml").write_text("- hostPath: /usr/lib/libcuda.so.580.10.01\n")
    command = CdiState().command()
    for path, name in ((BOOT_SPEC, "boot.yaml"), (LASTING_SPEC, "lasting.yaml")):
        assert path in command
        command = command.replace(path, str(tmp_path / name))
    said = subprocess.check_output(["sh", "-c", command], text=True)
    assert CdiState().process(said.splitlines()).described == {"595.71.05", "580.10.01"}


@pytest.mark.parametrize(
    ("said", "version"),
    [("echo 595.71.05; echo 595.71.05", "595.71.05"), ("echo '[N/A]'", ""), ("echo 595.71.05; exit 18", "")],
    ids=["two cards", "says no version", "does not match its library"],
)
def test_whether_the_driver_answers_is_its_tools_exit_code(tmp_path, said, version):
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{said}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    command = ["/bin/sh", "-c", AnsweringDriver().command()]
    output = subprocess.check_output(command, env={"PATH": str(tmp_path)}, text=True)
    assert AnsweringDriver().process(output.splitlines()) == version


READY = {
    "nvidia-cdi-refresh.path": Unit("enabled", "active"),
    "nvidia-cdi-refresh.service": Unit("enabled", "inactive"),
}
DISABLED = dict.fromkeys(READY, Unit("disabled", "inactive"))


@dataclass
class FakeHost:
    """A host whose only facts are its CDI specification, the units and the driver."""

    state: Cdi
    units: dict[str, Unit] = field(default_factory=dict)
    loaded: str = ""
    answers: str = ""
    asked: list[type] = field(default_factory=list)
    noops: list[str] = field(default_factory=list)

    def get_fact(self, kind: type, **_: Any) -> Any:
        self.asked.append(kind)
        known = {CdiState: self.state, Units: self.units, LoadedDriver: self.loaded, AnsweringDriver: self.answers}
        return known[kind]

    def noop(self, description: str) -> None:
        self.noops.append(description)


def commands(host: FakeHost, operation: Any) -> list[str]:
    with ctx_host.use(host):
        found = [command.get_raw_value() for command in operation._inner()]
    assert bool(found) != bool(host.noops), "an operation either does something or says why not"
    return found


ENABLE = ["systemctl enable nvidia-cdi-refresh.service && systemctl enable --now nvidia-cdi-refresh.path"]


@pytest.mark.parametrize(
    ("installed", "units", "expected"),
    [
        (False, {}, ENABLE),
        (True, DISABLED, ENABLE),
        (True, READY | {"nvidia-cdi-refresh.service": Unit("disabled", "inactive")}, ENABLE),
        (True, READY | {"nvidia-cdi-refresh.path": Unit("enabled", "inactive")}, ENABLE),
        (True, READY, []),
        (True, {}, []),
    ],
    ids=["plan of a bare host", "disabled", "service disabled", "does not watch", "ready", "older than 1.18"],
)
def test_the_units_are_enabled_where_there_are_any(installed, units, expected):
    assert commands(FakeHost(Cdi(installed), units), operations.cdi_watched) == expected


REFRESH = (
    "systemctl restart nvidia-cdi-refresh.service; grep -qsF 595.71.05 /var/run/cdi/nvidia.yaml "
    "|| nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml"
)
ASIDE = "[ ! -e /etc/cdi/nvidia.yaml ] || mv -f /etc/cdi/nvidia.yaml /etc/cdi/nvidia.yaml.stale"


@pytest.mark.parametrize(
    ("described", "units", "expected"),
    [
        ({"595.71.05"}, READY, []),
        (set(), READY, [REFRESH]),
        ({"580.10.01"}, READY, [ASIDE, REFRESH]),
        ({"580.10.01", "595.71.05"}, READY, [ASIDE, REFRESH]),
        ({"580.10.01"}, {}, ["mkdir -p /etc/cdi", "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"]),
    ],
    ids=["fresh", "missing", "stale", "stale beside a fresh one", "older than 1.18"],
)
def test_a_stale_specification_is_written_anew(described, units, expected):
    host = FakeHost(Cdi(True, frozenset(described)), units, "595.71.05", "595.71.05")
    assert commands(host, operations.cdi_fresh) == expected


def test_a_driver_that_is_described_is_not_woken():
    host = FakeHost(Cdi(True, frozenset({"595.71.05"})), READY, "595.71.05", "")
    assert commands(host, operations.cdi_fresh) == []
    assert AnsweringDriver not in host.asked


@pytest.mark.parametrize("loaded", ["", "595.71.05"], ids=["not loaded", "loaded, and does not answer"])
def test_without_a_driver_that_answers_nothing_is_written(loaded):
    host = FakeHost(Cdi(True, frozenset({"580.10.01"})), READY, loaded, "")
    assert commands(host, operations.cdi_fresh) == []
