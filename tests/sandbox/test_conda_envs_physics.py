"""The set ``physics`` with the real solcore, numpy, scipy and matplotlib: an ordinary user computes a solar cell.

An index of the wheels that this machine's pip brings is served to the host for as long as the test takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from labprov.sandbox import NodeSpec
from labprov.sandbox.mirror import pypi

pytestmark = pytest.mark.slow

GAAS = """
import numpy, scipy.linalg
from solcore import material
from solcore.poisson_drift_diffusion import ddModel  # Fortran: its compiled half must be loaded
assert numpy.allclose(scipy.linalg.inv(numpy.diag([2.0, 4.0])), numpy.diag([0.5, 0.25]))
print(round(material("GaAs")(T=300).band_gap / 1.602e-19, 2), hasattr(ddModel, "__file__"))
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A folder with an index of solcore and all that the set needs, for the channel's Python."""
    root = tmp_path_factory.mktemp("index")
    options = ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    options += ["--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d", root / "files", "solcore", "iniconfig"]
    subprocess.run(command, check=True, timeout=900)
    pypi.pages(root / "simple", (root / "files").iterdir(), "../../files")
    return root


def test_solcore_is_pips_needs_no_compiler_and_computes(make_sandbox, cli, ssh, index, tmp_path):
    hosts = make_sandbox("solar", NodeSpec("s12", "debian-12"))
    gateway = hosts.mirror_url.split("/")[2].partition(":")[0]
    handler = partial(SimpleHTTPRequestHandler, directory=str(index))
    with ThreadingHTTPServer((gateway, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        data = yaml.safe_load(hosts.inventory.read_text())
        data["settings"]["conda_envs"] |= {
            "pip_index": f"http://{gateway}:{server.server_address[1]}/simple",
            "environments": {"physics": {"sets": ["physics"]}},
        }
        (tmp_path / "lab.yml").write_text(yaml.safe_dump(data))
        words = ("apply", "workstation", "-i", str(tmp_path / "lab.yml"), "--role", "miniconda", "--role", "conda_envs")
        code, report = cli.report(*words, "--yes", state=tmp_path)
        server.shutdown()
    failed = [each for key in ("outcomes", "checks") for each in report[key] if "failed" in each.values()]
    assert (code, failed) == (0, [])
    (lock,) = (tmp_path / "labprov-envs").glob("physics*.lock")
    by = {row["requirement"]: row["by"] for row in json.loads(lock.read_text())["decisions"]}
    assert by == dict.fromkeys(("solcore", "numpy", "scipy", "matplotlib"), "pip")
    assert ssh(hosts, "s12", "command -v gfortran gcc || true").stdout == ""
    said = ssh(hosts, "s12", f"HOME=$(mktemp -d) /opt/conda/envs/physics/bin/python - <<'END'\n{GAAS}\nEND").stdout
    assert said.splitlines()[-1] == "1.42 True", said
