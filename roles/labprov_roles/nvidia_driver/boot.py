"""Which kernel a boot loader starts next, from the lines of its files. Pure; for GRUB and boot loader specification.

Sources: GRUB's manual (``default``, ``saved_entry``, ``next_entry``, submenus as ``1>2``), the boot loader
specification, and what grub-mkconfig writes on Debian 12, Ubuntu 24.04 and Rocky 9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_RELEASE = re.compile(r"vmlinuz-(\S+)")


@dataclass(frozen=True, slots=True)
class NextBoot:
    """The kernel that the next boot starts."""

    release: str = ""
    """As ``uname -r`` will say it; empty: not known."""
    why: str = "no boot loader's files are there"


@dataclass(slots=True)
class _Entry:
    title: str
    ident: str
    kernel: str = ""
    below: list[_Entry] = field(default_factory=list)


def next_boot(lines: Sequence[str]) -> NextBoot:
    """Decide from ``kernel:RELEASE`` and ``PATH:LINE`` lines."""
    kernels = [line.removeprefix("kernel:") for line in lines if line.startswith("kernel:")]
    kernels = [name for name in kernels if not name.startswith("0-rescue-") and not name.endswith((".old", ".bak"))]
    files = [line.partition(":")[::2] for line in lines if line.startswith("/")]
    variables = dict(text.strip().partition("=")[::2] for path, text in files if path.endswith("/grubenv"))
    specified = {
        path.rpartition("/")[2].removesuffix(".conf"): match[1]
        for path, text in files
        if "/loader/entries/" in path and (match := _RELEASE.search(text))
    }
    once, saved = variables.get("next_entry", ""), variables.get("saved_entry", "")
    if specified:
        return _specified(specified, once or saved, once)
    menu = [text.strip() for path, text in files if path.endswith("/grub.cfg")]
    entries = _entries(menu)
    if entries:
        wish = once or _default(menu, saved)
        found = _find(entries, wish)
        if found and found.kernel:
            return NextBoot(found.kernel, f"GRUB starts {found.title!r}" + (" once" if once else ""))
    if kernels:
        return NextBoot(max(kernels, key=_age), "the newest in /boot: no boot loader's menu says otherwise")
    return NextBoot()


def _specified(entries: dict[str, str], wish: str, once: str) -> NextBoot:
    if wish in entries:
        return NextBoot(entries[wish], f"the boot loader's entry {wish}" + (" is started once" if once else ""))
    real = {name: kernel for name, kernel in entries.items() if not kernel.startswith("0-rescue-")}
    if not real:
        return NextBoot()
    newest = max(real.values(), key=_age)
    return NextBoot(newest, "the newest of the boot loader's entries")


def _default(menu: Sequence[str], saved: str) -> str:
    """The last ``set default=`` that is not for a single boot: a number, a title, an id, or the saved entry."""
    wish = "0"
    for line in menu:
        if line.startswith("set default=") and "next_entry" not in line:
            wish = line.partition("=")[2].strip("\"'")
    return (saved or "0") if "saved_entry" in wish else wish


def _entries(menu: Sequence[str]) -> list[_Entry]:
    """The menu as a tree; braces of anything but entries are not among the lines."""
    top: list[_Entry] = []
    open_: list[_Entry] = []
    for line in menu:
        if line.startswith(("menuentry ", "submenu ")):
            title = re.match(r"\w+ (?:'([^']*)'|\"([^\"]*)\"|(\S+))", line)
            ident = re.search(r"(?:menuentry_id_option|--id)[ =]'?([^'\s{]+)", line)
            entry = _Entry(next(filter(None, title.groups()), "") if title else "", ident[1] if ident else "")
            (open_[-1].below if open_ else top).append(entry)
            if not line.rstrip().endswith("}"):
                open_.append(entry)
        elif line.startswith("linux") and open_ and (match := _RELEASE.search(line)):
            open_[-1].kernel = open_[-1].kernel or match[1]
        elif line.startswith("}") and open_:
            open_.pop()
    return top


def _find(entries: Sequence[_Entry], wish: str) -> _Entry | None:
    """Follow ``1>2`` or ``id>id`` down; a submenu stands for its first entry."""
    found: _Entry | None = None
    for step in wish.split(">"):
        names = [entry for entry in entries if step in (entry.ident, entry.title)]
        number = int(step) if step.isdecimal() else -1
        found = names[0] if names else entries[number] if 0 <= number < len(entries) else None
        if found is None:
            return entries[0] if entries and not number >= 0 else None
        entries = found.below or [found]
    while found and not found.kernel and found.below:
        found = found.below[0]
    return found


def _age(release: str) -> list[tuple[int, int, str]]:
    """A key that sorts releases as versions: numbers before the words that follow them."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"[.\-_+]", release)]
