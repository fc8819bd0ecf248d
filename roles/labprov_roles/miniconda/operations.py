"""Install, upgrade and protect a conda that all users share; accept terms. Pure decisions are in ``installation``."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import OperationError, QuoteString, StringCommand, operation
from pyinfra.facts.files import Sha256File

from labprov.engine.operations import Commands
from labprov.engine.operations.download import script as download_script
from labprov_roles.miniconda.facts import AcceptedTerms, CondaAt, Unprotected, unprotected
from labprov_roles.miniconda.installation import (
    COMPLETE,
    STARTED,
    Action,
    Installation,
    adopted,
    decide,
    marker,
    refusal,
)
from labprov_roles.miniconda.installers import Installer

CACHE = "/var/cache/labprov"
"""Root's own folder, in which an installer lies between its download and its run."""

# A clean environment: PYTHONPATH, LD_LIBRARY_PATH or CONDA_* of whoever runs this have no say in an installation.
_RUN = "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 bash"
_INSTALL = (
    'set -e; umask 022; p={prefix}; mkdir -p -- "$p"; : > "$p/@STARTED"; '
    'find "$p" -xdev -mindepth 1 ! -path "$p/@STARTED" -delete; '
    '@RUN {file} -b -u -p "$p" < /dev/null; rm -f -- "$p/.condarc"; '
    'printf "%s\\n" {marker} > "$p/@STARTED"; mv -f -- "$p/@STARTED" "$p/@COMPLETE"'
)
# The installer writes its own channels into PREFIX/.condarc: an admin's file there is put back, or none is left.
_UPGRADE = (
    'set -e; umask 022; p={prefix}; kept="$p/.condarc.labprov-kept"; '
    'if [ ! -e "$kept" ]; then if [ -e "$p/.condarc" ]; then cp -p -- "$p/.condarc" "$kept"; else : > "$kept"; fi; fi; '
    '@RUN {file} -b -u -p "$p" < /dev/null; '
    'if [ -s "$kept" ]; then mv -f -- "$kept" "$p/.condarc"; else rm -f -- "$kept" "$p/.condarc"; fi; '
)
_MARK = (
    'set -e; umask 022; p={prefix}; printf "%s\\n" {marker} > "$p/@COMPLETE.new"; '
    'mv -f -- "$p/@COMPLETE.new" "$p/@COMPLETE"'
)


@operation()
def check(prefix: str, installer: Installer, adopt: bool) -> Commands:
    """Fail when the prefix holds something that labprov must not touch; never changes anything.

    + prefix: absolute path
    + installer: what is asked for there
    + adopt: whether a conda that labprov did not install may be taken over
    """
    reason = refusal(host.get_fact(CondaAt, prefix=prefix), installer, adopt, prefix)
    if reason:
        raise OperationError(reason)
    host.noop(f"{prefix} is free or labprov's")
    yield from ()


@operation()
def install(prefix: str, installer: Installer, adopt: bool = False) -> Commands:
    """Bring the conda at the prefix to the installer's version; an unfinished installation is begun anew.

    + prefix: absolute path
    + installer: what to install there
    + adopt: whether a conda that labprov did not install may be taken over

    Environments in the prefix survive an upgrade. A conda that is newer than the installer's is kept.
    """
    found = host.get_fact(CondaAt, prefix=prefix)
    reason = refusal(found, installer, adopt, prefix)
    if reason:
        raise OperationError(reason)
    action = decide(found, installer)
    if action is Action.KEEP:
        host.noop(_why_kept(found, installer, prefix))
        return
    if action is not Action.INSTALL and not found.marker:
        yield _shell(_MARK, prefix=prefix, marker=adopted(installer))
    if action is not Action.ADOPT:
        yield from _run_installer(prefix, installer, _INSTALL if action is Action.INSTALL else _UPGRADE + _MARK)


def _run_installer(prefix: str, installer: Installer, steps: str) -> Commands:
    file = f"{CACHE}/conda-{installer.sha256[:16]}.sh"
    if host.get_fact(Sha256File, path=file) != installer.sha256:
        yield StringCommand("install -d -m 700 -o root -g root", QuoteString(CACHE))
        yield StringCommand("sh", "-c", QuoteString(download_script(installer.url, file, installer.sha256, "600")))
    yield _shell(steps, prefix=prefix, file=file, marker=marker(installer))
    yield StringCommand("rm -f --", QuoteString(file))


@operation()
def protect(prefix: str) -> Commands:
    """Make the base (all but ``envs``) root's alone to write and everybody's to read.

    + prefix: absolute path
    """
    first = host.get_fact(Unprotected, prefix=prefix)
    if not first:
        host.noop(f"only root can write in {prefix}")
        return
    yield StringCommand(f"{unprotected(prefix)} -exec chown -h root -- {{}} +")
    yield StringCommand(f"{unprotected(prefix)} -exec chmod go-w,a+rX -- {{}} +")


@operation()
def accept_terms(prefix: str, channels: Sequence[str]) -> Commands:
    """Record for the whole server that the terms of Anaconda's channels are accepted, where conda asks for that.

    + prefix: where conda is
    + channels: URLs
    """
    found = host.get_fact(CondaAt, prefix=prefix)
    todo = [url for url in channels if url not in host.get_fact(AcceptedTerms)]
    if not todo or (found.conda and not found.asks_for_terms):
        host.noop("this conda does not ask for terms" if todo else "the terms are accepted")
        return
    for url in todo:
        yield StringCommand(
            QuoteString(f"{prefix}/bin/conda"), "tos accept --site --override-channels --channel", QuoteString(url)
        )


def _why_kept(found: Installation, installer: Installer, prefix: str) -> str:
    if found.marker == marker(installer):
        return f"{prefix} holds {installer.distribution} {installer.version}"
    return f"{prefix} holds conda {found.conda}, newer than the installer's"


def _shell(text: str, **words: str) -> StringCommand:
    for name, value in {"@RUN": _RUN, "@STARTED": STARTED, "@COMPLETE": COMPLETE}.items():
        text = text.replace(name, value)
    quoted = {name: _quote(word) for name, word in words.items()}
    return StringCommand("sh", "-c", QuoteString(text.format(**quoted)))


def _quote(text: str) -> str:
    return str(StringCommand(QuoteString(text)))
