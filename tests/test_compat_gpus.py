"""The GPU table: what it says about known cards, and that every row of it is whole."""

import subprocess
import sys

import pytest

from labprov.compat import gpus


@pytest.mark.parametrize(
    ("device", "name", "architecture", "first", "last", "module"),
    [
        ("102d", "Tesla K80", "kepler", None, 470, "unsupported"),
        ("0ff2", "GRID K1", "kepler", None, 367, "unsupported"),
        ("1b06", "NVIDIA GeForce GTX 1080 Ti", "pascal", None, 580, "unsupported"),
        ("1db6", "Tesla V100-PCIE-32GB", "volta", None, 580, "unsupported"),
        ("1eb8", "Tesla T4", "turing", None, None, "supported"),
        ("20b5", "NVIDIA A100 80GB PCIe", "ampere", None, None, "supported"),
        ("2342", "NVIDIA GH200 120GB", "hopper", 535, None, "required"),
        ("2b85", "NVIDIA GeForce RTX 5090", "blackwell", 570, None, "required"),
        ("3182", "NVIDIA B300 SXM6 AC", "blackwell", 580, None, "required"),
    ],
)
def test_known_cards(device: str, name: str, architecture: str, first: int, last: int, module: str) -> None:
    model = gpus.lookup(device)
    assert model is not None
    found = (model.name, model.architecture, model.first_branch, model.last_branch, model.open_module)
    assert found == (name, architecture, first, last, module)


def test_ids_are_read_as_sysfs_writes_them() -> None:
    assert gpus.lookup("0x20B5") == gpus.lookup("20b5")


def test_other_products_with_the_same_id_are_named() -> None:
    model = gpus.lookup("25b6")
    assert model is not None
    assert {model.name, *model.also} >= {"NVIDIA A16", "NVIDIA A2"}


def test_a_card_older_than_kepler_is_known_by_its_last_branch() -> None:
    model = gpus.lookup("06c0")
    assert model is not None
    assert (model.architecture, model.last_branch, model.open_module) == ("fermi or older", 390, "unsupported")


def test_an_unknown_id_is_none() -> None:
    assert gpus.lookup("ffff") is None


def test_every_row_is_whole() -> None:
    devices = gpus.devices()
    assert len(devices) == len(set(devices)) == 661
    for device in devices:
        model = gpus.lookup(device)
        assert model is not None
        assert model.name and model.chip and model.capability.count(".") == 1
        assert model.open_module in ("unsupported", "supported", "required")
        assert model.segment.removesuffix("-mobile") in ("geforce", "titan", "workstation", "datacenter", "mining")
        assert (model.first_branch or 0) <= (model.last_branch or 9999)


def test_the_table_loads_in_50_ms() -> None:
    code = (
        "import time, yaml; from labprov.compat import gpus; t = time.process_time(); gpus.lookup('20b5'); "
        "print(time.process_time() - t)"
    )
    best = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert best < 0.05
