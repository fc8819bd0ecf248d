"""Self-extracting installers with the vendors' names and options. Not the vendors' software: conda is a stand-in.

All installers carry the same archive (an interpreter, py-rattler, the stand-in); their heads differ.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labprov.sandbox.mirror.conda.interpreter import compile_all
from labprov.sandbox.mirror.conda.wheels import unpack

FILES = Path(__file__).parent.parent / "files/conda"
WHEELS = ("py-rattler==0.28.0", "pyyaml", "pip")
"""What the stand-in needs; rattler is pinned, for its interface changes with its minor versions."""

_ENTRY = """#!@PREFIX@/bin/python -I
import os
import sys

from conda_stand_in.__main__ import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)  # not sys.exit: the threads that rattler leaves behind crash an interpreter that is being taken down
"""
_PIP = "#!@PREFIX@/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"


@dataclass(frozen=True, slots=True)
class Installer:
    """One installer: distribution (``miniconda``), version as its vendor writes it, the version of conda inside."""

    distribution: str
    version: str
    conda: str

    @property
    def file_name(self) -> str:
        """The vendor's file name."""
        return f"{self.title}3-{self.version}-Linux-x86_64.sh"

    @property
    def title(self) -> str:
        """``Miniconda`` or ``Miniforge``."""
        return self.distribution.capitalize()

    @property
    def path(self) -> str:
        """Where the vendor keeps it, below the mirror's root."""
        folder = f"miniforge/{self.version}" if self.distribution == "miniforge" else self.distribution
        return f"{folder}/{self.file_name}"

    def head(self, python: str) -> bytes:
        """Return the shell script in front of the archive; ``python`` is the interpreter's short version."""
        condarc = '[ -e "$PREFIX/.condarc" ] || printf \'channels:\\n  - conda-forge\\n\' >"$PREFIX/.condarc"'
        values = {
            "TITLE": f"{self.title}3",
            "NAME_OF_DISTRIBUTION": self.distribution,
            "NAME": f"{self.distribution}3",
            "VERSION": self.version,
            "CONDA": self.conda,
            "PYTHON": python,
            "CONDARC": condarc if self.distribution == "miniforge" else "record conda-anaconda-tos 0.2.2",
        }
        text = (FILES / "installer.sh").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        # The offset has as many digits as its placeholder has characters, so that filling it in moves nothing.
        return text.replace("@OFFSET@", f"{len(text.encode()) + 1:08d}").encode()


def payload(interpreter: Path, python: str, version: str, wheels: Mapping[str, Path], work: Path) -> Path:
    """Return the archive that every installer carries: ``base.tar.gz`` in ``work``.

    ``python`` is the interpreter's ``version`` in short: ``3.11`` of ``3.11.2``.
    """
    base, archive = work / "base", work / "base.tar.gz"
    shutil.copytree(interpreter, base, symlinks=True)
    site_packages = base / "lib" / f"python{python}" / "site-packages"
    for wheel in wheels.values():
        unpack(wheel, site_packages)
    shutil.copytree(
        FILES / "conda_stand_in", site_packages / "conda_stand_in", ignore=shutil.ignore_patterns("__pycache__")
    )
    compile_all(base / "bin/python", site_packages)
    _programs(base)
    for folder in ("conda-meta", "envs", "pkgs"):
        (base / folder).mkdir()
    names = {"python": version, **{name: wheel.name.split("-")[1] for name, wheel in wheels.items()}}
    for name, number in names.items():
        (base / f"conda-meta/{name}-{number}-labprov_0.json").write_text(_record(name, number))
    command = ["tar", "-C", str(base), "--owner=0", "--group=0", "--sort=name", "--mtime=@1700000000"]
    subprocess.run([*command, "--use-compress-program=gzip -1", "-cf", str(archive), "."], check=True)
    return archive


def write(installer: Installer, archive: Path, python: str, root: Path) -> str:
    """Write an installer below the mirror's root, its checksum beside it as Miniforge does; returns the checksum."""
    target = root / installer.path
    target.parent.mkdir(parents=True, exist_ok=True)
    data = installer.head(python) + archive.read_bytes()
    target.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    target.with_name(f"{target.name}.sha256").write_text(f"{sha256}  {installer.file_name}\n")
    return sha256


def _record(name: str, version: str) -> str:
    """Return what ``conda list`` reads about a package of base; its files are the installer's, so none are named."""
    where = {"channel": "labprov-sandbox", "subdir": "linux-64", "url": "", "fn": f"{name}-{version}-labprov_0.conda"}
    empty: dict[str, list[str]] = {"depends": [], "constrains": [], "files": []}
    return json.dumps({"name": name, "version": version, "build": "labprov_0", "build_number": 0, **where, **empty})


def _programs(base: Path) -> None:
    files = {
        "bin/conda": (_ENTRY, 0o755),
        "condabin/conda": (_ENTRY, 0o755),
        "bin/pip": (_PIP, 0o755),
        "bin/activate": ((FILES / "activate").read_text(), 0o644),
        "etc/profile.d/conda.sh": ((FILES / "conda.sh").read_text(), 0o644),
    }
    for name, (text, mode) in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
