"""The raw material of the mirror: Debian packages of both releases, downloaded and unpacked. Not what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from labprov.sandbox.mirror import debian, docker
from labprov.sandbox.mirror.conda.interpreter import PYTHONS, Python

_ENGINE = docker.ENGINE
_SUITES = ("bookworm", "trixie")
_TOOLS = {"bookworm": ("patchelf",), "trixie": ()}  # used here, so taken from the older release: it runs on both


@dataclass(frozen=True, slots=True)
class Materials:
    """Unpacked Debian packages and their versions, by release and name."""

    trees: Mapping[tuple[str, str], Path]
    versions: Mapping[tuple[str, str], str]

    def engine(self, suite: str) -> tuple[dict[str, Path], dict[str, str]]:
        """Return trees and versions of what Docker's packages for ``suite`` are made of."""
        origin = dict.fromkeys(docker.FROM_ENGINE, _ENGINE) | dict.fromkeys(docker.FROM_SUITE, suite)
        trees = {name: self.trees[where, name] for name, where in origin.items()}
        return trees, {name: self.versions[where, name] for name, where in origin.items()}

    def python(self, python: Python) -> list[Path]:
        """Return the trees that an interpreter is made of."""
        return [self.trees[python.suite, name] for name in python.debian_packages]

    def python_version(self, python: Python) -> str:
        """Return an interpreter's full version, such as ``3.11.2``."""
        return self.versions[python.suite, python.debian_packages[0]].split("-")[0].split("+")[0]

    @property
    def patchelf(self) -> Path:
        """The program that changes library paths."""
        return self.trees["bookworm", "patchelf"] / "usr/bin/patchelf"


def gather(work: Path) -> Materials:
    """Download and unpack everything below ``work``. Raises HostError when apt cannot."""
    with ThreadPoolExecutor(len(_SUITES)) as workers:
        jobs = {suite: workers.submit(debian.download, suite, _names(suite), work / suite) for suite in _SUITES}
        debs = {(suite, name): deb for suite, job in jobs.items() for name, deb in job.result().items()}
        trees = workers.map(lambda deb: debian.unpack(deb, deb.with_suffix(".tree")), debs.values())
        return Materials(
            dict(zip(debs, trees, strict=True)), {key: debian.version_of(deb) for key, deb in debs.items()}
        )


def _names(suite: str) -> list[str]:
    pythons = [name for python in PYTHONS if python.suite == suite for name in python.debian_packages]
    engine = docker.FROM_ENGINE if suite == _ENGINE else ()
    return [*engine, *docker.FROM_SUITE, *_TOOLS[suite], *pythons]
