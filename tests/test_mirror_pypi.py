"""The sandbox's index for pip: pages as pip reads them, wheels whose records are right. No host."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile

from labprov.compat import tables
from labprov.sandbox.mirror import pypi


def test_pip_installs_what_is_made_here_from_the_pages(tmp_path):
    (tmp_path / "real").mkdir()
    real = pypi.Pure("iniconfig", "2.3.0", "iniconfig", "").write(tmp_path / "real")
    pypi.publish(tmp_path / "pypi", tmp_path / "pytorch", [real])
    index = ["--index-url", f"file://{tmp_path}/pypi/simple", "--extra-index-url", f"file://{tmp_path}/pytorch/cpu"]
    command = [sys.executable, "-I", "-m", "pip", "install", "-q", "--target", tmp_path / "there", *index]
    alone = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}  # no index but these two
    subprocess.run([*command, "lab-report", "torch==2.14.1+cpu"], check=True, timeout=100, env=alone)
    there = {path.name for path in (tmp_path / "there").glob("*.dist-info")}
    assert there == {"lab_report-1.0.0.dist-info", "iniconfig-2.3.0.dist-info", "torch-2.14.1+cpu.dist-info"}


def test_a_page_names_each_wheel_with_its_checksum(tmp_path):
    wheel = pypi.Pure("lab-x", "1.0+cu126", "lab_x", "").write(tmp_path)
    pypi.pages(tmp_path / "simple", [wheel], "../../files")
    page = (tmp_path / "simple/lab-x/index.html").read_text()
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert f'"../../files/lab_x-1.0%2Bcu126-py3-none-any.whl#sha256={sha256}"' in page


def test_the_same_wheel_is_the_same_bytes(tmp_path):
    one, other = (pypi.Pure("x", "1", "x", "a = 1\n").write(folder) for folder in _two(tmp_path))
    assert one.read_bytes() == other.read_bytes()
    assert "x.py" in zipfile.ZipFile(one).namelist()


def test_the_stand_ins_of_torch_are_builds_that_the_tables_know():
    known = tables.load()
    for part, versions in pypi.TORCH.items():
        for version in versions:
            release, _, label = version.partition("+")
            assert label == part and release in known.torch
            assert part == "cpu" or f"{part[2:4]}.{part[4:]}" in known.torch[release].builds


def _two(folder):
    for name in ("one", "other"):
        (folder / name).mkdir()
        yield folder / name
