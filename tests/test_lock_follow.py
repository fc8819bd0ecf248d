"""The lock as a layer of settings: what it fills, what contradicts it, whom it is for. No host."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from labprov import plan
from labprov.errors import UserError
from labprov.lock import classes
from labprov.lock.follow import follow
from labprov.lock.model import Entry, HostClass
from labprov.lock.profile import Profile
from labprov.lock.run import Locking
from labprov.main import main
from lock_lab import A100, DOCKER, DRIVER, P100, RTX_5090, TABLES, Lab, host_class, profile


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
