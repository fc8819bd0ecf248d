"""Facts about Docker, from literal output."""

import subprocess

import pytest

from labprov_roles.docker.facts import (
    Data,
    DockerData,
    DockerEngine,
    Engine,
    GroupMembers,
    KnownUsers,
    LabelByPolicy,
    SnapDocker,
)

RUN = "5c6b6ac3a5ae4f6c8d2b1f4e3a2b1c0d"


def engine(*lines: str) -> Engine:
    return DockerEngine().process(list(lines))


def test_a_bare_host_has_no_engine():
    assert engine("ActiveState=inactive", "UnitFileState=", "InvocationID=") == Engine()
    assert engine() == DockerEngine.default() == Engine()


def test_a_running_engine():
    found = engine(
        "version=5:26.1.5-1~debian.13~trixie",
        "ActiveState=active",
        "UnitFileState=enabled",
        f"InvocationID={RUN}",
    )
    assert found == Engine("26.1.5-1~debian.13~trixie", active=True, enabled=True)
    assert (found.major, found.validates) == (26, True)


def test_an_old_engine():
    found = engine("Docker version 20.10.24+dfsg1, build 297e128", "ActiveState=active")
    assert (found.major, found.validates) == (20, False)


def test_no_engine_has_no_version():
    assert engine("version=none", "ActiveState=inactive").version == ""


@pytest.mark.parametrize(
    ("folder", "package", "expected"),
    [
        ("/usr/bin", "ii 5:28.5.1-1", "28.5.1-1"),
        ("/usr/bin", "hi 20.10.24+dfsg1-1+deb12u1", "20.10.24+dfsg1-1+deb12u1"),
        ("/usr/bin", "rc 5:28.5.1-1", "27.0.1"),
        ("/usr/local/bin", "ii 5:28.5.1-1", "27.0.1"),
    ],
    ids=["vendor's", "held", "removed package", "put by hand"],
)
def test_where_the_version_comes_from(folder, package, expected):
    """The command with programs that answer in place of the host's own."""
    programs = f"""command() {{ echo {folder}/dockerd; }}
dpkg-query() {{ echo '{package}'; }}
dockerd() {{ echo 'Docker version 27.0.1, build 1'; }}
systemctl() {{ :; }}
"""
    done = subprocess.run(
        ["bash", "-c", programs + DockerEngine().command()], capture_output=True, text=True, check=True
    )
    assert engine(*done.stdout.splitlines()).version == expected


def test_a_mark_counts_for_the_run_it_names():
    state = ("ActiveState=active", f"InvocationID={RUN}")
    assert engine(*state, f"restart={RUN}").due == "restart"
    assert engine(*state, f"reload={RUN}").due == "reload"
    assert engine(*state, f"reload={RUN}", f"restart={RUN}").due == "restart"


def test_a_mark_of_another_run_means_nothing():
    assert engine("ActiveState=active", f"InvocationID={RUN}", "restart=0123").due == ""
    assert engine("ActiveState=inactive", "InvocationID=", "restart=").due == ""
    assert engine("ActiveState=failed", f"InvocationID={RUN}", f"restart={RUN}").due == ""


def test_data_is_counted():
    assert DockerData().process(["3", "0", "12", "0"]) == Data(containers=3, images=12)
    assert str(DockerData().process(["1", "2", "0", "151"])) == "1 container, 2 volumes"
    assert DockerData().process(["0", "0", "0", "151"]).swarm
    assert str(DockerData().process([])) == "nothing"


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
