"""The role conda_envs with real packages: numpy multiplies, matplotlib and plotly draw, a Jupyter kernel answers.

An index of the wheels that this machine's pip brings is served to the host for as long as the test takes.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from labprov.sandbox import NodeSpec
from labprov.sandbox.mirror import pypi

PACKAGES = ("numpy", "matplotlib", "plotly", "ipykernel", "iniconfig")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder with an index of these packages and all that they need, for the channel's Python."""
    root = tmp_path_factory.mktemp("index")
    options = ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    options += ["--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", root / "files", *PACKAGES]
    subprocess.run(command, check=True, timeout=900)
    pypi.pages(root / "simple", (root / "files").iterdir(), "../../files")
    return root


@pytest.mark.slow
def test_a_datascience_environment_computes_draws_and_answers_in_jupyter(make_sandbox, index, tmp_path):
    hosts = make_sandbox("pkgs", NodeSpec("p12", "debian-12"))
    gateway = hosts.mirror_url.split("/")[2].partition(":")[0]
    inventory = yaml.safe_load(hosts.inventory.read_text())
    inventory["settings"]["conda_envs"] |= {
        "pip_index": f"http://{gateway}:8082/simple",
        "environments": {
            "datascience": {"packages": ["numpy", "matplotlib", "plotly", "iniconfig"], "jupyter_kernel": True},
            **{f"course{number}": {"packages": ["iniconfig"]} for number in range(1, 5)},
        },
    }
    (tmp_path / "lab.yml").write_text(yaml.safe_dump(inventory))
    words = ["apply", "workstation", "-i", tmp_path / "lab.yml", "--json", "--yes"]
    words += ["--role", "miniconda", "--role", "conda_envs"]
    server = [sys.executable, "-m", "http.server", "--bind", gateway, "--directory", index, "8082"]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serving:
        try:
            runs = []
            for _ in range(2):
                done = subprocess.run([sys.executable, "-m", "labprov", *words], capture_output=True, text=True)
                assert done.stdout.startswith("{"), done.stderr
                runs.append((done.returncode, json.loads(done.stdout)))
        finally:
            serving.kill()
    (code, first), (_, second) = runs
    checks = {c["name"]: (c["verdict"], c["reason"]) for c in first["checks"] if c["role"] == "conda_envs"}
    assert code == 0, checks
    skipped = [name for name, (verdict, _) in checks.items() if verdict == "skipped"]
    assert skipped == ["torch computes"], checks
    by = {
        row["requirement"]: row["by"]
        for lock in (tmp_path / "labprov-envs").glob("datascience*")
        for row in json.loads(lock.read_text())["decisions"]
    }
    assert by == {"numpy": "pip", "matplotlib": "pip", "plotly": "pip", "iniconfig": "conda", "ipykernel": "pip"}
    assert not [each for each in second["outcomes"] if each["result"] == "changed"]
