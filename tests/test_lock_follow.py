"""The lock as a layer of settings: what it fills, what contradicts it, who shares a class, what moves. No host."""

from __future__ import annotations

import socket
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from labprov import deploy, inventory, plan
from labprov.compat import tables
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import UserError
from labprov.lock import classes, file, resolve
from labprov.lock.ask import FreshVersions, PackageVersions, Versions, pick
from labprov.lock.command import moves
from labprov.lock.follow import follow, given
from labprov.lock.model import Entry, HostClass, Section, Tables
from labprov.lock.profile import Profile
from labprov.lock.resolve import Item
from labprov.lock.run import Locking
from labprov.lock.upgrade import EVERYTHING, moving
from labprov.main import main

TABLES = tables.load()
MARK = Tables(collected="2026-11-22", sha256="a" * 64)
DRIVER = Entry(
    settings={"source": "vendor", "branch": 580, "flavour": "open", "version": "580.178.04"},
    packages={"nvidia-driver-cuda": "580.178.04-1", "nvidia-kernel-open-dkms": "580.178.04-1"},
)
DOCKER = Entry(settings={"source": "vendor", "version": "5:29.0.4-1~d"}, packages={"docker-ce": "5:29.0.4-1~d"})


def profile(*devices: str, system: str = "12", **machine) -> Profile:
    gpus = tuple(Gpu(f"0000:{number}1:00.0", device, "") for number, device in enumerate(devices))
    return Profile(System("debian", system, "bookworm"), gpus, Machine(**machine))


A100, P100, RTX_5090 = profile("20b0"), profile("15f8"), profile("2b85")


def host_class(what: Profile = A100, **roles: Entry) -> HostClass:
    return HostClass(**classes.hardware(what, TABLES).model_dump(), tables=MARK, roles=roles).sealed()


class Lab:
    """An inventory with a lock beside it."""

    def __init__(self, folder: Path, text: str, **classes: HostClass) -> None:
        self.path = folder / "lab.yml"
        self.path.write_text(textwrap.dedent(text))
        self.base = plan.make(
            deploy.load("gpu-node"), loaded := inventory.load(self.path), tuple(loaded.hosts.values())
        )
        hosts = {name: f"debian12-{name}" for name in classes}
        section = Section(classes={f"debian12-{name}": one for name, one in classes.items()}, hosts=hosts)
        self.lock = file.load(self.path)
        if classes:
            file.update(self.lock, lambda now: section)
        self.lock = file.load(self.path)

    def settings(self, host: str, role: str, **profiles: Profile):
        hardware = {name: classes.hardware(one, TABLES) for name, one in profiles.items()}
        followed = follow(self.base, self.lock, hardware).plan
        return next(settings for its, settings in followed.of_host(host) if its.name == role)


def test_the_lock_fills_what_the_inventory_leaves_open(tmp_path):
    lab = Lab(tmp_path, "hosts: [gpu1, gpu2]", gpu1=host_class(nvidia_driver=DRIVER))
    locked = lab.settings("gpu1", "nvidia_driver")
    assert (locked.source, locked.branch, locked.flavour) == ("vendor", 580, "open")
    assert locked.version is None  # told by the packages: a pin on it would change the host when it is locked
    wanted = ["nvidia-driver-cuda=580.*", "nvidia-kernel-open-dkms", "nvidia-persistenced=580.*"]
    assert locked.exact(wanted) == (
        "nvidia-driver-cuda=580.178.04-1",
        "nvidia-kernel-open-dkms=580.178.04-1",
        "nvidia-persistenced=580.*",
    )
    assert locked.exact(["nvidia-driver-cuda=595.*"]) == ("nvidia-driver-cuda=595.*",)
    assert lab.settings("gpu2", "nvidia_driver").branch is None


def test_a_new_host_like_a_locked_one_gets_what_that_has(tmp_path):
    lab = Lab(tmp_path, "hosts: [gpu1, gpu2, gpu3]", gpu1=host_class(nvidia_driver=DRIVER))
    found = lab.settings("gpu2", "nvidia_driver", gpu2=profile("20b0", "20b0"))
    assert (found.branch, found.locked_packages) == (580, DRIVER.packages)
    for other in (P100, profile("20b0", "15f8"), profile("20b0", system="13"), profile("20b0", secure_boot=True)):
        assert lab.settings("gpu3", "nvidia_driver", gpu3=other).branch is None
    assert lab.settings("gpu3", "nvidia_driver", gpu3=profile("20b0", nvswitches=("1af1",))).branch is None


