"""Builds the whole mirror into a folder. Not the cache around it (``cache``), and not what a package holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labprov.sandbox.mirror import catalogue, cuda, docker, libraries, materials, pypi, registry, toolkit
from labprov.sandbox.mirror.conda import channel, installer, interpreter, wheels
from labprov.sandbox.mirror.driver import Driver, Programs
from labprov.sandbox.mirror.package import Package, build
from labprov.sandbox.mirror.repository import Repository, add
from labprov.sandbox.mirror.signing import Key, keyring

_WORKERS = 2  # building is half waiting for dpkg-deb, half compressing; more only fight for the same cores


def build_mirror(root: Path, key: Key, say: Callable[[str], None]) -> None:
    """Fill ``root`` with every repository, channel and installer of the catalogue, signed by ``key``."""
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".work-") as folder:
        work = Path(folder)
        say("vendor mirror: downloading Debian's container engine and Python")
        found = materials.gather(work)
        say("vendor mirror: building packages")
        with keyring(key) as home:
            build_repositories(catalogue.Layout(root), found, home)
        for path in catalogue.Layout(root).key_files():
            path.write_bytes(key.public.read_bytes())
        say("vendor mirror: building the conda channel and installers")
        build_conda(catalogue.Layout(root), found, work)
        say("vendor mirror: building the pip index")
        real = wheels.download(pypi.WHEELS, interpreter.PYTHONS[0].short, work / "pip")
        pypi.publish(root / "pypi", root / "pytorch", real.values())
        say("vendor mirror: building the registry of images")
        registry.build(root)


def build_repositories(layout: catalogue.Layout, found: materials.Materials, gpg_home: Path) -> None:
    """Build and sign every apt repository."""
    for distribution, release in catalogue.RELEASES.items():
        publish(layout.docker(release), docker.packages(release, *found.engine(release.codename)), gpg_home)
        publish(layout.cuda(distribution), cuda_packages(distribution), gpg_home)
    toolkits = [package for version in catalogue.CONTAINER_TOOLKITS for package in toolkit.packages(version)]
    publish(layout.container_toolkit(), toolkits, gpg_home)


def build_conda(layout: catalogue.Layout, found: materials.Materials, work: Path) -> None:
    """Build the conda channel and the installers."""
    pythons = {}
    for python in interpreter.PYTHONS:
        tree = work / f"python-{python.short}"
        interpreter.assemble(python, found.python(python), found.patchelf, tree)
        pythons[python.short] = (found.python_version(python), python.glibc, tree)
    base = interpreter.PYTHONS[0].short
    pure = wheels.download(channel.WHEELS, base, work / "wheels")
    channel.publish(channel.packages(pythons, pure, work / "channel"), layout.channel)
    inside = wheels.download(installer.WHEELS, base, work / "inside")
    archive = installer.payload(pythons[base][2], base, pythons[base][0], inside, work)
    for item in catalogue.INSTALLERS:
        installer.write(item, archive, base, layout.root)


def publish(repository: Repository, packages: Iterable[Package], gpg_home: Path) -> None:
    """Build packages into a repository and sign it anew."""
    pool = repository.pool_path
    wanted = list(packages)
    with ThreadPoolExecutor(_WORKERS) as workers:
        debs = list(workers.map(lambda package: build(package, pool), wanted))
    add(repository, zip(wanted, debs, strict=True), gpg_home)


def cuda_packages(distribution: str) -> list[Package]:
    """Return everything in the CUDA repository of one distribution."""
    programs, runtime = Programs(), cuda.Runtime()
    toolkits = [cuda.Toolkit(*catalogue.TOOLKITS[name], runtime) for name in catalogue.TOOLKITS_OF[distribution]]
    return [
        *(package for number in catalogue.DRIVERS[distribution] for package in Driver(number, programs).packages()),
        *(package for item in toolkits for package in item.packages()),
        *libraries.packages(sorted({item.major for item in toolkits}), libraries.Sources()),
        *toolkit.packages(catalogue.CONTAINER_TOOLKIT_IN_CUDA),
    ]
