"""``compat`` in an inventory: rows for a card or a branch newer than the release, used by explain and by the roles."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from labprov import inventory, plan, role
from labprov.compat import gpus, tables
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.errors import UserError
from labprov.main import main
from labprov_roles.cuda.toolkits import toolkits
from labprov_roles.nvidia_driver.choice import choose

LAB = """
    compat:
      gpus:
        2bff: {name: NVIDIA RTX 6090, architecture: blackwell, capability: "12.0", segment: geforce}
      branches:
        625: {type: LTSB, released: 2026-12-01, eol: 2029-12-01, latest: "625.10", max_cuda: "13.6", open: only,
              supports: [turing, ampere, ada, hopper, blackwell], source: lab}
    hosts: [gpu-1]
"""
DEBIAN = System("debian", "13", "trixie", machine="x86_64")


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lab.yml"
    path.write_text(textwrap.dedent(text))
    return path


def settings(tmp_path: Path, text: str, name: str):
    return plan.settings_of(role.load(name), inventory.load(file(tmp_path, text)).hosts["gpu-1"])


def test_the_driver_goes_by_rows_of_the_inventory(tmp_path):
    cards = [Gpu("0000:21:00.0", "2bff", "")]
    plain = choose(settings(tmp_path, "hosts: [gpu-1]", "nvidia_driver"), DEBIAN, cards)
    assert "2bff" in "".join(plain.warnings) and "compat: {gpus:" in "".join(plain.warnings)
    added = choose(settings(tmp_path, LAB, "nvidia_driver"), DEBIAN, cards)
    assert (plain.branch, added.branch, added.flavour) == (595, 625, "open")
    assert "2bff" not in "".join(added.warnings)


def test_cuda_goes_by_rows_of_the_inventory(tmp_path):
    toolkit = """
        compat: {toolkits: {"13.9": {branch: 595, targets: ["7.5", "8.0"], source: lab}}}
        settings: {cuda: {versions: ["13.9"]}}
        hosts: [gpu-1]
    """
    assert toolkits(settings(tmp_path, toolkit, "cuda"), DEBIAN).packages == ("cuda-toolkit-13-9",)


def test_explain_goes_by_rows_of_the_inventory(tmp_path):
    words = ["explain", "--gpu", "RTX 6090", "--os", "debian-13", "--json"]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 2 and "no GPU is called 'RTX 6090'" in refused.output
    done = CliRunner().invoke(main, [*words, "-i", str(file(tmp_path, LAB))])
    answer = json.loads(done.output)["debian-13"]
    assert (done.exit_code, answer["branch"]) == (0, 625)
    assert answer["tables"].endswith("+inventory")


@pytest.mark.parametrize("command", [["plan", "gpu-node"], ["verify", "gpu-node"], ["explain", "gpu-1"]])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("compat:\n  branch: {}\nhosts: [gpu-1]", ":2: compat.branch: there is no such table (one of branches"),
        ("compat: 5\nhosts: [gpu-1]", ":1: compat: should be a mapping"),
        ("compat:\n  branches:\n    580: {type: XX}\nhosts: [gpu-1]", ":3: compat.branches.580.type: input should be"),
        ("compat:\n  gpus:\n    2bff:\n      name: X\nhosts: [gpu-1]", ":3: compat.gpus.2bff.architecture: field req"),
        (
            "compat: {gpus: {2bff: {name: X, architecture: fermy, capability: '9.0'}}}\nhosts: [gpu-1]",
            ":1: compat.gpus.2bff.architecture: fermy is not known (one of ",
        ),
        (
            "compat: {gpus: {RTX 6090: {name: X, architecture: ada, capability: '9.0'}}}\nhosts: [gpu-1]",
            ":1: compat.gpus.RTX 6090: should be a PCI device id: four hexadecimal digits (as 2b85)",
        ),
        (
            "compat: {gpus: {2bff: {name: X, architecture: ada, capability: 9.0}}}\nhosts: [gpu-1]",
            ':1: compat.gpus.2bff.capability: input should be a valid string (in quotes: "9.0")',
        ),
        ("hosts:\n  gpu-1: {compat: {}}", ":2: hosts.gpu-1.compat: unknown key"),
        (
            "settings:\n  cuda:\n    compat: {}\nhosts: [gpu-1]",
            ":3: settings.cuda.compat: stands at the top of the inventory",
        ),
    ],
)
def test_mistakes_name_file_line_and_key(tmp_path, text, said, command):
    path = file(tmp_path, text)
    done = CliRunner().invoke(main, [*command, "-i", str(path)])
    assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
    assert f"{path}{said}" in done.output


def test_the_same_rows_are_the_same_tables():
    rows = {"branches": {"580": {"eol": "2028-08-04"}}}
    assert tables.of(rows) is tables.of(json.loads(json.dumps(rows)))
    assert tables.of({}) is tables.load()
    assert tables.of(rows).fingerprint != tables.load().fingerprint
    assert len(tables.load().fingerprint) == 64


@pytest.mark.parametrize("damage", ["gpus: [", "gpus:\n  5\n", "chips: {}\n", "- a\n"])
def test_a_damaged_list_of_cards_is_the_users_error(monkeypatch, damage):
    monkeypatch.setattr(gpus, "_parse", lambda text, parse=gpus._parse: parse(damage))
    with pytest.raises(UserError, match=r"compat/data/gpus\.yml is damaged: .*install labprov again"):
        gpus._table.__wrapped__()
