"""Wheels from the Python package index, by this machine's pip: the raw material of conda packages and installers."""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Sequence
from configparser import ConfigParser
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.mirror.conda.package import CondaPackage
from labprov.sandbox.shell import run

_PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64")


def download(requirements: Sequence[str], python: str, folder: Path) -> dict[str, Path]:
    """Download wheels for CPython ``python`` on Linux, without what they depend on; returns them by normalised name.

    Raises HostError when pip cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform={name}" for name in _PLATFORMS]
    options = ["-q", "--no-deps", "--only-binary=:all:", f"--python-version={python}", *platforms]
    try:
        run([sys.executable, "-m", "pip", "download", *options, "-d", folder, *requirements])
    except HostError as error:
        raise HostError(f"the wheels for the sandbox's conda channel cannot be had: {error}") from error
    return {_normalised(path): path for path in folder.glob("*.whl")}


def unpack(wheel: Path, site_packages: Path) -> None:
    """Unpack a wheel into a site-packages folder."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)


def as_conda(wheel: Path, tree: Path, depends: Sequence[str]) -> CondaPackage:
    """Return a pure Python wheel as a noarch conda package, its files below ``tree``."""
    site_packages = tree / "site-packages"
    unpack(wheel, site_packages)
    name, version = wheel.name.split("-")[:2]
    parser = ConfigParser()
    parser.read(site_packages.glob("*.dist-info/entry_points.txt"))
    scripts = parser["console_scripts"] if parser.has_section("console_scripts") else {}
    points = tuple(f"{key} = {value}" for key, value in scripts.items())
    return CondaPackage(name.lower(), version, tree, "pyh_labprov_0", tuple(depends), True, points)


def _normalised(path: Path) -> str:
    return re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
