"""The roles docker and nvidia_container_toolkit on a real host where people already work: what must stay, stays.

One server on which somebody installed Docker by hand, without live-restore, and runs a container. The order of the
tests does not matter: each that changes something leaves the server as it was after the first apply.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec

NODE = "box"
DEPLOY = """\"\"\"Docker with GPUs.\"\"\"

from labprov.deploy import include
from labprov_roles import docker, nvidia_container_toolkit, nvidia_driver

include(nvidia_driver)
include(docker)
include(nvidia_container_toolkit)
"""
DOCKER = ("--role", "docker")
TOOLKIT = ("--role", "nvidia_container_toolkit")
CONFIG, LEDGER = "/etc/docker/daemon.json", "/var/lib/labprov/daemon.json.ledger"
RIVAL_PIN = "/etc/apt/preferences.d/rival"
# An image of the host's own sleep, so that no registry is needed.
BY_HAND = """set -eu
sudo apt-get update -q && sudo apt-get install -q -y --no-install-recommends docker.io docker-cli
echo '{"mtu": 1450, "features": {"buildkit": true}, "log-driver": "local"}' | sudo tee /etc/docker/daemon.json
sudo systemctl restart docker
d=$(mktemp -d); mkdir -p $d/bin
for f in /bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*'); do mkdir -p $d$(dirname $f); cp -L $f $d$f; done
tar -C $d -c . | sudo docker import - work:1
sudo docker run -d --name work work:1 /bin/sleep infinity
"""


@dataclass
class Lab:
    """The host, and labprov run on it as from the command line."""

    sandbox: Any
    folder: Path
    ssh: Any

    def run(self, verb: str, *words: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Exit code and report of ``labprov VERB containers``; ``settings`` (role -> values) are the host's."""
        inventory = yaml.safe_load(self.sandbox.inventory.read_text())
        inventory["settings"] = {**inventory.get("settings", {}), **settings}
        (self.folder / "lab.yml").write_text(yaml.safe_dump(inventory, sort_keys=False))
        (self.folder / "labprov.lock").unlink(missing_ok=True)  # here the settings move what is locked
        command = [sys.executable, "-m", "labprov", verb, "containers", "-i", "lab.yml", "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=self.folder)
        assert done.stdout.startswith("{"), done.stdout[-2000:] + done.stderr[-4000:]
        return done.returncode, json.loads(done.stdout)

    def apply(self, *words: str, **settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Apply without being asked."""
        return self.run("apply", "--yes", *words, **settings)

    def on(self, command: str, check: bool = True) -> str:
        """What a command printed on the host."""
        return self.ssh(self.sandbox, NODE, command, check=check).stdout.strip()

    def config(self) -> dict[str, Any]:
        """daemon.json."""
        return json.loads(self.on(f"cat {CONFIG}"))

    def daemon(self) -> str:
        """Which run of the daemon this is."""
        return self.on("systemctl show -p MainPID --value docker")

    def container_started(self) -> str:
        """When the container that somebody works in was started; empty when it does not run."""
        return self.on("sudo docker inspect -f '{{if .State.Running}}{{.State.StartedAt}}{{end}}' work")


def changed(run: dict[str, Any], key: str = "outcomes") -> list[str]:
    return [each["operation"] for each in run[key] if each["result"] == "changed"]


def failed(run: dict[str, Any]) -> list[str]:
    return [each["name"] for each in run["checks"] if each["verdict"] == "failed"]


@pytest.fixture(scope="module")
def lab(make_sandbox, ssh, tmp_path_factory):
    folder = tmp_path_factory.mktemp("containers")
    (folder / "deploys").mkdir()
    (folder / "deploys/containers.py").write_text(DEPLOY)
    made = Lab(make_sandbox("dck", NodeSpec(NODE, "debian-13", (("A100", 2),))), folder, ssh)
    made.on(BY_HAND)
    return made


@pytest.fixture(scope="module")
def adopted(lab):
    """The first apply on the server as it was found."""
    started = lab.container_started()
    assert started
    code, run = lab.apply()
    assert (code, failed(run)) == (0, []), [each for each in run["outcomes"] + run["checks"] if each["reason"]]
    assert lab.container_started() == started, "the container was stopped"
    lab.on(f"sudo cp -p {CONFIG} {LEDGER} /root/")
    return lab


@pytest.fixture
def server(adopted):
    """The server after the first apply; put back afterwards, the container watched all the while."""
    started = adopted.container_started()
    yield adopted
    assert adopted.container_started() == started, "the container was stopped"
    adopted.on(
        f"sudo cp -p /root/daemon.json {CONFIG}; sudo cp -p /root/daemon.json.ledger {LEDGER}; "
        "sudo gpasswd -d admin docker; sudo systemctl reset-failed docker; sudo systemctl restart docker"
    )


def test_a_server_with_docker_is_taken_over(adopted):
    assert adopted.on("dpkg-query -W -f '${Package} ' docker-ce containerd.io") == "containerd.io docker-ce"
    assert adopted.on("sudo docker info -f '{{.LiveRestoreEnabled}}'") == "true"


def test_what_was_written_by_hand_stays(adopted):
    config = adopted.config()
    assert config["mtu"] == 1450
    assert config["features"] == {"buildkit": True, "cdi": True}
    assert config["log-driver"] == "local"
    assert "log-opts" not in config, "a default gives way with all that goes with it"
    assert "nvidia" in config["runtimes"]


def test_a_second_apply_changes_nothing_restarts_nothing_and_leaves_nothing(adopted):
    daemon = adopted.daemon()
    code, run = adopted.apply()
    assert (code, changed(run), failed(run)) == (0, [], [])
    assert adopted.daemon() == daemon
    assert adopted.on("sudo docker images -q --no-trunc | wc -l; sudo docker ps -aq | wc -l").split() == ["1", "1"]


def test_what_the_inventory_names_wins_and_goes_when_it_names_it_no_more(server):
    wish = {"docker": {"log_max_size": "20m", "daemon": {"mtu": 1400}, "users": ["admin"]}}
    before = server.on(f"cat {CONFIG}")
    _, run = server.run("plan", *DOCKER, **wish)
    diff = "\n".join(text for each in run["plan"] for text in each["diffs"])
    assert '-    "mtu": 1450' in diff
    assert '+    "mtu": 1400' in diff
    assert server.on(f"cat {CONFIG}") == before, "a plan changes nothing"

    code, run = server.apply(*DOCKER, **wish)
    assert (code, failed(run)) == (0, [])
    config = server.config()
    assert (config["mtu"], config["log-driver"], config["log-opts"]["max-size"]) == (1400, "json-file", "20m")
    assert "docker" in server.on("id -nG admin").split()

    code, run = server.apply(*DOCKER)
    assert (code, failed(run)) == (0, [])
    config = server.config()
    assert "mtu" not in config
    assert config["log-opts"]["max-size"] == "50m"
    assert config["features"] == {"buildkit": True, "cdi": True}


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"daemon": {"nonsense": 1}}, "nonsense"),
        ({"data_root": "/srv/docker"}, "/var/lib/docker holds 1 container"),
        ({"users": ["admin", "carol"]}, "carol"),
        ({"daemon": {"features": {"cdi": False}}}, "docker and nvidia_container_toolkit want different values"),
    ],
    ids=["a key that Docker does not know", "a data root without the data", "an unknown user", "roles that disagree"],
)
def test_what_would_break_the_server_is_refused_with_nothing_changed(adopted, wish, says):
    files = f"sudo sha256sum {CONFIG} {LEDGER}"
    before, daemon = adopted.on(files), adopted.daemon()
    code, run = adopted.apply(*DOCKER, docker=wish)
    assert code == 1
    assert says in run["hosts"][0]["reason"] + "".join(each["reason"] for each in run["outcomes"])
    assert (adopted.on(files), adopted.daemon()) == (before, daemon)


def test_a_restart_that_an_interrupted_run_owed_is_made_up_for(server):
    server.on(
        "sudo mkdir -p /run/labprov && "
        "systemctl show -p InvocationID --value docker.service | sudo tee /run/labprov/docker-restart"
    )
    daemon = server.daemon()
    _, run = server.run("plan", *DOCKER)
    assert [name for name in changed(run, "plan") if name.startswith("Restart Docker")]
    code, _ = server.apply(*DOCKER)
    assert code == 0
    assert server.daemon() != daemon
    assert changed(server.run("plan", *DOCKER)[1], "plan") == []


def test_a_stale_cdi_specification_is_found_and_renewed(adopted):
    driver = adopted.on("nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1")
    adopted.on(
        "sudo mkdir -p /etc/cdi && sudo mv /var/run/cdi/nvidia.yaml /etc/cdi/ "
        f"&& sudo sed -i 's/{driver}/470.1.2/' /etc/cdi/nvidia.yaml"
    )
    code, run = adopted.run("verify", *TOOLKIT)
    assert code == 1
    assert "container keeps its gpus over a daemon reload" in failed(run)
    code, run = adopted.apply(*TOOLKIT)
    assert (code, failed(run)) == (0, [])
    assert driver in adopted.on("cat /var/run/cdi/nvidia.yaml")
    assert adopted.on("ls /etc/cdi") == "nvidia.yaml.stale"
    adopted.on("sudo rm -r /etc/cdi")


def test_the_cuda_repository_cannot_take_the_toolkit_over(adopted):
    """It carries the toolkit too, and prefers itself: its version counts least with our pin, and most without."""
    policy = "apt-cache policy nvidia-container-toolkit"
    table = adopted.on(policy)
    assert re.search(r"1\.17\.8-1 100$", table, re.MULTILINE), table
    assert re.search(r"1\.20\.0-1 1001$", table, re.MULTILINE), table
    adopted.on(
        "sudo mv /etc/apt/preferences.d/nvidia-container-toolkit.pref /root/ && "
        f"printf 'Package: *\\nPin: release l=NVIDIA CUDA\\nPin-Priority: 1002\\n' | sudo tee {RIVAL_PIN}"
    )
    try:
        assert "Candidate: 1.17.8-1" in adopted.on(policy)
        assert "another repository cannot take over" in failed(adopted.run("verify", *TOOLKIT)[1])
        code, run = adopted.apply(*TOOLKIT)
        assert (code, failed(run)) == (0, []), "our pin, for these packages by name, beats one for all packages"
    finally:
        adopted.on(f"sudo rm -f {RIVAL_PIN}")


def test_another_version_is_installed_when_the_inventory_names_it(server):
    code, run = server.apply(*TOOLKIT, nvidia_container_toolkit={"version": "1.19.1-1", "default_runtime": True})
    assert (code, failed(run)) == (0, [])
    assert {"nvidia-container-toolkit", "libnvidia-container1"} <= set(server.on("apt-mark showhold").split())
    assert server.on("sudo docker info -f '{{.DefaultRuntime}}'") == "nvidia"
    code, run = server.apply(*TOOLKIT)
    assert (code, failed(run)) == (0, [])
    assert server.on("sudo docker info -f '{{.DefaultRuntime}}'") == "runc"
    assert server.on("dpkg-query -W -f '${Version}' nvidia-container-toolkit") == "1.19.1-1", "held, not upgraded"
    newest = "nvidia-container-toolkit{,-base}=1.20.0-1 libnvidia-container{-tools,1}=1.20.0-1"
    server.on(f"bash -c 'sudo apt-get install -q -y --allow-change-held-packages {newest}'")


@pytest.mark.parametrize(
    ("harm", "repair", "check"),
    [
        ("chmod 666 /run/docker.sock", "chmod 660 /run/docker.sock", "others may not use docker"),
        ("systemctl disable docker", "systemctl enable docker", "engine starts at boot"),
        ("mv /usr/bin/runc /usr/bin/runc.gone", "mv /usr/bin/runc.gone /usr/bin/runc", "container runs"),
        ("true", "true", "named users may use docker"),
    ],
    ids=["socket for everybody", "not enabled", "no runc", "not in the group"],
)
def test_verify_finds_what_is_broken(adopted, harm, repair, check):
    adopted.on(f"sudo {harm}")
    try:
        code, run = adopted.run("verify", *DOCKER, docker={"users": ["admin"]})
        assert code == 1
        assert check in failed(run)
    finally:
        adopted.on(f"sudo {repair}")


def test_to_the_distributions_engine_and_back_with_the_container_running(server):
    for source, there in (("distro", "docker.io"), ("vendor", "docker-ce")):
        code, run = server.apply(*DOCKER, docker={"source": source})
        assert (code, failed(run)) == (0, [])
        installed = "dpkg-query -W -f '${db:Status-Status} ${Package}\n' docker.io docker-ce | grep ^installed"
        assert server.on(installed) == f"installed {there}"
