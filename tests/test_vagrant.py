"""Virtual machines of a Vagrantfile as an inventory: what Vagrant prints, what is kept, what a user can get wrong.

Vagrant and ssh are stand-ins on the PATH here: they write down that they were called, and print what they are told.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from labprov import deploy, inventory, plan
from labprov.errors import UserError, Where
from labprov.main import main
from labprov.vagrant import find, hostkeys, output
from labprov.vagrant.output import Machine, Way

STATUS = """\
1700000000,gpu,metadata,provider,libvirt
1700000000,docker,metadata,provider,libvirt
1700000000,gpu,provider-name,libvirt
1700000000,gpu,state,running
1700000000,gpu,state-human-short,running
1700000000,gpu,state-human-long,It is running. To stop it%!(VAGRANT_COMMA) you can run\\n`halt`
1700000000,docker,provider-name,libvirt
1700000000,docker,state,not_created
1700000000,,ui,info,Current machine states:\\n\\ngpu  running (libvirt)
"""
ROOT = Path(__file__).parents[1]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJstandin"


def test_states_are_read_from_machine_readable_output():
    found = output.machines(STATUS)
    assert list(found) == ["gpu", "docker"]
    assert (found["gpu"].state, found["gpu"].provider, found["gpu"].running) == ("running", "libvirt", True)
    assert (found["docker"].created, found["docker"].running) == (False, False)


def test_commas_and_line_ends_are_escaped_in_machine_readable_output():
    text = "1,,error-exit,Vagrant::Errors::X,No%!(VAGRANT_COMMA) really\\nnot.\\n\\nMore of it\n"
    assert output.problem(text) == "No, really not."
    assert output.problem(STATUS) == ""


def test_a_vagrantfile_that_fails_is_quoted_by_its_message():
    said = "There was an error loading a Vagrantfile. The file\nand the error:\n\nPath: /x\nLine number: 0\n\nMessage: "
    stack = "from /x/Vagrantfile:26:in `read' from /usr/share/vagrant/loader.rb:37:in `load'"
    assert output.one_line(f"{said}LoadError: no such file {stack}\n") == "LoadError: no such file"


def test_ssh_config_is_read_with_quotes_ports_and_several_keys():
    text = """
        Host gpu
          HostName 127.0.0.1
          User vagrant
          Port 2222
          StrictHostKeyChecking no
          IdentityFile "/home/a b/.vagrant/machines/gpu/virtualbox/private_key"
          IdentityFile /second
        Host docker
          HostName 192.168.121.7
    """
    assert output.ways(text) == {
        "gpu": Way("127.0.0.1", 2222, "vagrant", ("/home/a b/.vagrant/machines/gpu/virtualbox/private_key", "/second")),
        "docker": Way("192.168.121.7", 22, "vagrant", ()),
    }


@pytest.mark.parametrize("line", ["ProxyCommand ssh host nc %h %p", "ProxyJump other"])
def test_a_machine_behind_another_one_is_refused(line):
    with pytest.raises(ValueError, match="through another one"):
        output.ways(f"Host gpu\n  HostName 10.0.0.1\n  {line}\n")


def test_only_public_keys_are_taken_for_host_keys():
    text = f"Warning: something\n{KEY} root@gpu\nssh-rsa\n\necdsa-sha2-nistp256 AAAAE2Vj x\n"
    assert hostkeys.parse(text) == (KEY, "ecdsa-sha2-nistp256 AAAAE2Vj")


def test_known_hosts_names_a_port_that_is_not_22():
    here = Machine("a", "running", way=Way("127.0.0.1", 2222), host_keys=(KEY,))
    there = Machine("b", "running", way=Way("10.0.0.2"), host_keys=(KEY,))
    gone = Machine("c", "not_created")
    assert hostkeys.known_hosts([here, there, gone]) == f"[127.0.0.1]:2222 {KEY}\n10.0.0.2 {KEY}\n"


class Lab:
    """A lab folder with a Vagrantfile, an inventory of it, and stand-ins for vagrant and ssh."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.inventory = root / "inventories" / "vagrant.yml"
        self.folder = root / "vagrant"
        self.calls = root / "calls"
        self.states = {"gpu": "running", "docker": "not_created"}
        for folder in (self.inventory.parent, self.folder, root / "bin"):
            folder.mkdir()
        (self.folder / "Vagrantfile").write_text("# a stand-in reads nothing of this\n")
        self.inventory.write_text("vagrant: ../vagrant\nuser: admin\ngroups: {cards: {hosts: [gpu]}}\n")
        self.program("ssh", f"echo '{KEY} root@gpu'")
        self.create("gpu", "one")
        self.told()

    def program(self, name: str, script: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $1" >>{self.calls}\n{script}\n')
        path.chmod(0o755)

    def told(self) -> None:
        """Have the stand-in for vagrant say the states that are set."""
        lines = [f"1,{n},provider-name,libvirt\n1,{n},state,{state}\n" for n, state in self.states.items()]
        (self.root / "status").write_text("".join(lines))
        config = f"Host gpu\n  HostName 127.0.0.1\n  Port {self.port}\n  User vagrant\n  IdentityFile /k\n"
        (self.root / "config").write_text(config)
        self.program(
            "vagrant", f"case $1 in status) cat {self.root}/status;; ssh-config) cat {self.root}/config;; esac"
        )

    def create(self, name: str, identity: str) -> None:
        folder = self.folder / ".vagrant" / "machines" / name / "libvirt"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "id").write_text(identity)

    def asked(self) -> list[str]:
        """What was run since the last time."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines

    def load(self) -> inventory.Inventory:
        return inventory.load(self.inventory)

    def known_hosts(self) -> str:
        return (self.folder / ".vagrant/labprov/known_hosts").read_text()


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


def test_the_files_of_the_checkout_fit_together(monkeypatch):
    names = yaml.safe_load((ROOT / "vagrant/machines.yml").read_text())
    running = tuple(Machine(name, "running", way=Way("127.0.0.1")) for name in names)

    def find(folder: Path, where: Where) -> tuple[tuple[Machine, ...], Path]:
        assert (folder / "Vagrantfile").is_file()
        return running, folder / "known_hosts"

    monkeypatch.setattr("labprov.vagrant.find", find)
    found = inventory.load(ROOT / "inventories/vagrant.yml")
    hosts = found.select()
    assert {host.name for host in hosts} == set(names)
    made = plan.make(deploy.load("gpu-node"), found, hosts)
    assert len(made.steps) >= 6
    guide = (ROOT / "vagrant/README.md").read_text()
    assert [name for name in names if name not in guide] == []


def test_the_virtual_machine_gets_every_role_of_a_gpu_node():
    """The whole run's own gpu-node is labprov's, with one role more (its roles are not loaded here)."""
    scripts = (ROOT / "deploys/gpu_node.py", ROOT / "tests/vm/lab/deploys/gpu_node.py")
    ours, theirs = ([line for line in script.read_text().splitlines() if line[:8] == "include("] for script in scripts)
    assert ours
    assert [line for line in theirs if line != "include(kernel_parameter)"] == ours