def test_a_host_that_is_another_by_now_is_looked_at_as_new(tmp_path):
    other = Entry(settings={"branch": 595, "flavour": "open"})
    lab = Lab(
        tmp_path,
        "hosts: [gpu1, gpu2]",
        gpu1=host_class(nvidia_driver=DRIVER),
        gpu2=host_class(P100, nvidia_driver=other),
    )
    assert lab.settings("gpu1", "nvidia_driver", gpu1=RTX_5090).branch is None
    assert lab.settings("gpu1", "nvidia_driver", gpu1=P100).branch == 595


def test_who_names_something_else_shares_no_class(tmp_path):
    lab = Lab(
        tmp_path,
        """
        hosts:
          gpu1:
          gpu2: {settings: {nvidia_driver: {flavour: proprietary}}}
          gpu3: {settings: {docker: {log_max_size: 20m}}}
        """,
        gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER),
    )
    other = lab.settings("gpu2", "nvidia_driver", gpu2=A100)
    assert (other.branch, other.flavour, other.locked_packages) == (None, "proprietary", {})
    assert lab.settings("gpu2", "docker", gpu2=A100).locked_packages == DOCKER.packages  # of Docker both name nothing
    assert (
        lab.settings("gpu3", "docker", gpu3=A100).locked_packages == DOCKER.packages
    )  # what is not locked does not count


@pytest.mark.parametrize(
    ("settings", "entry", "said"),
    [
        ("nvidia_driver: {branch: 595}", {}, "driver.branch: contradicts {lock}:{n}, which has 580 for gpu1 (to"),
        ("nvidia_driver: {flavour: proprietary}", {}, "nvidia_driver.flavour: contradicts {lock}:{n}, which has open"),
        ("nvidia_driver: {version: 580.126.09}", {}, "version: contradicts {lock}:{n}, which has 580.178.04"),
        ("nvidia_driver: {source: distro}", {}, "nvidia_driver.source: contradicts {lock}:{n}, which has vendor"),
        ("docker: {version: '5:28.*'}", {}, "docker.version: contradicts {lock}:{n}, which has 5:29.0.4-1~d"),
        ("docker: {source: distro}", {"given": {"source": "vendor"}}, "docker.source: contradicts {lock}:{n}"),
        ("cuda: {versions: ['12.8']}", {}, "cuda.versions: contradicts {lock}:{n}, which has 12.9 for gpu1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"], ["verify"], ["lock"]])
def test_a_contradiction_names_both_places_and_touches_nothing(tmp_path, settings, entry, said, command, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    docker = DOCKER.model_copy(update=entry and {**entry, "settings": {"version": "5:29.0.4-1~d"}})
    cuda = Entry(settings={"source": "vendor", "versions": ["12.9"]})
    lab = Lab(tmp_path, "hosts: [gpu1]", gpu1=host_class(nvidia_driver=DRIVER, docker=docker, cuda=cuda))
    lab.path.write_text(f"settings:\n  {settings}\nhosts: [gpu1]\n")
    before = lab.lock.path.read_text()
    done = CliRunner().invoke(main, [command[0], "gpu-node", "-i", str(lab.path), *command[1:]], catch_exceptions=False)
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    place = done.output.partition(f"{lab.lock.path}:")[2].partition(",")[0]
    assert said.format(lock=lab.lock.path, n=place) in done.output
    assert f"{lab.path}:2: settings." in done.output
    line = before.splitlines()[int(place) - 1].split(":")[0].strip()
    assert line in settings
    wanted = settings.partition(":")[0]
    assert f"(to move the lock: labprov lock gpu-node --upgrade {wanted})" in done.output
    assert lab.lock.path.read_text() == before


@pytest.mark.parametrize(
    "settings", ["nvidia_driver: {branch: 580}", "nvidia_driver: {version: 580.178.04}", "docker: {version: '5:29.*'}"]
)
def test_naming_what_is_locked_contradicts_nothing(tmp_path, settings):
    lab = Lab(
        tmp_path, f"settings: {{{settings}}}\nhosts: [gpu1]", gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER)
    )
    assert lab.settings("gpu1", "docker").locked_packages == DOCKER.packages
    assert lab.settings("gpu1", "nvidia_driver").branch == 580


def test_what_was_named_once_stays_when_it_is_named_no_more(tmp_path):
    entry = Entry(given={"branch": 580, "flavour": "open"}, settings={"version": "580.178.04"})
    lab = Lab(tmp_path, "hosts: [gpu1]", gpu1=host_class(nvidia_driver=entry))
    assert lab.settings("gpu1", "nvidia_driver").branch == 580


