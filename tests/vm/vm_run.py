"""``make test-vm``: a box is built, a machine comes up, becomes a GPU node with a reboot in the middle, and goes.

Not collected by a bare pytest: it takes many minutes. Vagrant with libvirt and QEMU, whose processor is emulated where
there is no KVM. The tests are one story, in the order of the file; each needs those before it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from time_server import time_server
from vagrant_ground import ground, lack

from labprov.sandbox import mirror
from labprov.sandbox.places import CACHE
from labprov.sandbox.processes import SERVE

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
GATEWAY, PORT = "192.168.121.1", 8099
"""Where vagrant-libvirt's network reaches this machine; the vendor mirror's stand-in is served there."""
ONE = ("--role", "kernel_parameter")
"""Where only the reboot matters: verifying a whole node takes minutes on an emulated processor."""
REBOOTING = ("apply", "gpu-node", *ONE, "-i", "vagrant", "--yes", "--reboot")
SKIPPED = {"nvidia_driver", "cuda", "nvidia_container_toolkit"}


class Lab:
    """A lab folder with the checkout's Vagrantfile and inventory, and one machine."""

    def __init__(self, root: Path, log: Any) -> None:
        self.root, self.log = root, log
        self.env = dict(os.environ) | {
            "VAGRANT_HOME": str(root / "vagrant.d"),
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "XDG_STATE_HOME": str(root / "state"),
        }

    def vagrant(self, *words: str, **how: Any) -> str:
        """Run vagrant in its folder."""
        how.setdefault("title", f"vagrant {' '.join(words)}")
        return str(self.log.run(["vagrant", *words], cwd=self.root / "vagrant", env=self.env, **how))

    def labprov(self, *words: str, **how: Any) -> str:
        """Run labprov in the lab's folder."""
        how.setdefault("title", f"labprov {' '.join(words)}")
        command = [sys.executable, "-m", "labprov", *words]
        return str(self.log.run(command, cwd=self.root, env=self.env, **how))

    def report(self) -> dict[str, Any]:
        """The last run's journal."""
        command = [sys.executable, "-m", "labprov", "report", "--format", "json"]
        done = subprocess.run(command, cwd=self.root, env=self.env, capture_output=True, text=True, check=False)
        return dict(json.loads(done.stdout))

    def ssh(self, command: str) -> str:
        """Run a command on the machine, by another way than labprov's."""
        kept = json.loads((self.root / "vagrant/.vagrant/labprov/machines.json").read_text())["machines"][0]
        way = kept["way"]
        options = ["-F", "none", "-o", f"UserKnownHostsFile={self.root}/vagrant/.vagrant/labprov/known_hosts"]
        options += ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-i", way["keys"][0], "-p", str(way["port"])]
        words = ["ssh", *options, f"{way['user']}@{way['address']}", command]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout.strip()

    def boot(self) -> str:
        """The machine's boot."""
        return self.ssh("cat /proc/sys/kernel/random/boot_id")

    def ask_for_a_reboot(self) -> None:
        """As a role of an earlier run would have."""
        self.ssh("sudo mkdir -p /run/labprov && echo 'a test wants it' | sudo tee /run/labprov/reboot-required")

    def write(self, **values: Any) -> None:
        """Set keys at the top of the inventory."""
        file = self.root / "inventories/vagrant.yml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | values, sort_keys=False))

    def answers(self) -> bool:
        """Whether the machine's sshd greets."""
        kept = json.loads((self.root / "vagrant/.vagrant/labprov/machines.json").read_text())["machines"][0]["way"]
        try:
            with socket.create_connection((kept["address"], kept["port"]), timeout=2) as connection:
                connection.settimeout(10)
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def until(self, otherwise: str, true: Callable[[], bool], seconds: float = 900) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.2)

    def until_it_goes_down(self) -> subprocess.Popen[bytes]:
        """Start an apply that reboots, and give it when the machine has stopped to answer."""
        command = [sys.executable, "-m", "labprov", *REBOOTING]
        with (self.root / "rebooting.log").open("w") as output:
            running = subprocess.Popen(command, cwd=self.root, env=self.env, stdout=output, stderr=output)
        try:
            self.until("the machine does not go down", lambda: running.poll() is not None or not self.answers())
            assert running.poll() is None, (self.root / "rebooting.log").read_text()
        except BaseException:
            running.kill()
            raise
        return running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, log: Any) -> Iterator[Lab]:
    if reason := lack():
        pytest.skip(reason)
    root = tmp_path_factory.mktemp("lab")
    made = Lab(root, log)
    log.hidden[str(root)] = "lab"
    with ground():
        shutil.copytree(HERE / "lab", root, dirs_exist_ok=True)
        shutil.copytree(ROOT / "vagrant", root / "vagrant", ignore=shutil.ignore_patterns("build"))
        (root / "inventories").mkdir()
        shutil.copy(ROOT / "inventories/vagrant.yml", root / "inventories")
        try:
            yield made
        finally:
            if (root / "vagrant/.vagrant").exists():
                made.vagrant("destroy", "-f", code=None, show=0)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def vendors(lab: Lab) -> Iterator[None]:
    """The vendors' stand-in and this machine's time, served to the machine, and named in its inventory."""
    with lab.log.step("The vendors' repositories are a stand-in here (labprov's own mirror, as in the sandbox)"):
        made = mirror.ensure(CACHE / "mirror", lab.log.say)
    url = f"http://{GATEWAY}:{PORT}"
    file = lab.root / "inventories/vagrant.yml"
    written = yaml.safe_load(file.read_text())
    written |= {"mirrors": dict(made.settings(url)), "simulation": "a virtual machine; stand-ins for the vendors"}
    for role, options in made.role_settings(url).items():
        written["settings"].setdefault(role, {}).update(options)
    written["settings"]["base"] = {"ntp_servers": [GATEWAY]}
    file.write_text(yaml.safe_dump(written, sort_keys=False))
    command = [sys.executable, "-m", SERVE, "--sandbox=vm-run", f"--root={made.root}", f"--address={GATEWAY}"]
    with (lab.root / "mirror.log").open("w") as output:
        server = subprocess.Popen([*command, f"--port={PORT}"], stdout=output, stderr=output)
    try:
        with time_server(GATEWAY):
            yield
    finally:
        server.terminate()
        server.wait(30)


