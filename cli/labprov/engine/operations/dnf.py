"""dnf command lines, and how dnf writes versions and locks. Pure: builds commands, runs nothing, knows no host.

dnf 4, as RHEL 8, 9 and 10 have it. Behaviour: dnf(8), dnf.conf(5) and dnf-versionlock(8) of 4.7 to 4.20.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from pyinfra.api import QuoteString, StringCommand

from labprov.engine.operations import apt, patience

LOCK_TIMEOUT = 600
"""Seconds to wait for another dnf (unattended updates on a fresh machine take minutes)."""
VERSIONLOCK = "python3-dnf-plugin-versionlock"
"""The package of dnf's plugin that holds packages."""

# dnf's own way is to wait for ever. 200 is its exit code for a lock of another dnf, but not that of its shell; the last
# words are rpm's, for a lock of its own.
_BUSY = '"200 "* | *"already locked by"* | *"create transaction lock"*'
STAND_INS = {"curl": "curl-minimal", "gnupg2": "gnupg2-minimal", "coreutils": "coreutils-single"}
"""Small editions that minimal installations have: they do what is asked for, and exclude the full ones."""


def dnf(verb: str, *words: str, options: Sequence[str | QuoteString | StringCommand] = ()) -> StringCommand:
    """Build ``dnf VERB WORDS`` that never asks and waits for the lock; words are quoted, options are ours."""
    after = ["--", *(QuoteString(word) for word in words)] if words else []
    return patient(StringCommand("dnf -y --setopt=exit_on_lock=True", *options, verb, *after))


def patient(command: StringCommand) -> StringCommand:
    """Repeat ``command`` while another dnf or rpm is at work, for at most ``LOCK_TIMEOUT`` s; dnf names another dnf."""
    return patience.patient(command, _BUSY, LOCK_TIMEOUT)


def spec(text: str) -> str:
    """``name=version`` as dnf writes it, ``name-version``; a plain name stays."""
    name, version = apt.split(text)
    return name if version == "*" else f"{name}-{version}"


def fits(installed: str, pattern: str) -> bool:
    """Whether one of the installed versions (parted by spaces) fits a pattern, as dnf takes it.

    Epoch and release may be left out: ``580.*``, ``3:580.*``, ``1.20.0`` and ``1.20.0-1`` are all good.
    """
    return any(fnmatchcase(form, pattern) for version in installed.split() for form in _forms(version))


def _forms(version: str) -> list[str]:
    epoch, _, rest = version.rpartition(":")
    plain = [rest, rest.partition("-")[0]]
    return [*plain, *(f"{epoch or '0'}:{form}" for form in plain)]


def missing(specs: Sequence[str], installed: dict[str, str]) -> list[str]:
    """Return the specs that the installed versions (name -> versions) do not satisfy, in the order given."""
    return [text for text in specs if not _satisfied(text, installed)]


def _satisfied(text: str, installed: dict[str, str]) -> bool:
    name, version = apt.split(text)
    if version == "*" and STAND_INS.get(name) in installed:
        return True
    return name in installed and fits(installed[name], version)


def exactly(name: str, version: str) -> str:
    """The entry of versionlock's list that keeps a package at one version (``[epoch:]version-release``)."""
    return f"{name}-{version if ':' in version else f'0:{version}'}.*"


def pattern(name: str, version: str) -> str:
    """The entry that keeps a package at versions that fit a pattern; with all fields, or deleting would not find it."""
    plain, _, release = version.partition("-")
    return f"{name}-{plain}-{release or '*'}.*"


def locked_name(entry: str) -> str:
    """The package that an entry of versionlock's list is about: ``docker-ce`` for ``docker-ce-3:29.1.0-1.el9.*``."""
    return entry.rsplit("-", 2)[0]


def exchange(
    install: Sequence[str], remove: Sequence[str], options: Sequence[str | QuoteString | StringCommand] = ()
) -> list[StringCommand]:
    """Install specs and remove packages in one transaction: ``dnf swap`` takes one of each only, ``dnf shell`` any.

    dnf's shell goes on after a line that failed, so that a version which nobody has would leave the removal alone, and
    ends with 0 whatever happened. So everything is looked up and downloaded first, and rpm is asked afterwards: a
    transaction happens whole or not at all, thus what was to go tells of all.
    """
    specs = [spec(text) for text in install]
    lines = [_line("remove", remove), _line("install", specs), "run"]
    said = StringCommand("printf '%s\\n'", *(QuoteString(line) for line in lines))
    keep = "--setopt=clean_requirements_on_remove=False"
    shell = StringCommand(said, "| dnf -y --setopt=exit_on_lock=True", keep, *options, "shell /dev/stdin")
    left = StringCommand("! rpm -qa --", *(QuoteString(name) for name in remove), "| grep .")
    return [
        dnf("install", *specs, options=[*options, "--downloadonly --allowerasing"]),
        patient(StringCommand(shell, "&&", left)),
    ]


def finish(replaced: Mapping[str, str]) -> list[StringCommand]:
    """Finish what a cut-off run left: remove old versions beside the new ones that replaced them (old -> new).

    ``dnf remove --duplicates`` would do it for every package that is there twice, also where somebody meant it. The new
    ones are installed again, for their scripts; where no repository has them any more they stay as they are.
    """
    unlocked = "--disableplugin=versionlock"
    again = dnf("reinstall", *replaced.values(), options=[unlocked])
    return [dnf("remove", *replaced, options=["--noautoremove", unlocked]), StringCommand(again, "|| true")]


def _line(verb: str, words: Sequence[str]) -> str:
    return " ".join((verb, *map(shlex.quote, words)))


def add_locks(entries: Sequence[str]) -> StringCommand:
    """Add entries to versionlock's list as they are."""
    return dnf("versionlock add --raw", *entries)


def makecache(repository: str) -> StringCommand:
    """Fetch the metadata of one repository, and check who signed it where it is signed."""
    return dnf("makecache", options=["--refresh", StringCommand("--repo", QuoteString(repository))])
