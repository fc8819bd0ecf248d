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
