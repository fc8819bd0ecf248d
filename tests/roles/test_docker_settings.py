"""Docker's settings and systems: to packages, repository and keys of daemon.json; and what is refused."""

import datetime

import pytest
from pydantic import ValidationError

from labprov.docstrings import meanings
from labprov.engine.facts.system import System
from labprov.engine.operations.repository import version_stanza
from labprov.errors import HostError
from labprov_roles.docker.daemon import merge
from labprov_roles.docker.settings import Settings
from labprov_roles.docker.systems import daemon_keys, repository, source

BOOKWORM = System("debian", "12", "bookworm")
TRIXIE = System("debian", "13", "trixie")
LOG = {"log-driver": "json-file", "log-opts": {"max-size": "50m", "max-file": "3"}}


def test_vendors_repository():
    found = repository(BOOKWORM, Settings())
    assert found.url == "https://download.docker.com/linux/debian"
    assert (found.suite, found.component) == ("bookworm", "stable")
    assert found.key_url == "https://download.docker.com/linux/debian/gpg"
    assert found.fingerprint == "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"


def test_a_mirrors_url_key_and_fingerprint():
    mirror = {"url": "https://mirror.example/docker-ce/", "key": "https://keys.example/docker", "fingerprint": "A" * 40}
    found = repository(TRIXIE, Settings.model_validate({"mirrors": {"docker": mirror}}))
    assert found.url == "https://mirror.example/docker-ce/linux/debian"
    assert (found.key_url, found.fingerprint) == ("https://keys.example/docker", "A" * 40)


def test_vendors_packages():
    found = source(TRIXIE, Settings(version="5:29.*"))
    assert found.packages[:3] == ("docker-ce=5:29.*", "docker-ce-cli=5:29.*", "containerd.io")
    assert {"docker-buildx-plugin", "docker-compose-plugin", "apparmor"} <= set(found.packages)
    assert {"docker.io", "docker-cli", "containerd", "runc", "podman-docker"} <= set(found.rivals)


@pytest.mark.parametrize(
    ("system", "packages"),
    [
        (BOOKWORM, {"docker.io", "docker-compose"}),
        (TRIXIE, {"docker.io", "docker-cli", "docker-buildx", "docker-compose"}),
    ],
)
def test_distributions_packages(system, packages):
    found = source(system, Settings(source="distro"))
    assert found.repository is None
    assert set(found.packages) - {"apparmor", "ca-certificates"} == packages
    assert {"docker-ce", "containerd.io", "docker-buildx-plugin"} <= set(found.rivals)


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE])
@pytest.mark.parametrize("origin", ["vendor", "distro"])
def test_no_package_is_wanted_and_removed_at_once(system, origin):
    found = source(system, Settings(source=origin))
    assert not {name.partition("=")[0] for name in found.packages} & set(found.rivals)


def test_plugins_can_be_left_out():
    assert not [name for name in source(TRIXIE, Settings(plugins=[])).packages if "plugin" in name]


def test_an_unknown_system_is_refused():
    with pytest.raises(HostError, match=r"fedora 43 is not supported"):
        source(System("fedora", "43"), Settings())


@pytest.mark.parametrize(
    ("system", "suite"),
    [
        (System("ubuntu", "22.04", "jammy", ("debian",)), "jammy"),
        (System("ubuntu", "24.04", "noble", ("debian",)), "noble"),
        (System("ubuntu", "26.04", "resolute", ("debian",)), "resolute"),
    ],
)
def test_ubuntu(system, suite):
    found = source(system, Settings(version="5:29.*"))
    assert (found.repository.url, found.repository.suite) == ("https://download.docker.com/linux/ubuntu", suite)
    assert "docker-ce=5:29.*" in found.packages
    own = source(system, Settings(source="distro"))
    assert own.repository is None
    assert {*own.packages} >= {"docker.io", "docker-buildx", "docker-compose-v2"}


@pytest.mark.parametrize("ident", ["rhel", "rocky", "almalinux", "centos"])
@pytest.mark.parametrize(("version", "major"), [("8.10", "8"), ("9.6", "9"), ("10.1", "10")])
def test_rhel_and_its_rebuilds(ident, version, major):
    system = System(ident, version, "", ("rhel", "fedora"))
    found = source(system, Settings(version="5:29.*"))
    assert found.repository.url == f"https://download.docker.com/linux/rhel/{major}/x86_64/stable"
    assert found.repository.key_url == "https://download.docker.com/linux/rhel/gpg"
    assert found.repository.fingerprint == "060A61C51B558A7F742B77AAC52FEB6B621E9F35"
    # rpm's epochs are 3 and 1: one pattern for both packages, and for deb's 5
    assert found.packages[:3] == ("docker-ce=29.*", "docker-ce-cli=29.*", "containerd.io")
    assert found.version == "29.*"
    assert "container-selinux" in found.packages and "apparmor" not in found.packages
    assert ("kernel-modules-extra" in found.packages) == (major == "10")
    assert {"podman-docker", "runc"} <= {*found.rivals}
    assert ("podman" in found.rivals) == (major == "8")
    assert not {name.partition("=")[0] for name in found.packages} & {*found.rivals}


