"""Questions of one kind asked as one command: each gets the answer that it would have got alone, from a real shell."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyinfra.facts import files, systemd

from labprov.engine.batch import Completed
from labprov.engine.facts.units import Unit, Units
from labprov.engine.together import together
from together_lab import answers, drivers, fingerprints, held, installed, shell, text


def look(path: str) -> str:
    return text(files.File().command(path))


def digest(path: str) -> str:
    return text(files.Sha1File().command(path))


def services(*units: str) -> str:
    return text(Units().command(units))


def state(fact: type[systemd.SystemdStatus], unit: str) -> str:
    command = text(fact().command(services=unit))
    return f"! command -v systemctl >/dev/null 2>&1 || {{ {command}\n}}"  # as Knowledge writes it


@pytest.mark.parametrize(
    "pair",
    [
        (look("/etc/passwd"), look("/etc")),
        (text(files.Directory().command("/etc")), text(files.Link().command("/usr/local/cuda-12.8"))),
        (digest("/etc/passwd"), digest("/etc/apt/sources.list.d/a_b+c.sources")),
        (installed("bash", "linux-image-*"), installed("libc6")),
        (installed("bash"), drivers("libcuda1")),
        (held(), drivers("libcuda1")),
        (fingerprints("/etc/apt/keyrings/a.asc"), fingerprints("/etc/apt/keyrings/b.gpg")),
        (services("docker.service"), services("x.path", "x.service")),
        (state(systemd.SystemdStatus, "docker.service"), state(systemd.SystemdEnabled, "getty@tty1.service")),
    ],
    ids=["look", "folder and link", "digest", "packages", "drivers", "held", "keys", "our units", "units"],
)
def test_what_pyinfra_and_our_facts_ask_is_recognised(pair):
    """Fails when a new pyinfra words these questions otherwise: labprov then still works, and is slower."""
    assert len(together(list(pair))) == 1


def test_each_gets_what_it_would_have_got_alone(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("a -> b\nuser=mallory group=root")
    (tmp_path / "file.more").write_text("y")
    (tmp_path / "secret").write_text("z")
    names = ["file", "folder", "link", "dangling", "file.more", "nothing", "secret/below"]
    commands = [look(f"{tmp_path}/{name}") for name in names] + [digest(f"{tmp_path}/{name}") for name in names]
    commands += [installed("dpkg", "no-such-package"), installed("libc*"), installed("b?sh", "dpkg")]
    found = answers(commands)
    assert len(together(commands)) == 3
    for command in commands:
        alone = shell(command)
        assert sorted(found[command].stdout.split(b"\n")) == sorted(alone.stdout.split(b"\n")), command
        assert found[command].status == alone.status == 0


def test_units_are_told_apart_by_their_place():
    asked = [
        state(systemd.SystemdStatus, "one.service"),
        state(systemd.SystemdEnabled, "alias.service"),
        state(systemd.SystemdEnabled, "one.service"),
    ]
    (question,) = together(asked)
    assert question.command.endswith(" -- one.service alias.service")
    said = (
        b"Id=one.service\nSubState=running\nUnitFileState=enabled\n\nId=real.service\nSubState=dead\nUnitFileState=\n"
    )
    found = question.answers(Completed(0, said, b""))
    assert [found[each].stdout for each in asked] == [
        b"Id=one.service\nSubState=running\n",
        b"Id=real.service\nUnitFileState=\n",
        b"Id=one.service\nUnitFileState=enabled\n",
    ]
    assert {done.stdout for done in question.answers(Completed(0, b"", b"")).values()} == {b""}, "no systemctl there"


def test_our_units_go_along_with_pyinfras():
    ours, theirs = services("docker.service", "a@b.path"), state(systemd.SystemdStatus, "docker.service")
    (question,) = together([ours, theirs])
    assert question.command.endswith("UnitFileState,ActiveState,InvocationID,SubState -- docker.service a@b.path")
    docker = "Id=docker.service\nLoadState=loaded\nActiveState=active\nSubState=running\nInvocationID=5c6b\n"
    said = f"{docker}\nId=a@b.path\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nInvocationID=\n"
    found = question.answers(Completed(0, said.encode(), b""))
    assert found[theirs].stdout == b"Id=docker.service\nSubState=running\n"
    assert Units().process(found[ours].stdout.decode().splitlines()) == {"docker.service": Unit("", "active", "5c6b")}
    assert set(question.answers(Completed(0, b"", b"")).values()) == {Completed(0, b"", b"")}, "no systemctl there"
    assert question.answers(Completed(0, docker.encode(), b"")) == {}, "whose the one answer is nobody knows"


def test_what_could_be_mistaken_goes_out_alone():
    odd = [
        look("/etc/with space"),
        look("/etc/it's"),
        look("~/x"),
        digest("/tmp/ü ö"),
        installed("libc6:amd64"),
        installed(),
        installed("a\nb"),
        drivers("libcuda1:amd64"),
        fingerprints("/etc/apt/keyrings/it's.asc"),
        f"{held()} | tac",
        text(systemd.SystemdStatus().command(services=["a.service", "b.service"])),
        state(systemd.SystemdStatus, "*.service"),
        services("*.service"),
        services("a.service;id"),
        f"{look('/etc')}; rm -rf /tmp/x",
        f"echo hello; {digest('/etc/passwd')}",
    ]
    commands = [*odd, look("/etc"), digest("/etc/passwd"), installed("bash"), state(systemd.SystemdStatus, "a.service")]
    assert [question.command for question in together(commands)] == commands


def test_a_failed_answer_answers_nothing():
    (question,) = together([look("/etc"), look("/usr")])
    assert question.answers(Completed(127, b"", b"stat: not found")) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=8)))
def test_any_path_gets_its_own_answer(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("any")
    paths = []
    for name in names:
        path = folder / name
        if "/" not in name and name not in (".", ".."):
            path.write_text(name)
            paths.append(str(path))
    commands = [look(path) for path in paths] + [digest(path) for path in paths]
    found = answers(list(dict.fromkeys(commands)))
    assert {command: found[command].stdout for command in commands} == {
        command: shell(command).stdout for command in commands
    }
