"""What roles write into a lock, and versions as hosts tell them. No host."""

from __future__ import annotations

import pytest

from labprov.lock import resolve
from labprov.lock.ask import FreshVersions, PackageVersions, Versions, pick
from labprov.lock.follow import given
from labprov.lock.resolve import Item
from lock_lab import A100, Lab


def item(lab: Lab, role: str, host: str = "gpu1") -> Item:
    loaded, settings = next((r, s) for r, s in lab.base.of_host(host) if r.name == role)
    return Item(loaded, settings, given(loaded, lab.base.inventory.hosts[host], settings))


@pytest.mark.parametrize(
    ("role", "settings", "packages"),
    [
        ("nvidia_driver", {"source": "vendor", "branch": 580, "flavour": "open"}, ["nvidia-driver-cuda=580.*"]),
        ("cuda", {"source": "vendor", "versions": ("12.9",)}, ["cuda-toolkit-12-9"]),
        ("docker", {"source": "vendor"}, ["docker-ce", "containerd.io", "docker-buildx-plugin"]),
        ("nvidia_container_toolkit", {}, ["libnvidia-container1"]),
        ("miniconda", {"distribution": "miniforge", "version": "26.3.2-3"}, []),
    ],
)
def test_what_roles_lock_where_nothing_is_named(tmp_path, role, settings, packages):
    found = item(Lab(tmp_path, "hosts: [gpu1]"), role).found(A100, {})
    assert settings.items() <= {k: v for k, v in found.settings.items() if v is not None}.items()
    assert set(packages) <= set(found.packages)
    assert not {"apparmor", "ca-certificates"} & {spec.partition("=")[0] for spec in found.packages}
    assert found.keys or found.installers


def test_base_is_not_locked(tmp_path):
    """Everyday tools get the distribution's fixes."""
    assert item(Lab(tmp_path, "hosts: [gpu1]"), "base").role.lock is None


@pytest.mark.parametrize("role", ["nvidia_driver", "docker", "cuda"])
def test_the_distributions_own_packages_have_no_version_to_hold_on_to(tmp_path, role):
    lab = Lab(tmp_path, f"settings: {{{role}: {{source: distro}}}}\nhosts: [gpu1]")
    assert item(lab, role).found(A100, {}).packages == ()


def test_versions_are_told_by_the_packages(tmp_path):
    lab = Lab(tmp_path, "hosts: [gpu1]")
    driver = item(lab, "nvidia_driver")
    assert driver.found(A100, {"nvidia-driver-cuda": "580.178.04-1"}).settings["version"] == "580.178.04"
    assert driver.found(A100, {}).settings["version"] is None
    assert item(lab, "docker").found(A100, {"docker-ce": "5:29.0.4-1~d"}).settings["version"] == "5:29.0.4-1~d"


def test_an_installer_of_ones_own_is_recorded_not_decided(tmp_path):
    own = f"{{installer_url: 'https://x.example/a.sh', sha256: {'b' * 64}}}"
    found = item(Lab(tmp_path, f"settings: {{miniconda: {own}}}\nhosts: [gpu1]"), "miniconda").found(A100, {})
    assert (found.settings, found.installers) == ({}, {"a.sh": "b" * 64})


def test_a_branch_near_its_end_is_told(tmp_path):
    driver = item(Lab(tmp_path, "settings: {nvidia_driver: {branch: 570}}\nhosts: [gpu1]"), "nvidia_driver")
    from datetime import date

    ages = driver.role.lock.ages
    assert ages(driver.settings, A100, date(2026, 11, 22)) == ["branch 570 reached its end of life on 2026-01-27"]
    assert ages(driver.settings, A100, date(2025, 12, 1)) == [
        "branch 570 reaches its end of life in 57 days, on 2026-01-27"
    ]
    assert ages(driver.settings, A100, date(2025, 1, 1)) == []


def test_an_entry_is_what_was_left_open(tmp_path):
    lab = Lab(tmp_path, "settings: {nvidia_driver: {branch: 580}}\nhosts: [gpu1]")
    driver = item(lab, "nvidia_driver")
    entry = resolve._entry(driver, A100, {"nvidia-driver-cuda": "580.178.04-1"})
    assert entry.given == {"branch": 580}
    assert entry.settings == {"source": "vendor", "flavour": "open", "version": "580.178.04"}
    assert entry.packages == {"nvidia-driver-cuda": "580.178.04-1"}
    assert "open modules" in "".join(entry.reasons)
    assert resolve.needs(driver, A100)


MADISON = """\
= docker-ce 5:29.0.3-1
docker-ce | 5:29.0.4-1 | http://x/linux/debian bookworm/stable amd64 Packages
docker-ce | 5:28.5.2-1 | http://x/linux/debian bookworm/stable amd64 Packages
docker-ce | 5:28.5.2-1 | http://y/linux/debian bookworm/stable amd64 Packages
docker-ce | 5:28.5.2-1 | http://y/linux/debian bookworm/stable Sources
W: something else
""".splitlines()


def test_versions_are_read_from_dpkg_and_apt():
    for fact in (PackageVersions(), FreshVersions()):
        assert fact.process(MADISON) == {"docker-ce": Versions("5:29.0.3-1", ("5:29.0.4-1", "5:28.5.2-1"))}
        assert fact.process([]) == {}


@pytest.mark.parametrize(
    ("spec", "newest", "version"),
    [
        ("docker-ce", False, "5:29.0.3-1"),
        ("docker-ce", True, "5:29.0.4-1"),
        ("docker-ce=5:28.*", False, "5:28.5.2-1"),
        ("docker-ce=5:28.*", True, "5:28.5.2-1"),
        ("docker-ce=5:27.*", True, None),
        ("podman", True, None),
    ],
)
def test_what_is_installed_stays_unless_it_is_to_move(spec, newest, version):
    chosen = pick([spec], PackageVersions().process(MADISON), newest)
    assert chosen == ({} if version is None else {spec.partition("=")[0]: version})


def test_hostile_names_stay_one_word():
    command = str(PackageVersions().command(("a; touch /pwned",)).get_raw_value())
    assert "'a; touch /pwned'" in command and command.count("touch") == command.count("'a; touch /pwned'")
    command = str(FreshVersions().command(("a",), sources=("x; reboot",)).get_raw_value())
    assert "'/etc/apt/sources.list.d/x; reboot.sources'" in command