def test_toolkits_that_an_inventory_names_may_change_at_any_time(tmp_path):
    entry = Entry(given={"versions": ["12.8"]}, packages={"cuda-toolkit-12-8": "12.8.1-1"})
    text = 'settings: {cuda: {versions: ["12.4", "12.8"]}}\nhosts: [gpu1]'
    lab = Lab(tmp_path, text, gpu1=host_class(cuda=entry))
    found = lab.settings("gpu1", "cuda")
    assert found.exact(["cuda-toolkit-12-4", "cuda-toolkit-12-8"]) == (
        "cuda-toolkit-12-4",
        "cuda-toolkit-12-8=12.8.1-1",
    )


def test_what_cannot_be_in_one_role_is_the_users_error(tmp_path):
    entry = Entry(given={"default": "12.8"}, settings={"versions": ["12.8"]})
    text = 'settings: {cuda: {default: "12.4"}}\nhosts: [gpu1]'
    lab = Lab(tmp_path, text, gpu1=host_class(cuda=entry))
    with pytest.raises(
        UserError, match=r"labprov\.lock:\d+: .*does not go with the inventory: .*default 12\.4"
    ) as error:
        lab.settings("gpu1", "cuda")
    assert "--upgrade cuda" in error.value.hint


def test_the_lock_is_no_setting(tmp_path):
    with pytest.raises(UserError, match=r"lab\.yml:1: settings\.docker\.locked_packages: stands in labprov\.lock"):
        Lab(tmp_path, "settings: {docker: {locked_packages: {docker-ce: '1'}}}\nhosts: [gpu1]")


# --- classes ---


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (A100, "debian12-a100-sxm4-40gb"),
        (profile("20b0", "20b0", "15f8"), "debian12-p100-pcie-16gb+a100-sxm4-40gb"),
        (RTX_5090, "debian12-rtx-5090"),
        (profile(), "debian12-no-gpu"),
        (profile("ffff"), "debian12-gpu-ffff"),
        (profile("2b85", secure_boot=True), "debian12-rtx-5090-secure-boot"),
    ],
)
def test_classes_have_readable_names(what, name):
    assert classes.name_of(classes.hardware(what, TABLES)) == name


def test_hosts_that_have_everything_alike_share_a_class():
    one, other = host_class(nvidia_driver=DRIVER), host_class(P100, nvidia_driver=DRIVER)
    section = classes.regroup(Section(), {"b": one, "a": one, "c": other})
    assert section.hosts == {
        "a": "debian12-a100-sxm4-40gb",
        "b": "debian12-a100-sxm4-40gb",
        "c": "debian12-p100-pcie-16gb",
    }
    assert all(each.digest == each.computed() for each in section.classes.values())


def newer(entry: Entry = DRIVER) -> Entry:
    return Entry(
        settings={**entry.settings, "version": "580.200.01"}, packages=dict.fromkeys(entry.packages, "580.200.01-1")
    )


def test_a_host_that_moves_leaves_the_others_and_they_follow():
    one = host_class(nvidia_driver=DRIVER)
    moved = host_class(nvidia_driver=newer())
    section = classes.regroup(Section(), {"a": one, "b": one, "c": one})
    canary = classes.regroup(section, {"b": moved})
    name = "debian12-a100-sxm4-40gb"
    assert canary.hosts == {"a": name, "b": f"{name}-2", "c": name}
    assert canary.classes[name] == section.classes[name]
    all_moved = classes.regroup(canary, {"a": moved, "c": moved})
    assert set(all_moved.hosts.values()) == {f"{name}-2"} == set(all_moved.classes)
    at_once = classes.regroup(section, {"a": moved, "b": moved, "c": moved})
    assert set(at_once.hosts.values()) == {name}


def test_a_host_with_another_card_goes_into_a_class_of_that_name():
    section = classes.regroup(Section(), {"a": host_class(nvidia_driver=DRIVER)})
    assert classes.regroup(section, {"a": host_class(P100, nvidia_driver=DRIVER)}).hosts == {
        "a": "debian12-p100-pcie-16gb"
    }


def test_hosts_that_are_gone_take_their_class_along():
    section = classes.regroup(Section(), {"a": host_class(), "b": host_class(P100)})
    assert classes.regroup(section, {}, ["b"]) == classes.regroup(Section(), {"a": host_class()})


def test_what_one_host_found_out_completes_its_class():
    bare = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open"}))
    section = classes.regroup(Section(), {"a": bare, "b": bare})
    full = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open", "version": "580.178.04"}))
    spread = classes.regroup(section, classes.spread(section, {"a": full}))
    assert len(spread.classes) == 1 and set(spread.hosts) == {"a", "b"}
    other = host_class(nvidia_driver=Entry(settings={"branch": 595, "flavour": "open"}))
    assert classes.spread(section, {"a": other}) == {"a": other}


