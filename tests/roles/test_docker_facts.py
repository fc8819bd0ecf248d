"""Facts about Docker, from literal output."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_host

from labprov.engine.facts.packages import InstalledPackages
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.facts.units import Unit, Units
from labprov_roles.docker.engine import Engine, engine, engine_now
from labprov_roles.docker.facts import (
    Data,
    DockerData,
    DockerdSays,
    DockerProgram,
    GroupMembers,
    KnownUsers,
    LabelByPolicy,
    Program,
    SnapDocker,
)

RUN = "5c6b6ac3a5ae4f6c8d2b1f4e3a2b1c0d"
PACKAGED = Program("/usr/bin/dockerd")


def marked(**marks: str) -> Program:
    return Program("/usr/bin/dockerd", marks)


def test_a_bare_host_has_no_engine():
    assert DockerProgram().process([]) == Program()
    assert engine(Program(), "", Unit()) == engine(Program(), "", Unit("", "inactive")) == Engine()


def test_a_running_engine():
    found = engine(PACKAGED, "5:26.1.5-1~debian.13~trixie", Unit("enabled", "active", RUN))
    assert found == Engine("26.1.5-1~debian.13~trixie", active=True, enabled=True)
    assert (found.major, found.validates) == (26, True)
    assert engine(PACKAGED, "26", Unit("disabled", "reloading", RUN)) == Engine("26", active=True)


def test_an_old_engine():
    said = DockerdSays().process(["Docker version 20.10.24+dfsg1, build 297e128"])
    found = engine(PACKAGED, said, Unit("", "active"))
    assert (found.version, found.major, found.validates) == ("20.10.24+dfsg1", 20, False)
    assert DockerdSays().process([]) == DockerdSays().process(["dockerd: broken"]) == ""


@pytest.mark.parametrize(
    ("path", "installed", "expected"),
    [
        ("/usr/bin/dockerd", {"docker-ce": "5:28.5.1-1"}, "28.5.1-1"),
        ("/usr/sbin/dockerd", {"docker.io": "20.10.24+dfsg1-1+deb12u1"}, "20.10.24+dfsg1-1+deb12u1"),
        ("/usr/bin/dockerd", {}, "27.0.1"),
        ("/usr/local/bin/dockerd", {"docker-ce": "5:28.5.1-1"}, "27.0.1"),
        ("", {"docker-ce": "5:28.5.1-1"}, ""),
    ],
    ids=["vendor's", "distribution's", "of no package", "put by hand", "none"],
)
def test_where_the_version_comes_from(path, installed, expected):
    known = {
        DockerProgram: Program(path),
        Units: {},
        OperatingSystem: System("debian", "13"),
        InstalledPackages: installed,
        DockerdSays: "27.0.1",
    }
    with ctx_host.use(SimpleNamespace(get_fact=lambda fact, **_: known[fact])):
        assert engine_now().version == expected


def test_the_program_and_its_marks_are_read_by_the_shell_alone(tmp_path):
    (tmp_path / "docker-restart").write_text(f"{RUN}\n")
    (tmp_path / "docker-reload").write_text("")
    (tmp_path / "dockerd").write_text("")
    (tmp_path / "dockerd").chmod(0o755)
    command = DockerProgram().command().replace("/run/labprov", str(tmp_path))
    said = subprocess.check_output(["/bin/sh", "-c", command], env={"PATH": str(tmp_path)}, text=True)
    found = DockerProgram().process(said.splitlines())
    assert found == Program(f"{tmp_path}/dockerd", {"reload": "", "restart": RUN})
    assert not found.packaged


def test_a_mark_counts_for_the_run_it_names():
    unit = Unit("enabled", "active", RUN)
    assert engine(marked(restart=RUN), "", unit).due == "restart"
    assert engine(marked(reload=RUN), "", unit).due == "reload"
    assert engine(marked(reload=RUN, restart=RUN), "", unit).due == "restart"


def test_a_mark_of_another_run_means_nothing():
    assert engine(marked(restart="0123"), "", Unit("", "active", RUN)).due == ""
    assert engine(marked(restart=""), "", Unit("", "inactive")).due == ""
    assert engine(marked(restart=""), "", Unit("", "active")).due == ""
    assert engine(marked(restart=RUN), "", Unit("", "failed", RUN)).due == ""


def test_data_is_counted():
    assert DockerData().process(["3", "0", "12", "0"]) == Data(containers=3, images=12)
    assert str(DockerData().process(["1", "2", "0", "151"])) == "1 container, 2 volumes"
    assert DockerData().process(["0", "0", "0", "151"]).swarm
    assert str(DockerData().process([])) == "nothing"


def counted(root: Path) -> Data:
    command = DockerData().command(root=str(root)).get_raw_value()
    said = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True, env={"PATH": ""})
    return DockerData().process(said.stdout.splitlines())


def test_data_is_counted_in_its_folders_by_the_shell_alone(tmp_path):
    root = tmp_path / "it's $HOME"
    assert counted(root) == Data()
    for path in ("containers", "volumes", "image/overlay2/imagedb/content/sha256", "swarm"):
        (root / path).mkdir(parents=True)
    (root / "volumes/metadata.db").touch()
    (root / "swarm/docker-state.json").touch()
    assert counted(root) == Data()
    for path in ("containers/ab", "containers/cd", "volumes/data", "image/vfs/imagedb/content/sha256"):
        (root / path).mkdir(parents=True)
    for path in ("overlay2/imagedb/content/sha256/12", "vfs/imagedb/content/sha256/34", "overlay2/repositories.json"):
        (root / "image" / path).touch()
    (root / "swarm/docker-state.json").write_text("{}")
    assert counted(root) == Data(containers=2, volumes=1, images=2, swarm=True)


def test_a_data_root_cannot_break_out():
    assert DockerData().command(root="/srv/$(reboot) x").get_raw_value().startswith("cd '/srv/$(reboot) x' ")


def test_people():
    assert KnownUsers().process(["ann:x:1000:1000:Ann:/home/ann:/bin/bash"]) == ["ann"]
    assert KnownUsers().command(users=("a;b",)).get_raw_value() == "getent passwd 'a;b' || true"
    assert GroupMembers().process(["docker:x:998:ann,bob"]) == ["ann", "bob"]
    assert GroupMembers().process(["docker:x:998:"]) == []
    assert GroupMembers().process([]) == []


def test_snap():
    assert SnapDocker().process(["snap"])
    assert not SnapDocker().process([])


def test_selinuxs_word_for_a_path():
    assert LabelByPolicy().process(["system_u:object_r:container_var_lib_t:s0"]) == "container_var_lib_t"
    assert LabelByPolicy().process(["<<none>>"]) == LabelByPolicy().process([]) == LabelByPolicy.default() == ""


def test_a_system_without_selinux_has_no_word_for_it():
    command = LabelByPolicy().command(path="/data/x; touch /tmp/pwned").get_raw_value()
    assert "'/data/x; touch /tmp/pwned'" in command
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
