"""``labprov explain HOST``: why an environment gets the build of a framework that it gets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from labprov import role
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.errors import Where
from labprov_roles.conda_envs import explain, steps
from labprov_roles.nvidia_driver.facts import LoadedDriver, ModulesOnDisk


def told(monkeypatch, gpus, driver, **environments):
    facts = {
        OperatingSystem: System("debian", "12", "bookworm"),
        NvidiaGpus: gpus,
        LoadedDriver: driver,
        ModulesOnDisk: [],
    }
    host = SimpleNamespace(get_fact=lambda fact: facts[fact])
    for module in (explain, steps):
        monkeypatch.setattr(module, "host", host)
    where = lambda *path: Where(Path("/lab/lab.yml"))  # noqa: E731
    return explain.lines(role.load("conda_envs").settings({"environments": environments}, where))


def test_the_card_and_the_driver_are_the_reason(monkeypatch):
    pascal = [Gpu("0000:01:00.0", "1b06", "nvidia")]
    (line,) = told(monkeypatch, pascal, "580.126.09", deep={"packages": ["torch", "numpy"]}, old={"state": "absent"})
    assert line.startswith("deep: torch==2.14.1+cu126 by pip: CUDA 12.6 build: ")
    assert "1080 Ti, driver 580.126.09" in line


def test_what_cannot_be_is_said(monkeypatch):
    (line,) = told(monkeypatch, [], "", deep={"packages": ["torch==9"]})
    assert line == "deep: refused: no release of torch==9 that labprov knows runs on python 3.12"
