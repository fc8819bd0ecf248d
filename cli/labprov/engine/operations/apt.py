"""apt-get and dpkg command lines. Pure: builds commands, runs nothing, knows no host."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pyinfra.api import QuoteString, StringCommand

from labprov.engine.operations import patience

LOCK_TIMEOUT = 600
"""Seconds to wait for another apt (unattended upgrades on a fresh machine take minutes)."""

# NEEDRESTART_MODE=l: list services that should be restarted, never restart them below people who work.
_ENVIRONMENT = "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none"
_OPTIONS = (
    # What an admin wrote into a configuration file stays; a new default arrives only where nobody changed it.
    "-o Dpkg::Options::=--force-confdef",
    "-o Dpkg::Options::=--force-confold",
    # A name that no package has is an error; else apt-get takes "libssl." as a regular expression: dozens of packages.
    "-o APT::Cmd::Pattern-Only=true",
)

_BUSY = '*"Could not get lock"* | *"lock was locked by"*'


def apt_get(verb: str, *words: str, options: Sequence[str | QuoteString] = ()) -> StringCommand:
    """Build ``apt-get VERB WORDS`` that never asks and waits for the lock; words are quoted, options are ours."""
    after = ["--", *(QuoteString(word) for word in words)] if words else []
    wait = f"-o DPkg::Lock::Timeout={LOCK_TIMEOUT}"
    return StringCommand(_ENVIRONMENT, "apt-get", "-q", "-y", wait, *_OPTIONS, *options, verb, *after)


def patient(command: StringCommand) -> StringCommand:
    """Repeat ``command`` while it fails because another apt or dpkg holds a lock, for at most ``LOCK_TIMEOUT`` seconds.

    For what does not wait by itself: apt's own ``DPkg::Lock::Timeout`` is for dpkg's lock alone, not for that of the
    package lists (apt 2.6 and 3.0), and dpkg knows no such option.
    """
    return patience.patient(command, _BUSY, LOCK_TIMEOUT)


def update() -> StringCommand:
    """Fetch the package lists; a source that fails is an error (apt alone would go on with old lists)."""
    return patient(apt_get("update", options=["-o APT::Update::Error-Mode=any"]))


def know(specs: Sequence[str]) -> StringCommand:
    """Fetch the package lists when they do not have one of ``name=version``, as after a release of today."""
    shown = [StringCommand('[ -n "$(apt-cache show --', QuoteString(spec), '2>/dev/null)" ] &&') for spec in specs]
    return patient(StringCommand(*shown, "true ||", apt_get("update", options=["-o APT::Update::Error-Mode=any"])))


def update_source(source: str) -> StringCommand:
    """Fetch the lists of one source file only; the lists of the others stay as they are."""
    only = "-o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any -o"
    return patient(apt_get("update", options=[only, QuoteString(f"Dir::Etc::sourcelist={source}")]))


def repair() -> StringCommand:
    """Finish what an interrupted run left half done.

    dpkg configures what is whole; what was cut off between two packages that need each other, only apt can complete.
    """
    configure = "DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a"
    options = ["--no-install-recommends", "--allow-downgrades", "--allow-change-held-packages", "--fix-broken"]
    return patient(StringCommand(configure, "||", apt_get("install", options=options)))


def mark(verb: str, names: Sequence[str]) -> StringCommand:
    """``apt-mark VERB NAMES``, which writes by dpkg and so needs its lock."""
    return patient(StringCommand("apt-mark", verb, *(QuoteString(name) for name in names)))


def together(version: str, command: StringCommand) -> StringCommand:
    """Run ``command`` with every package that has exactly this version preferred at it.

    apt takes a dependency at its candidate, also where a package that is asked for at an older version needs it at
    just that one. What /etc/apt/preferences says counts after it; preferences.d does so anyway.
    """
    pin = QuoteString(f"Package: ?*\nPin: version {version}\nPin-Priority: 1002\n\n")
    return StringCommand(
        "d=$(mktemp -d) && chmod 755 $d && printf %s",
        pin,
        ">$d/preferences && { cat /etc/apt/preferences >>$d/preferences 2>/dev/null || true; } && "
        'echo "Dir::Etc::preferences \\"$d/preferences\\";" >$d/conf && APT_CONFIG=$d/conf',
        command,
        '; s=$?; rm -rf -- "$d"; exit $s',
    )


def split(spec: str) -> tuple[str, str]:
    """Split ``name`` or ``name=version`` (the version may end in ``*``) into name and version pattern (``*``: any)."""
    name, _, version = spec.partition("=")
    return name, version or "*"


def missing(specs: Sequence[str], installed: dict[str, str]) -> list[str]:
    """Return the specs that the installed versions (name -> version) do not satisfy, in the order given."""
    return [
        s for s in specs if not fnmatchcase(installed.get(split(s)[0], ""), split(s)[1]) or split(s)[0] not in installed
    ]
