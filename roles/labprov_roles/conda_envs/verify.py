"""Do the environments compute? Tried as an ordinary user (a user's own environment: as that user), cleaned up after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from shlex import quote
from typing import Any

import pytest
from testinfra.backend.base import CommandResult
from testinfra.host import Host

from labprov.verify.folder import folder_of
from labprov_roles.conda_envs.requirements import imports, table
from labprov_roles.conda_envs.settings import Settings

_PATH = "/usr/local/bin:/usr/bin:/bin"

# What each declared package gives to import: the table says it, else its own metadata. What has neither is no Python.
_IMPORT = """
import importlib, importlib.metadata as metadata, json, os, re, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what packages print when they are imported (solcore does) is no complaint of ours
plain = lambda name: re.sub(r"[-_.]+", "-", name).lower()
found = {}
for module, names in metadata.packages_distributions().items():
    for name in names:
        found.setdefault(plain(name), []).append(module)
for name, known in json.loads(sys.argv[1]):
    modules = known or sorted(m for m in found.get(plain(name), []) if m.isidentifier() and not m.startswith("_"))[:1]
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            print(f"{name}: import {module}: {type(error).__name__}: {error}"[:300], file=out)
"""
_NUMPY = "import numpy as n; a = n.arange(9.0).reshape(3, 3); assert ((a @ a)[2] == [69.0, 90.0, 111.0]).all()"
_TORCH = """
import torch
if not hasattr(torch, "ones"):
    print("stand-in")
else:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a = torch.ones(64, 64, device=device)
    assert (a @ a).sum().item() == 64.0 ** 3
    print(device)
"""
_MATPLOTLIB = """
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plot
plot.plot([1, 2, 3])
plot.savefig("plot.png")
assert open("plot.png", "rb").read(8) == b"\\x89PNG\\r\\n\\x1a\\n"
"""
_PLOTLY = """
import plotly.graph_objects as go
go.Figure(go.Scatter(y=[1, 2, 3])).write_html("plot.html", include_plotlyjs=False)
assert "Plotly.newPlot" in open("plot.html").read()
"""
KERNEL = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=60)
printed = []
hook = lambda message: printed.append(message["content"].get("text", ""))
try:
    reply = client.execute_interactive("import sys; print(6 * 7, sys.executable)", output_hook=hook, timeout=60)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
assert reply["content"]["status"] == "ok", reply
print("".join(printed))
"""


@dataclass(frozen=True)
class Tried:
    """An environment, as somebody who uses it sees it."""

    host: Host
    name: str
    user: str
    folder: str
    """Its path, by its name."""
    home: str
    """A folder to work in."""

    def run(self, *argv: str) -> CommandResult:
        """Run a command in a fresh session of that user."""
        words = ["runuser", "-u", self.user, "--", "env", "-i", "-C", self.home, f"HOME={self.home}", f"PATH={_PATH}"]
        words += ["LC_ALL=C.UTF-8", f"MPLCONFIGDIR={self.home}", *argv]
        return self.host.run(" ".join(map(quote, words)))

    def python(self, code: str, *argv: str) -> CommandResult:
        """Run Python code in the environment."""
        return self.run(f"{self.folder}/bin/python", "-c", code, *argv)

    def has(self, module: str) -> bool:
        """Whether there is such a top-level module."""
        code = "import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)"
        return bool(self.python(code, module).rc == 0)


@pytest.fixture
def tried(host: Host, settings: Settings) -> Iterator[list[Tried]]:
    """Every environment that is to be there; its user's folder for the try is gone afterwards."""
    with ExitStack() as stack:
        found = []
        for name, declared in settings.environments.items():
            if declared.state == "present":
                user = declared.user or "nobody"
                where = f"{host.user(user).home}/.conda/envs" if declared.user else f"{settings.prefix}/envs"
                home = stack.enter_context(folder_of(host, user))
                found.append(Tried(host, name, user, f"{where}/{name}", home))
        yield found


