"""The checkout's own Vagrantfile, inventory, guide and deploys fit together. Vagrant is not asked."""

from __future__ import annotations

from pathlib import Path

import yaml

from labprov import deploy, inventory, plan
from labprov.errors import Where
from labprov.vagrant.output import Machine, Way

ROOT = Path(__file__).parents[1]


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
