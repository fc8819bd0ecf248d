"""Machines of a Vagrantfile as an inventory's hosts: what is asked, what is kept, what a user can get wrong.

Vagrant and ssh are stand-ins on the PATH here (tests/vagrant_lab.py).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from labprov.errors import UserError, Where
from labprov.main import main
from labprov.vagrant import find
from vagrant_lab import KEY, Lab


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this machine at which something listens, as a machine's sshd."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def lab(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab(tmp_path, port)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.delenv("VAGRANT_DOTFILE_PATH", raising=False)
    return made


def test_machines_are_hosts_with_vagrants_connection_and_the_files_groups(lab):
    hosts = lab.load().select()
    assert [host.name for host in hosts] == ["gpu"]
    reached = hosts[0].connection
    assert (reached.address, reached.port, reached.user, reached.key) == ("127.0.0.1", lab.port, "vagrant", Path("/k"))
    assert (reached.sudo, reached.host_keys, hosts[0].groups) == (True, "strict", ("cards",))
    assert reached.known_hosts == lab.folder / ".vagrant/labprov/known_hosts"
    assert lab.known_hosts() == f"[127.0.0.1]:{lab.port} {KEY}\n"


def test_what_is_written_for_the_host_itself_wins_over_vagrant(lab):
    lab.inventory.write_text("vagrant: ../vagrant\nhosts: {gpu: {user: somebody}}\n")
    assert lab.load().select()[0].connection.user == "somebody"


def test_a_second_look_asks_nothing_of_vagrant(lab):
    first = lab.load()
    assert lab.asked() == ["vagrant status", "vagrant ssh-config", "ssh -F"]
    assert lab.load().hosts == first.hosts
    assert lab.asked() == []


def test_a_machine_that_does_not_answer_is_asked_about_anew(lab):
    lab.load()
    lab.states["gpu"] = "shutoff"
    lab.told()
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        free = other.getsockname()[1]
    kept = lab.folder / ".vagrant/labprov/machines.json"
    kept.write_text(kept.read_text().replace(str(lab.port), str(free)))
    lab.asked()
    with pytest.raises(UserError, match="'gpu' is stopped \\(Vagrant says shutoff\\)"):
        lab.load().select()
    assert lab.asked() == ["vagrant status"]


@pytest.mark.parametrize(
    "what", ["Vagrantfile", "machines.yml", ".vagrant/machines/gpu/libvirt/id", "damage", "lost keys"]
)
def test_whatever_changed_is_asked_anew(lab, what):
    (lab.folder / "machines.yml").write_text("gpu:\n")
    lab.load()
    lab.asked()
    match what:
        case "damage":
            (lab.folder / ".vagrant/labprov/machines.json").write_text("{")
        case "lost keys":
            (lab.folder / ".vagrant/labprov/known_hosts").unlink()
        case _:
            (lab.folder / what).write_text("something else than before\n")
    lab.load()
    assert "vagrant status" in lab.asked()


def test_the_first_host_key_is_kept_for_the_life_of_the_machine(lab):
    lab.load()
    lab.program("ssh", "echo 'ssh-ed25519 AAAAanother'")
    (lab.folder / "Vagrantfile").write_text("# changed, so that Vagrant is asked again\n")
    lab.load()
    assert lab.known_hosts().endswith(f"{KEY}\n"), "a key that changed must be refused, not taken over"


def test_a_machine_that_was_made_anew_has_a_new_key(lab):
    lab.load()
    lab.program("ssh", "echo 'ssh-ed25519 AAAAanother'")
    lab.create("gpu", "two")
    lab.load()
    assert lab.known_hosts().endswith("ssh-ed25519 AAAAanother\n")


def test_machines_that_were_never_created_are_left_out_and_named(lab):
    found = lab.load()
    assert [host.name for host in found.select()] == ["gpu"]
    assert found.left_out == "Not created by Vagrant, so left out: docker"


def test_find_says_how_every_machine_stands(lab):
    machines, _ = find(lab.folder, Where(lab.inventory))
    assert [(machine.name, machine.state, machine.identity) for machine in machines] == [
        ("gpu", "running", "one"),
        ("docker", "not_created", ""),
    ]
    assert json.loads((lab.folder / ".vagrant/labprov/machines.json").read_text())["machines"][0]["name"] == "gpu"


def fail(text: str) -> str:
    return f"cat <<'END'\n1,,error-exit,Vagrant::Errors::Some,{text}\nEND\nexit 1"


def no_vagrant(lab: Lab) -> None:
    (lab.root / "bin" / "vagrant").unlink()
    os.environ["PATH"] = str(lab.root / "bin")  # the fixture puts it back


def no_vagrantfile(lab: Lab) -> None:
    (lab.folder / "Vagrantfile").unlink()


def no_provider(lab: Lab) -> None:
    text = "The provider 'libvirt' could not be found%!(VAGRANT_COMMA) but was requested to\\nback the machine 'gpu'."
    lab.program("vagrant", fail(text))


def broken_vagrantfile(lab: Lab) -> None:
    lab.program("vagrant", fail("There was an error loading a Vagrantfile.\\n\\nPath: /x\\n\\nMessage: it is broken"))


def broken_machines_file(lab: Lab) -> None:
    lab.program("vagrant", fail('machines.yml: gpu: unknown key "cpu" (known: os%!(VAGRANT_COMMA) cpus)'))


def silent_failure(lab: Lab) -> None:
    lab.program("vagrant", "exit 7")


def no_machine(lab: Lab) -> None:
    lab.states = {}
    lab.told()


def unusable_provider(lab: Lab) -> None:
    said = (
        "The provider 'virtualbox' isn't usable on this system. The reason:\\n\\nVagrant could not detect VirtualBox!"
    )
    lab.program("vagrant", fail(said))


def early_failure(lab: Lab) -> None:
    said = "Vagrant failed to initialize at a very early stage:\\n\\nmachines.yml: gpu: unknown key"
    lab.program("vagrant", fail(said))


def nothing_created(lab: Lab) -> None:
    lab.states["gpu"] = "not_created"
    lab.told()


def wrong_name(lab: Lab) -> None:
    lab.inventory.write_text("vagrant: ../vagrant\ngroups:\n  cards: {hosts: [gpv]}\n")


def group_of_that_name(lab: Lab) -> None:
    lab.inventory.write_text("vagrant: ../vagrant\ngroups:\n  docker: {hosts: [gpu]}\n")


def no_folder(lab: Lab) -> None:
    lab.inventory.write_text("vagrant: [gpu]\n")


def behind_another(lab: Lab) -> None:
    (lab.root / "config").write_text("Host gpu\n  HostName 10.0.0.9\n  ProxyCommand ssh a nc %h %p\n")


def blocked_memory(lab: Lab) -> None:
    (lab.folder / ".vagrant/labprov").write_text("a file where a folder should be\n")


def silent_machine(lab: Lab) -> None:
    lab.program("ssh", "echo 'Connection refused' >&2; exit 255")


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (no_vagrant, ["vagrant.yml:1", "Vagrant is not installed", "apt-get install vagrant"]),
        (no_vagrantfile, ["vagrant.yml:1", "no Vagrantfile in"]),
        (no_provider, ["'libvirt' could not be found", "vagrant plugin install"]),
        (broken_vagrantfile, ["it is broken"]),
        (broken_machines_file, ["machines.yml: gpu: unknown key"]),
        (silent_failure, ["vagrant status: exit code 7"]),
        (no_machine, ["has no machine"]),
        (nothing_created, ["no machine of the Vagrantfile is created", "`vagrant up`"]),
        (unusable_provider, ["isn't usable on this system.", "could not detect VirtualBox"]),
        (early_failure, ["vagrant status: machines.yml: gpu: unknown"]),
        (wrong_name, ["vagrant.yml:3", "no machine 'gpv'", "did you mean 'gpu'?"]),
        (group_of_that_name, ["'docker'", "rename it"]),
        (no_folder, ["vagrant.yml:1", "the folder of a Vagrantfile"]),
        (behind_another, ["'gpu' is reached through another one"]),
        (blocked_memory, ["host keys cannot be kept in", "whoever ran `vagrant up`"]),
        (silent_machine, ["'gpu' did not tell its host keys", "Connection refused", "vagrant ssh gpu"]),
    ],
)
def test_mistakes_are_one_line_that_says_what_to_do(lab, mistake, expected):
    mistake(lab)
    result = CliRunner().invoke(main, ["plan", "gpu-node", "-i", str(lab.inventory)], catch_exceptions=False)
    assert result.exit_code == 2, result.output
    assert result.output.count("\n") == 1, result.output
    assert [text for text in expected if text not in result.output] == [], result.output


def test_asking_for_a_machine_that_is_not_created_is_a_mistake(lab):
    result = CliRunner().invoke(main, ["plan", "gpu-node", "-i", str(lab.inventory), "-l", "docker"])
    assert result.exit_code == 2
    assert "'docker' is not created" in result.output and "vagrant up docker" in result.output


def test_an_inventory_called_vagrant_that_is_not_there_says_how_to_write_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["plan", "gpu-node", "-i", "vagrant"])
    assert result.exit_code == 2
    assert "vagrant: FOLDER" in result.output


def test_the_list_of_hosts_says_what_is_not_created(lab):
    result = CliRunner().invoke(main, ["list", "-i", str(lab.inventory), "--no-color"])
    assert result.exit_code == 0
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in result.output.splitlines() if line[:3] == "  g"}
    assert rows["gpu"].startswith("127.0.0.1"), result.output
    assert "docker  not created" in result.output