def test_rhel_has_no_docker_of_its_own():
    with pytest.raises(HostError, match=r"rocky 9\.6 has no Docker of its own .*set docker\.source: vendor"):
        source(System("rocky", "9.6", "", ("rhel",)), Settings(source="distro"))


def test_a_version_is_kept_by_apt():
    pin = version_stanza(("docker-ce", "docker-ce-cli"), "5:29.*")
    assert pin == "Package: docker-ce docker-ce-cli\nPin: version 5:29.*\nPin-Priority: 1001\n"


def test_defaults_rotate_logs_and_keep_containers_and_give_way():
    wanted = daemon_keys(Settings())
    assert wanted.keys == {}
    assert list(wanted.defaults) == [LOG, {"live-restore": True}]
    assert merge('{"data-root": "/data"}', {}, wanted).config["data-root"] == "/data"


def test_what_is_set_is_required_with_all_that_goes_with_it():
    wanted = daemon_keys(Settings(log_max_size="10m", live_restore=True))
    assert wanted.keys == {
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "3"},
        "live-restore": True,
    }
    assert list(wanted.defaults) == []


def test_the_default_data_root_is_written_only_when_somebody_set_it():
    assert daemon_keys(Settings(data_root="/var/lib/docker")).keys == {"data-root": "/var/lib/docker"}
    assert "data-root" not in daemon_keys(Settings()).keys


def test_other_drivers_get_no_options_that_stop_them():
    assert daemon_keys(Settings(log_driver="journald")).keys == {"log-driver": "journald"}
    assert daemon_keys(Settings(log_driver="local")).keys["log-opts"] == LOG["log-opts"]


def test_every_setting_reaches_the_file():
    settings = Settings(
        registry_mirrors=["https://m.example"],
        address_pools=[{"base": "10.5.0.0/16", "size": 24}],
        cgroup_driver="cgroupfs",
        daemon={"mtu": 1450, "log-opts": {"labels": "user"}, "features": {"buildkit": True}},
        log_max_file=5,
    )
    assert daemon_keys(settings).keys == {
        "log-driver": "json-file",
        "log-opts": {"max-size": "50m", "max-file": "5", "labels": "user"},
        "registry-mirrors": ["https://m.example"],
        "default-address-pools": [{"base": "10.5.0.0/16", "size": 24}],
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "mtu": 1450,
        "features": {"buildkit": True},
    }


def test_an_empty_list_takes_mirrors_back():
    wanted = daemon_keys(Settings(registry_mirrors=[]))
    assert "registry-mirrors" not in wanted.keys


@pytest.mark.parametrize(
    "values",
    [
        {"version": "5:29; reboot"},
        {"version": "$(reboot)"},
        {"version": "5:29\nPin-Priority: 1"},
        {"data_root": "relative"},
        {"data_root": "/srv/$(reboot)"},
        {"data_root": "/srv/../etc"},
        {"log_max_size": "50"},
        {"log_max_size": "0m"},
        {"log_max_file": 0},
        {"log_driver": "awslogs"},
        {"registry_mirrors": ["registry.example"]},
        {"registry_mirrors": ["https://m.example/'; reboot"]},
        {"address_pools": [{"base": "10.5.0.0/16", "size": 12}]},
        {"address_pools": [{"base": "10.5.0.1/16", "size": 24}]},
        {"address_pools": [{"base": "campus", "size": 24}]},
        {"users": ["Ann"]},
        {"users": ["ann;reboot"]},
        {"users": ["-rf"]},
        {"cgroup_driver": "none"},
        {"source": "snap"},
        {"daemon": {"hosts": ["tcp://0.0.0.0:2375"]}},
        {"daemon": {"data-root": "/data"}},
        {"daemon": {"live-restore": False}},
        {"daemon": {"since": datetime.date(2026, 1, 1)}},
        {"daemon": {"mtu": float("nan")}},
        {"daemon": {"features": {1: True}}},
        {"dataroot": "/srv"},
    ],
    ids=str,
)
def test_hostile_and_mistaken_settings_are_refused(values):
    with pytest.raises(ValidationError):
        Settings.model_validate(values)


def test_every_setting_is_documented():
    assert [name for name, text in meanings(Settings).items() if not text] == []