def test_bare_hosts_take_versions_of_others_like_them():
    bare = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open", "source": "vendor"}))
    shared = classes.share(
        {"a": bare, "b": host_class(nvidia_driver=DRIVER), "c": host_class(P100, nvidia_driver=newer())}
    )
    assert shared["a"].roles["nvidia_driver"] == DRIVER
    other = host_class(nvidia_driver=Entry(settings={"branch": 595}))
    assert classes.share({"a": other, "b": host_class(nvidia_driver=DRIVER)})["a"].roles == other.roles


def test_the_order_of_hosts_does_not_matter():
    hosts = {"a": host_class(nvidia_driver=DRIVER), "b": host_class(nvidia_driver=newer()), "c": host_class(P100)}
    assert classes.regroup(Section(), hosts) == classes.regroup(Section(), dict(reversed(hosts.items())))


def resolved(lab: Lab, host: str, what: Profile = A100) -> HostClass | None:
    """What is locked for a host of which nothing has to be asked."""
    locking = Locking(lab.base)
    locking.profiles, locking.hardware = {host: what}, {host: classes.hardware(what, TABLES)}
    locking.followed = follow(lab.base, locking.lock, locking.hardware)
    return locking._resolve(SimpleNamespace(name=host))


def limited(folder: Path, text: str, **classes: HostClass) -> Lab:
    """As with ``--role miniconda``, which has nothing to ask."""
    lab = Lab(folder, text, **classes)
    lab.base = plan.make(lab.base.deploy, lab.base.inventory, lab.base.hosts, ["miniconda"])
    return lab


CONDA = Entry(settings={"distribution": "miniforge", "version": "26.3.2-3", "sha256": "c" * 64})


def test_a_new_host_joins_the_class_of_its_like_also_when_it_got_one_role_only(tmp_path):
    its = host_class(miniconda=CONDA, docker=DOCKER)
    assert resolved(limited(tmp_path, "hosts: [gpu1, gpu2]", gpu1=its), "gpu2") == its
    assert resolved(limited(tmp_path, "hosts: [gpu1, gpu2]", gpu1=its), "gpu1") is None
    other = "hosts: {gpu1: {}, gpu2: {settings: {docker: {version: '5:28.*'}}}}"
    alone = resolved(limited(tmp_path, other, gpu1=its), "gpu2")
    assert alone is not None and set(alone.roles) == {"miniconda"}


# --- what roles lock ---


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


# --- versions on a host ---

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


# --- upgrades ---


def test_what_an_upgrade_is_of(tmp_path):
    lab = Lab(
        tmp_path,
        "hosts: [gpu1, gpu2]\ngroups: {old: {hosts: [gpu2]}}",
        gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER),
    )

    def moves_of(*names):
        of = moving(lab.base, lab.lock.section, names)
        return {(h, r) for h in ("gpu1", "gpu2") for r in ("nvidia_driver", "docker") if of(h, r)}

    assert moves_of() == set()
    assert len(moves_of(EVERYTHING)) == 4
    assert moves_of("docker") == {("gpu1", "docker"), ("gpu2", "docker")}
    assert moves_of("nvidia-kernel-open-dkms") == {("gpu1", "nvidia_driver"), ("gpu2", "nvidia_driver")}
    assert moves_of("old") == moves_of("gpu2") == {("gpu2", "nvidia_driver"), ("gpu2", "docker")}
    with pytest.raises(UserError, match="'dokcer' is no role, locked package, host or group"):
        moves_of("dokcer")


def test_what_moves_is_not_followed(tmp_path):
    lab = Lab(tmp_path, "hosts: [gpu1, gpu2]", gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER))
    hardware = {"gpu1": classes.hardware(A100, TABLES), "gpu2": classes.hardware(A100, TABLES)}
    of = moving(lab.base, lab.lock.section, ["nvidia_driver"])
    followed = follow(lab.base, lab.lock, hardware, of)
    assert {key for key in followed.held} == {("gpu1", "docker"), ("gpu2", "docker")}


def test_moves_are_told_old_to_new_once_for_all_hosts():
    one, moved = host_class(nvidia_driver=DRIVER), host_class(nvidia_driver=newer())
    before = classes.regroup(Section(), {"a": one, "b": one, "d": one})
    after = classes.regroup(before, {"a": moved, "b": moved, "c": host_class(P100)}, ["d"])
    assert moves(before, after) == {
        "nvidia_driver: version: 580.178.04 -> 580.200.01": ["a", "b"],
        "nvidia_driver: nvidia-driver-cuda, nvidia-kernel-open-dkms: 580.178.04-1 -> 580.200.01-1": ["a", "b"],
        "locked as debian12-p100-pcie-16gb": ["c"],
        "is no longer in the inventory: removed": ["d"],
    }
