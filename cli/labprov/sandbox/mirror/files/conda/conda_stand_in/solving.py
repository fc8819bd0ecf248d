"""Channels, and the solving and linking of packages by py-rattler. Not who may do it, nor what is printed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import rattler

from conda_stand_in import CondaError, identity
from conda_stand_in.prefixes import first_writable, pkgs_dirs
from conda_stand_in.settings import ANACONDA, merged


def channel_urls(names: Sequence[str]) -> list[str]:
    """Return the addresses of channels by conda's rules: URL, custom channel, the defaults, or below the alias."""
    settings, urls = merged(), []
    for name in names:
        if name == "defaults":
            urls += settings["default_channels"]
        elif "://" in name:
            urls.append(name)
        elif name in settings["custom_channels"]:
            urls.append(f"{settings['custom_channels'][name].rstrip('/')}/{name}")
        else:
            urls.append(f"{settings['channel_alias'].rstrip('/')}/{name}")
    return list(dict.fromkeys(urls))


def terms_of_service(urls: Sequence[str]) -> None:
    """Refuse Anaconda's channels until their terms were accepted, as Miniconda does."""
    if identity()["distribution"] != "miniconda" or merged()["plugins"].get("auto_accept_tos"):
        return
    if os.environ.get("CONDA_PLUGINS_AUTO_ACCEPT_TOS", "").lower() in ("1", "yes", "true"):
        return
    open_ones = [url for url in urls if url in ANACONDA and not any(path.exists() for path in tos_files(url))]
    if open_ones:
        listed = "\n".join(f"    - {url}" for url in open_ones)
        head = "Terms of Service have not been accepted for the following channels."
        raise CondaError(
            "CondaToSNonInteractiveError", f"{head} Please accept or remove them before proceeding:\n{listed}"
        )


def tos_files(url: str) -> list[Path]:
    """Return where an acceptance may be recorded: for all users, then for this one."""
    name = f"{hashlib.sha256(url.encode()).hexdigest()}/0.json"
    return [Path("/etc/conda/tos") / name, Path.home() / ".conda/tos" / name]


def solve(
    specs: Sequence[str], channels: Sequence[str], prefix: Path, without: Sequence[str] = ()
) -> list[rattler.RepoDataRecord]:
    """Return what the environment is to hold so that its old and new requests are met, ``without`` some of them."""
    urls = channel_urls(channels)
    terms_of_service(urls)
    work = rattler.solve(
        sources=[rattler.Channel(url) for url in urls],
        specs=[rattler.MatchSpec(spec) for spec in requests(specs, prefix, without)],
        gateway=rattler.Gateway(cache_dir=first_writable(pkgs_dirs()) / "cache"),
        platforms=["linux-64", "noarch"],
        locked_packages=installed_records(prefix),
        virtual_packages=rattler.VirtualPackage.detect(),
        add_pip_as_python_dependency=True,
    )
    try:
        return asyncio.run(_as_coroutine(work))
    except Exception as error:
        raise _translated(error, specs, urls) from error


def requests(specs: Sequence[str], prefix: Path, without: Sequence[str] = ()) -> list[str]:
    """Return what has been asked of the environment so far, and now; a new request replaces an old one by name."""
    before = [spec for record in installed_records(prefix) for spec in record.requested_specs or []]
    by_name = {rattler.MatchSpec(spec).name.normalized: spec for spec in [*before, *specs]}
    return [spec for name, spec in by_name.items() if name not in without]


def link(records: Sequence[rattler.RepoDataRecord], specs: Sequence[str], prefix: Path) -> None:
    """Make the environment hold exactly these packages, and remember what was asked of it."""
    cache = first_writable(pkgs_dirs())
    requested = [rattler.MatchSpec(spec)._match_spec for spec in specs]  # install() wants what solve() wraps itself
    work = rattler.install(list(records), prefix, cache_dir=cache, show_progress=False, requested_specs=requested)
    try:
        asyncio.run(_as_coroutine(work))
    except Exception as error:
        raise _translated(error, specs, []) from error


async def _exactly(lines: Sequence[str]) -> list[rattler.RepoDataRecord]:
    gateway = rattler.Gateway(cache_dir=first_writable(pkgs_dirs()) / "cache")
    found = []
    for line in lines:
        url, _, checksum = line.partition("#")
        channel, subdir, file = url.rsplit("/", 2)
        name, version, build = file.removesuffix(".conda").removesuffix(".tar.bz2").rsplit("-", 2)
        spec = rattler.MatchSpec(f"{name}=={version}={build}")
        answers = await gateway.query([rattler.Channel(channel)], [subdir], [spec], recursive=False)
        fitting = [record for part in answers for record in part if str(record.url) == url]
        if not fitting:
            raise CondaError("CondaHTTPError", f"HTTP 404 NOT FOUND for url <{url}>")
        if checksum and checksum.removeprefix("sha256:") != fitting[0].sha256.hex():
            raise CondaError("ChecksumMismatchError", f"Conda detected a mismatch between the checksums of {url}")
        found.append(fitting[0])
    return found


def exactly(lines: Sequence[str]) -> list[rattler.RepoDataRecord]:
    """Return the packages of an explicit list: ``URL#sha256:CHECKSUM`` each."""
    return asyncio.run(_exactly(lines))


def installed_records(prefix: Path) -> list[rattler.PrefixRecord]:
    """Return the packages in an environment as the solver knows them."""
    return [rattler.PrefixRecord.from_path(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]


async def _as_coroutine(work):  # noqa: ANN001, ANN202
    return await work


def _translated(error: Exception, specs: Sequence[str], urls: Sequence[str]) -> CondaError:
    text = str(error)
    absent = set(re.findall(r"No candidates were found for ([A-Za-z0-9._-]+)", text))
    missing = [spec for spec in specs if rattler.MatchSpec(spec).name.normalized in absent]
    if missing:
        listed, current = ("\n".join(f"  - {item}" for item in items) for items in (missing, urls))
        head = "The following packages are not available from current channels:"
        message = f"{head}\n\n{listed}\n\nCurrent channels:\n\n{current}"
        return CondaError("PackagesNotFoundError", message, tuple(missing))
    if "Cannot solve" in text:
        return CondaError("LibMambaUnsatisfiableError", f"Encountered problems while solving:\n{text}")
    if "404" in text:
        return CondaError("UnavailableInvalidChannel", f"HTTP 404 NOT FOUND for channel {urls}\n{text}")
    if any(word in text.lower() for word in ("connect", "dns", "request", "timed out")):
        return CondaError("CondaHTTPError", f"HTTP 000 CONNECTION FAILED for url <{urls[0] if urls else ''}>\n{text}")
    return CondaError("LibMambaUnsatisfiableError", f"Encountered problems while solving:\n{text}")
