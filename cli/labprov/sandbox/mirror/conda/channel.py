"""The sandbox's conda channel: real Python interpreters, pip, and a small package to try. Not conda itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from labprov.sandbox.mirror.conda.package import CondaPackage, build, repodata
from labprov.sandbox.mirror.conda.wheels import as_conda

WHEELS = ("pip", "setuptools", "wheel", "packaging", "tqdm", "cowpy", "iniconfig==2.0.0")
"""Pure Python packages of the channel, as they are on the Python package index; one is older than there."""

_NEEDS = {"wheel": ("packaging >=24.0",)}
HELLO = {"1.0.0": "hello from the sandbox's channel", "1.1.0": "hello again from the sandbox's channel"}
"""The versions of ``hello-lab``, and what each says."""


def packages(
    pythons: Mapping[str, tuple[str, str, Path]], wheels: Mapping[str, Path], work: Path
) -> list[CondaPackage]:
    """Return the channel's packages. ``pythons``: full version, oldest glibc and tree by short version."""
    found = [_python(*item) for item in pythons.values()]
    names = [name.partition("==")[0] for name in WHEELS]
    found += [as_conda(wheels[name], work / name, ("python >=3.9", *_NEEDS.get(name, ()))) for name in names]
    found += [_hello(version, text, work / f"hello-{version}") for version, text in HELLO.items()]
    return [*found, _unsolvable(work / "unsolvable")]


def publish(items: Iterable[CondaPackage], channel: Path) -> None:
    """Build every package into the channel and write its index."""
    entries: dict[str, dict[str, dict[str, object]]] = {"noarch": {}, "linux-64": {}}
    for package in items:
        entries[package.subdir][package.file_name] = build(package, channel)
    for subdir, found in entries.items():
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        (channel / subdir / "repodata.json").write_text(repodata(subdir, found))


def _python(version: str, glibc: str, tree: Path) -> CondaPackage:
    short = ".".join(version.split(".")[:2])
    extra = {"python_site_packages_path": f"lib/python{short}/site-packages"}
    return CondaPackage("python", version, tree, "labprov_0_cpython", (f"__glibc >={glibc}",), extra=extra)


def _unsolvable(tree: Path) -> CondaPackage:
    """Return a package that needs what the channel does not have; the pip index has it without that need."""
    (tree / "site-packages").mkdir(parents=True)
    (tree / "site-packages/lab_tangle.py").write_text('"""Never installed."""\n')
    return CondaPackage("lab-tangle", "1.0.0", tree, "pyh_labprov_0", ("python >=3.9", "iniconfig >=2.1"), True)


def _hello(version: str, text: str, tree: Path) -> CondaPackage:
    folder = tree / "site-packages/hello_lab"
    folder.mkdir(parents=True)
    code = f'"""A package to try the labprov sandbox with."""\n\n__version__ = "{version}"\n\n\n'
    (folder / "__init__.py").write_text(code + f"def main() -> None:\n    print({text!r})\n")
    points = ("hello-lab = hello_lab:main",)
    return CondaPackage("hello-lab", version, tree, "pyh_labprov_0", ("python >=3.9",), True, points)