def test_the_box_is_built_and_the_machine_comes_up(lab):
    (lab.root / "vagrant/box/build").mkdir()
    build = [sys.executable, "vagrant/box/build.py", "debian-12"]
    lab.log.run(build, title="make box", cwd=lab.root, env=lab.env, show=0)
    size = (lab.root / "vagrant/box/build/labprov-debian-12.box").stat().st_size
    lab.log.say(f"the box has {size // 1024**2} MiB")
    assert size > 100 * 1024**2, "that is no system"
    assert "`vagrant up` in its folder" in lab.labprov("plan", "gpu-node", "-i", "vagrant", code=2)
    assert "Machine booted and ready!" in lab.vagrant("up", "--provider=libvirt", show=12)


def test_the_machine_is_found_and_then_remembered(lab):
    listed = lab.labprov("list", "-i", "vagrant", "--no-color", show=4)
    assert "docker  not created" in listed
    started = time.monotonic()
    lab.labprov("list", "-i", "vagrant", "--no-color", show=0, title="labprov list -i vagrant  # the second time")
    remembered = time.monotonic() - started
    started = time.monotonic()
    lab.vagrant("ssh-config", "gpu", show=0)
    assert remembered < time.monotonic() - started, "Vagrant was asked although nothing had changed"
    lab.log.say(f"kernel {lab.ssh('uname -r')} on {lab.ssh('systemd-detect-virt || true')}\n")


