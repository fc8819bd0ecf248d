"""The deploy scripts are plain pyinfra deploy scripts: stock pyinfra runs them with the same inventory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_stock_pyinfra_runs_a_deploy_with_labprovs_inventory(sandbox, ssh, cli, tmp_path):
    script = Path(__file__).parents[2] / "deploys" / "docker_node.py"
    environment = dict(os.environ) | {"LABPROV_INVENTORY": str(sandbox.inventory)}
    command = [str(Path(sys.executable).parent / "pyinfra"), "-y", "labprov.pyinfra_inventory.hosts", str(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for node in ("deb12", "deb13"):
        assert "overlay" in ssh(sandbox, node, "sudo docker info --format '{{.Driver}}'").stdout
    # and labprov finds that everything is as it would have done it
    code, run = cli.report("plan", "docker-node", "-i", str(sandbox.inventory), "--exit-code", state=tmp_path)
    assert code == 0, [outcome["operation"] for outcome in run["plan"] if outcome["result"] == "changed"]


def test_stock_pytest_runs_a_roles_checks(sandbox, cli, tmp_path):
    """After labprov has applied the role, testinfra's own ssh backend comes to the same verdicts."""
    code, _ = cli.report("apply", "docker-node", "-i", str(sandbox.inventory), "-l", "deb13", state=tmp_path)
    assert code == 0
    config = tmp_path / "ssh_config"
    config.write_text(
        f"UserKnownHostsFile {sandbox.known_hosts}\nStrictHostKeyChecking yes\nIdentityFile {sandbox.key}\n"
    )
    checks = Path(__file__).parents[2] / "roles" / "labprov_roles" / "base" / "verify.py"
    options = [f"--hosts=ssh://admin@{sandbox.node('deb13').address}", "--sudo", f"--ssh-config={config}"]
    options += [f"--labprov-inventory={sandbox.inventory}", "-p", "labprov.verify.stock", "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider", *options, str(checks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "failed" not in done.stdout
