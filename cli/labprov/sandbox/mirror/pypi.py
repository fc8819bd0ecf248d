"""The pip side of the vendor mirror: a small index of real wheels and of a few made here, and PyTorch's beside it.

An index is static pages as pip reads them, one a project. The wheels of torch are stand-ins without any mathematics.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

WHEELS = ("iniconfig", "six")
"""Real wheels of the index: newest ones. The conda channel has an older iniconfig and no six."""


@dataclass(frozen=True, slots=True)
class Pure:
    """A pure Python wheel made here: one module."""

    name: str
    version: str
    module: str
    text: str
    requires: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """As the wheel format wants it."""
        return f"{self._stem}-py3-none-any.whl"

    @property
    def _stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"

    def write(self, folder: Path) -> Path:
        """Write it into a folder; the same bytes every time."""
        info = f"{self._stem}.dist-info"
        needs = "".join(f"Requires-Dist: {each}\n" for each in self.requires)
        about = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\nSummary: labprov sandbox\n{needs}"
        tags = "Wheel-Version: 1.0\nGenerator: labprov\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files = {f"{self.module}.py": self.text, f"{info}/METADATA": about, f"{info}/WHEEL": tags}
        rows = [f"{name},sha256={_base64(text)},{len(text.encode())}" for name, text in files.items()]
        files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
        path = folder / self.file_name
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)
        return path


def _torch(version: str) -> Pure:
    text = f'"""A stand-in of the labprov sandbox: no mathematics."""\n\n__version__ = "{version}"\n'
    return Pure("torch", version, "torch", text)


MADE = (
    Pure(
        "lab-report",
        "1.0.0",
        "lab_report",
        '"""Needs a newer iniconfig than the channel has."""\n',
        ("iniconfig>=2.1",),
    ),
    Pure("lab-tangle", "1.0.0", "lab_tangle", '"""What the channel has only with a need that it cannot meet."""\n'),
)
"""Wheels of the index that are made here, for cases that real packages do not stay in."""

TORCH = {"cpu": ("2.14.1+cpu",), "cu126": ("2.14.1+cu126",), "cu130": ("2.14.1+cu130",)}
"""PyTorch's index by its parts: versions of the stand-in."""


def publish(index: Path, pytorch: Path, real: Iterable[Path]) -> None:
    """Write both indexes: ``index/simple`` and ``pytorch/cpu`` and so on."""
    files = index / "files"
    files.mkdir(parents=True)
    wheels = [*(wheel.rename(files / wheel.name) for wheel in real), *(made.write(files) for made in MADE)]
    pages(index / "simple", wheels, "../../files")
    for part, versions in TORCH.items():
        (pytorch / part / "torch").mkdir(parents=True)
        pages(pytorch / part, [_torch(version).write(pytorch / part / "torch") for version in versions], ".")


def pages(simple: Path, wheels: Iterable[Path], folder: str) -> None:
    """Write a page for each project: links to its wheels, each with its checksum."""
    projects: dict[str, list[Path]] = {}
    for wheel in sorted(wheels):
        projects.setdefault(re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower(), []).append(wheel)
    for name, found in projects.items():
        (simple / name).mkdir(parents=True, exist_ok=True)
        (simple / name / "index.html").write_text(_page({wheel.name: _sha256(wheel) for wheel in found}, folder))


def _page(sums: Mapping[str, str], folder: str) -> str:
    rows = [
        f'<a href="{folder}/{html.escape(name).replace("+", "%2B")}#sha256={sha256}">{html.escape(name)}</a><br>'
        for name, sha256 in sums.items()
    ]
    return "\n".join(["<!DOCTYPE html><html><body>", *rows, "</body></html>", ""])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