def test_every_declared_package_can_be_imported(tried: list[Tried], settings: Settings) -> None:
    """By its own name for imports, by the metadata of what was installed."""
    names = table(settings.names)
    for each in _some(tried):
        lock = _lock(each)
        asked = [
            (row.get("package", row["requirement"]), imports(row["requirement"], names)) for row in lock["decisions"]
        ]
        shown = each.python(_IMPORT, json.dumps(asked))
        assert (shown.rc, shown.stdout) == (0, ""), f"{each.name}: {said(shown)}"


def test_installed_is_what_the_lock_says(tried: list[Tried]) -> None:
    """By what Python itself and conda's own command list."""
    code = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    for each in _some(tried):
        lock = _lock(each)
        shown = each.python(code)
        assert shown.rc == 0, f"{each.name}: {said(shown)}"
        there = {(name.lower().replace("_", "-"), version) for name, version in json.loads(shown.stdout)}
        wanted = {(row["name"].lower().replace("_", "-"), row["version"]) for row in lock["pip"]}
        assert wanted <= there, f"{each.name} lacks {sorted(wanted - there)}"
        meta = each.host.check_output("ls %s/conda-meta", each.folder).split()
        files = {f"{row['name']}-{row['version']}-{row['build']}.json" for row in lock["conda"]}
        assert files == {name for name in meta if name.endswith(".json")}, each.name


def test_users_cannot_write_into_shared_environments(tried: list[Tried], settings: Settings) -> None:
    """The kernel is asked, as that user, about every file."""
    shared = [each for each in _some(tried) if settings.environments[each.name].user is None]
    for each in shared:
        find = ("find", "-H", each.folder, "!", "-type", "l", "-writable", "-print", "-quit")
        writable = each.run(*find)
        assert (writable.rc, writable.stdout) == (0, ""), f"{each.name}: everybody can write to {writable.stdout}"
    if not shared:
        pytest.skip("not set: no shared environment is declared")


def test_numpy_multiplies(tried: list[Tried]) -> None:
    """A product of matrices, where numpy is."""
    _each(tried, "numpy", _NUMPY)


def test_torch_computes(tried: list[Tried], settings: Settings) -> None:
    """On the GPU where there is one that the environment was built for, else on the CPU."""
    shown = _each(tried, "torch", _TORCH)
    if "stand-in" in shown.values():
        pytest.skip("torch is a stand-in here: it cannot compute")
    for name, device in shown.items():
        lock = _lock(next(each for each in tried if each.name == name))
        if str(lock["request"]["wheels"]).startswith("cu"):
            assert device == "cuda", f"{name}: torch has a build for CUDA and does not find the GPU"


def test_matplotlib_draws(tried: list[Tried]) -> None:
    """A picture, as PNG."""
    _each(tried, "matplotlib", _MATPLOTLIB)


def test_plotly_draws(tried: list[Tried]) -> None:
    """A plot, as HTML."""
    _each(tried, "plotly", _PLOTLY)


def test_jupyter_kernels_execute_a_cell(tried: list[Tried], settings: Settings) -> None:
    """As Jupyter would start them, by their names."""
    offered = [each for each in tried if settings.environments[each.name].jupyter_kernel]
    if not offered:
        pytest.skip("not set: no environment is offered as a Jupyter kernel")
    for each in offered:
        shown = each.python(KERNEL, f"labprov-{each.name.lower()}")
        assert shown.rc == 0, f"{each.name}: {said(shown)}"
        assert shown.stdout.split()[:1] == ["42"], f"{each.name}: {said(shown)}"


def _each(tried: list[Tried], module: str, code: str) -> dict[str, str]:
    """Run code wherever the module is; what was printed, by environment. Skips where it is nowhere."""
    having = [each for each in tried if each.has(module)]
    if not having:
        pytest.skip(f"not set: no environment has {module}")
    shown = {}
    for each in having:
        run = each.python(code)
        assert run.rc == 0, f"{each.name}: {said(run)}"
        shown[each.name] = run.stdout.strip()
    return shown


def _some(tried: list[Tried]) -> list[Tried]:
    if not tried:
        pytest.skip("not set: no environment is declared")
    return tried


def _lock(each: Tried) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(each.host.check_output("cat %s/.labprov-lock.json", each.folder))
    return found


def said(run: CommandResult) -> str:
    """What a command printed, as one line for the report."""
    return " ".join((run.stdout + " " + run.stderr).split())[-600:]
