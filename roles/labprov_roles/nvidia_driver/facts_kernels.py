"""Facts about kernels: which are installed, which one runs, which one the boot loader starts, what built it.

They never fail; ``boot.py`` reads the boot loader's files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand

from labprov_roles.nvidia_driver import boot

_LEFTOVERS = (".old", ".bak", ".new", ".dpkg-bak", ".dpkg-tmp")


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel that the host runs or could boot."""

    release: str
    """As ``uname -r`` says it."""
    running: bool
    headers: bool
    """Whether a module can be built for it: ``/lib/modules/RELEASE/build`` leads somewhere."""


class Kernels(FactBase[list[Kernel]]):
    """The running kernel first, then the others in /boot."""

    default = list

    def command(self) -> str:
        """One line a kernel: its release, and whether there are headers. One process."""
        return (
            'for f in "/boot/vmlinuz-$(uname -r)" /boot/vmlinuz-*; do k=${f#/boot/vmlinuz-}; '
            'case $k in "*" | 0-rescue-*) continue;; esac; '
            '[ -e "/lib/modules/$k/build/Makefile" ] && echo "$k yes" || echo "$k no"; done'
        )

    def process(self, output: list[str]) -> list[Kernel]:
        """The first line is the running one; it is listed once."""
        rows = dict.fromkeys(tuple(line.split()) for line in output if len(line.split()) == 2)
        found = [Kernel(row[0], number == 0, row[1] == "yes") for number, row in enumerate(rows)]
        return [kernel for kernel in found if not kernel.release.endswith(_LEFTOVERS)]


class NextKernel(FactBase[boot.NextBoot]):
    """The kernel that the boot loader will start, as far as its files tell."""

    default = boot.NextBoot

    def command(self) -> str:
        """The lines of GRUB's and of boot loader specification's files that matter. Two processes at most."""
        word = r"^[[:space:]]*(menuentry|submenu|linux(16|efi)?|set default=|saved_entry=|next_entry=|\})"
        return (
            'for f in /boot/vmlinuz-*; do [ ! -e "$f" ] || echo "kernel:${f#/boot/vmlinuz-}"; done; '
            "set -- /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/grub/grubenv /boot/grub2/grubenv; "
            f'grep -aHE {StringCommand(QuoteString(word))} "$@" 2>/dev/null; '
            "set -- /boot/loader/entries/*.conf /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf; "
            'found=; for f; do [ ! -e "$f" ] || found=1; done; '
            '[ -z "$found" ] || grep -aHE \'^[[:space:]]*linux[[:space:]]\' "$@" 2>/dev/null; true'
        )

    def process(self, output: list[str]) -> boot.NextBoot:
        """Lines after ``kernel:`` or after a file's path."""
        return boot.next_boot(output)


@dataclass(frozen=True, slots=True)
class Compilers:
    """The major versions of gcc; 0 where none is known."""

    kernel: int = 0
    """The one that built the running kernel."""
    default: int = 0
    """The one that ``gcc`` starts, and so builds modules where nobody says otherwise."""


class KernelCompilers(FactBase[Compilers]):
    """What built the running kernel, and what would build a module."""

    default = Compilers

    def command(self) -> str:
        """The kernel's own word, then gcc's."""
        return 'read -r v </proc/version && echo "$v"; gcc -dumpversion 2>/dev/null || true'

    def process(self, output: list[str]) -> Compilers:
        """``... (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld ...) ...`` and ``12``."""
        built = re.search(r"gcc\S* (?:version )?(?:\([^)]*\) )?(\d+)\.\d+", output[0]) if output else None
        default = re.match(r"\d+", output[1]) if len(output) > 1 else None
        return Compilers(int(built[1]) if built else 0, int(default[0]) if default else 0)


class StaleInitramfs(FactBase[list[str]]):
    """Kernels whose initramfs is older than a file that belongs into it; all of them when the file is not there yet."""

    default = list

    def command(self, path: str, image: str = "/boot/initrd.img-{}") -> str:
        """By time: cheap, and right also when an earlier run was interrupted.

        The file's time is that of its inode (``-newermc``), which a file that was moved back cannot keep.
        """
        file = str(StringCommand(QuoteString(path)))
        name = image.rpartition("/")[2].format("*")
        images = f"find /boot -maxdepth 1 -name '{name}' -type f"
        return f"if [ -e {file} ]; then {images} ! -newermc {file}; else {images}; fi 2>/dev/null || true"

    def process(self, output: list[str]) -> list[str]:
        """One image a line; leftovers of old updates and rescue images do not count."""
        names = [re.sub(r"^/boot/init(?:rd\.img|ramfs)-", "", line.strip()) for line in output if line.strip()]
        kernels = [name.removesuffix(".img") for name in names if not name.endswith(_LEFTOVERS)]
        return sorted(name for name in kernels if not name.startswith("0-rescue-") and not name.endswith("kdump"))