def test_a_gpu_node_with_a_reboot_in_the_middle(lab, vendors):
    before = lab.boot()
    said = lab.labprov("apply", "gpu-node", "-i", "vagrant", "--yes", "--reboot", "--no-color", show=100)
    run = lab.report()
    assert lab.boot() != before, said
    assert "labprov.test=1" in lab.ssh("cat /proc/cmdline")
    rebooted = [o["role"] for o in run["outcomes"] if o["operation"] == "Reboot"]
    assert rebooted == ["kernel_parameter"], "in the middle: after that role, before the next"
    roles = [o["role"] for o in run["outcomes"]]
    assert roles.index("docker") > roles.index("kernel_parameter")
    assert said.count("no NVIDIA GPU on the PCI bus") >= len(SKIPPED)
    assert not SKIPPED & {o["role"] for o in run["outcomes"] if o["result"] == "changed"}
    verdicts = {c["verdict"] for c in run["checks"]}
    assert "passed" in verdicts and "failed" not in verdicts
    assert [h["status"] for h in run["hosts"]] == ["ok"]


def test_what_was_promised_is_there(lab):
    assert lab.ssh("sudo docker info --format '{{.Driver}}'") == "overlay2"
    assert lab.ssh("systemctl is-active qemu-guest-agent") == "active"
    assert lab.ssh("timedatectl show --property=NTPSynchronized --value") == "yes"
    assert "conda" in lab.ssh("bash -lic 'conda --version'")
    lab.log.say(f"docker {lab.ssh('sudo docker version --format {{.Server.Version}}')}, overlay2, on its own kernel\n")


def test_a_second_apply_changes_nothing(lab):
    boot = lab.boot()
    lab.labprov("apply", "gpu-node", "-i", "vagrant", "--yes", "--reboot", "--no-color", show=30)
    changed = [o["operation"] for o in lab.report()["outcomes"] if o["result"] == "changed"]
    assert changed == []
    assert lab.boot() == boot


def test_a_reboot_that_is_not_allowed_is_not_done(lab):
    boot = lab.boot()
    lab.ask_for_a_reboot()
    said = lab.labprov("apply", "gpu-node", *ONE, "-i", "vagrant", "--yes", "--no-reboot", "--no-color", show=30)
    assert "a test wants it" in said
    assert lab.boot() == boot
    assert lab.report()["checks"] == [], "what waits for a reboot is not called verified"


def test_a_reboot_outside_of_its_window_is_not_done(lab):
    boot = lab.boot()
    hour = int(lab.ssh("date +%H"))
    window = f"window {(hour + 3) % 24:02}:00-{(hour + 4) % 24:02}:00"
    lab.write(reboot=window)
    said = lab.labprov("apply", "gpu-node", *ONE, "-i", "vagrant", "--yes", "--no-color", show=30)
    assert window in said
    assert lab.boot() == boot


def test_a_controller_that_is_killed_during_the_reboot_goes_on_at_the_next_run(lab):
    boot = lab.boot()
    lab.write(reboot="when-needed")
    with lab.log.step(f"$ labprov {' '.join(REBOOTING)}  # killed as the machine goes down"):
        running = lab.until_it_goes_down()
        running.kill()
        running.wait()
        lab.until("the machine does not come back", lab.answers)
    lab.labprov(*REBOOTING, "--no-color", show=30)
    assert lab.boot() != boot
    run = lab.report()
    assert [h["reboot"] for h in run["hosts"]] == [[]]
    assert "passed" in {c["verdict"] for c in run["checks"]}


def test_a_machine_that_does_not_come_back_is_told_of_and_then_named_as_stopped(lab):
    lab.ask_for_a_reboot()
    lab.write(reboot_timeout=60)
    with lab.log.step(f"$ labprov {' '.join(REBOOTING)}  # power cut as the machine goes down"):
        running = lab.until_it_goes_down()
        subprocess.run(["virsh", "-c", "qemu:///system", "destroy", "vagrant_gpu"], check=True, capture_output=True)
        assert running.wait(600) == 1
    said = (lab.root / "rebooting.log").read_text()
    lab.log.say(next(line.strip() for line in said.splitlines() if "did not come back" in line))
    said = lab.labprov("plan", "gpu-node", "-i", "vagrant", code=2)
    assert "'gpu' is stopped" in said and "vagrant up gpu" in said and said.count("\n") == 1


def test_a_machine_that_is_gone_is_named(lab):
    lab.vagrant("destroy", "-f", show=3)
    said = lab.labprov("plan", "gpu-node", "-i", "vagrant", code=2)
    assert "no machine of the Vagrantfile is created" in said and said.count("\n") == 1
