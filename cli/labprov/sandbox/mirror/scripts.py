"""Maintainer scripts that packages share, as debhelper writes them. Not the work of any particular package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def shell(body: str) -> str:
    """Return a maintainer script with this body."""
    return f"#!/bin/sh\n# labprov sandbox: maintainer script of a stand-in package\nset -e\n{body.rstrip()}\nexit 0\n"


def with_units(units: Sequence[str], before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the scripts that enable and start ``units`` at installation and stop them at removal.

    ``before`` has shell text to run first, by script name. A unit that does not start does not fail the package,
    as with debhelper.
    """
    names, first = " ".join(units), dict(before or {})
    parts = {
        "postinst": _POSTINST.replace("@UNITS@", names),
        "prerm": _PRERM.replace("@UNITS@", names),
        "postrm": _POSTRM.replace("@UNITS@", names),
    }
    return {name: shell(first.get(name, "") + text) for name, text in parts.items()} | {
        name: shell(text) for name, text in first.items() if name not in parts
    }


_POSTINST = """
if [ "$1" = configure ]; then
    for unit in @UNITS@; do
        deb-systemd-helper unmask "$unit" >/dev/null || true
        if deb-systemd-helper --quiet was-enabled "$unit"; then
            deb-systemd-helper enable "$unit" >/dev/null || true
        else
            deb-systemd-helper update-state "$unit" >/dev/null || true
        fi
    done
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        if [ -n "$2" ]; then action=restart; else action=start; fi
        deb-systemd-invoke $action @UNITS@ >/dev/null || true
    fi
fi
"""
_PRERM = """
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop @UNITS@ >/dev/null || true
fi
"""
_POSTRM = """
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
fi
if [ "$1" = purge ] && [ -x /usr/bin/deb-systemd-helper ]; then
    deb-systemd-helper purge @UNITS@ >/dev/null || true
fi
"""
