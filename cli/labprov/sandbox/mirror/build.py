"""Builds the whole mirror into a folder. Not the cache around it (``cache``), and not what a package holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labprov.sandbox.mirror import catalogue, cuda, debian, docker, toolkit
from labprov.sandbox.mirror.driver import Driver, Programs
from labprov.sandbox.mirror.package import Package, build
from labprov.sandbox.mirror.repository import Repository, add
from labprov.sandbox.mirror.signing import Key, keyring

_WORKERS = 2  # building is half waiting for dpkg-deb, half compressing; more only fight for the same cores


def build_mirror(root: Path, key: Key, say: Callable[[str], None]) -> None:
    """Fill ``root`` with every repository of the catalogue, signed by ``key``."""
    layout = catalogue.Layout(root)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=".work-") as work, keyring(key) as home:
        say("vendor mirror: downloading Debian's container engine")
        trees = engine_trees(Path(work))
        say("vendor mirror: building packages")
        for distribution, release in catalogue.RELEASES.items():
            names, versions = trees[release.codename]
            publish(layout.docker(release), docker.packages(release, names, versions), home)
            publish(layout.cuda(distribution), cuda_packages(distribution), home)
        for version in catalogue.CONTAINER_TOOLKITS:
            publish(layout.container_toolkit(), toolkit.packages(version), home)
    for path in layout.key_files():
        path.write_bytes(key.public.read_bytes())


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
        *(package for major in sorted({item.major for item in toolkits}) for package in cuda.libraries(major)),
        *toolkit.packages(catalogue.CONTAINER_TOOLKIT_IN_CUDA),
    ]


def engine_trees(work: Path) -> dict[str, tuple[dict[str, Path], dict[str, str]]]:
    """Download and unpack the engine; returns, by release, the tree and the version of each Debian package."""
    debs = {
        release.codename: debian.download(release.codename, _names(release.codename), work / release.codename)
        for release in catalogue.RELEASES.values()
    }
    with ThreadPoolExecutor(_WORKERS) as workers:
        jobs = {
            deb: workers.submit(debian.unpack, deb, deb.with_suffix(""))
            for own in debs.values()
            for deb in own.values()
        }
    found = {}
    for codename, own in debs.items():
        whole = {**debs[docker.ENGINE], **own}
        found[codename] = (
            {name: jobs[deb].result() for name, deb in whole.items()},
            {name: debian.version_of(deb) for name, deb in whole.items()},
        )
    return found


def _names(codename: str) -> tuple[str, ...]:
    return (*docker.FROM_ENGINE, *docker.FROM_SUITE) if codename == docker.ENGINE else docker.FROM_SUITE
