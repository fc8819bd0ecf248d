"""Whether the kernel that the boot loader starts next comes up with its GPUs. Asked before a reboot; changes nothing.

Module, libraries, initramfs and the room in /boot must fit together for that kernel; what does not is named with what
repairs it. ``unfit`` is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyinfra import host
from pyinfra.api import FactBase, QuoteString, StringCommand

from labprov_roles.nvidia_driver.facts import DriverLibrary, ModulesOnDisk
from labprov_roles.nvidia_driver.facts_kernels import NextKernel
from labprov_roles.nvidia_driver.settings import Settings

_SCRIPT = r"""[ -s "/boot/vmlinuz-$k" ] && echo image
[ -e "/lib/modules/$k/build/Makefile" ] && echo headers
df -Pk /boot 2>/dev/null | awk 'NR == 2 {print "free " $4}'
grep -lsE '^[[:space:]]*(blacklist|install)[[:space:]]+nouveau' /etc/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf |
sed 's/^/blacklist /'
for i in "/boot/initrd.img-$k" "/boot/initramfs-$k.img"; do
[ -e "$i" ] || continue
echo "initramfs $i"
stat -c 'size %s' "$i"
lister=lsinitramfs; command -v lsinitramfs >/dev/null || lister=lsinitrd
command -v $lister >/dev/null || { echo readable; break; }
l=$(mktemp); $lister "$i" >"$l" 2>/dev/null && echo readable
grep -oE '[^[:space:]]*(/nouveau\.ko|modprobe\.d/[^/[:space:]]*\.conf)[^[:space:]]*' "$l" | sed 's/^/holds /'
rm -f "$l"
break
done
true"""


@dataclass(frozen=True, slots=True)
class KernelFiles:
    """What one kernel has to boot with."""

    image: bool = False
    headers: bool = False
    """Whether a module can be built for it."""
    free: int | None = None
    """Bytes that are free where /boot is; None: not known."""
    blacklists: tuple[str, ...] = ()
    """The host's modprobe files that keep nouveau away."""
    initramfs: str = ""
    """Its path; empty when there is none."""
    size: int = 0
    """Bytes of it."""
    readable: bool = False
    """Whether it could be listed to its end; taken for granted where nothing can list it."""
    holds: tuple[str, ...] = ()
    """Of what is in it: nouveau's module, and modprobe files."""


class KernelFilesOf(FactBase[KernelFiles]):
    """What the kernel ``release`` has to boot with. Lists its initramfs, which takes a second or two."""

    default = KernelFiles

    def command(self, release: str) -> StringCommand:
        """One line a thing."""
        return StringCommand(StringCommand("k=", QuoteString(release), _separator=""), "\n" + _SCRIPT)

    def process(self, output: list[str]) -> KernelFiles:
        """Each line is a word, and what it tells."""
        rows = [line.partition(" ")[::2] for line in output]
        told = dict(rows)

        def every(word: str) -> tuple[str, ...]:
            return tuple(rest for first, rest in rows if first == word)

        return KernelFiles(
            image="image" in told,
            headers="headers" in told,
            free=int(told["free"]) * 1024 if told.get("free", "").isdecimal() else None,
            blacklists=every("blacklist"),
            initramfs=told.get("initramfs", ""),
            size=int(told.get("size", "0")),
            readable="readable" in told,
            holds=every("holds"),
        )


def problems(settings: Settings) -> Sequence[str]:
    """Say why the host in context would not come back with its GPUs, and what to do; empty when it would.

    A host without the driver, or without a kernel of its own, is none of this role's business.
    """
    release, library = host.get_fact(NextKernel).release, host.get_fact(DriverLibrary)
    modules = {module.kernel: module.version for module in host.get_fact(ModulesOnDisk)}
    if not release or not (library or modules):
        return ()
    return unfit(release, host.get_fact(KernelFilesOf, release=release), modules.get(release, ""), library)


def unfit(release: str, files: KernelFiles, module: str, library: str) -> tuple[str, ...]:
    """What does not fit together for the kernel ``release``, each with what repairs it.

    ``module``, ``library``: versions of its module on disk and of libcuda; empty: there is none.
    """
    found = [_module(release, files, module, library), *_initramfs(release, files), _room(files)]
    if not files.image:
        found.insert(0, f"/boot/vmlinuz-{release} is missing or empty: install that kernel's package again")
    return tuple(text for text in found if text)


def _module(release: str, files: KernelFiles, module: str, library: str) -> str:
    if not module and not files.headers:
        headers = f"linux-headers-{release}" if not _is_dracut(files) else f"kernel-devel-{release}"
        return (
            f"kernel {release}, which starts next, has no NVIDIA module and no headers to build it: install {headers} "
            f"and run 'dkms autoinstall -k {release}', or remove that kernel"
        )
    if not module:
        return f"kernel {release}, which starts next, has no NVIDIA module: run 'dkms autoinstall -k {release}'"
    if library and module != library:
        return (
            f"kernel {release}, which starts next, has the NVIDIA module {module}, but the libraries are {library}: "
            f"run 'dkms autoinstall -k {release}', or apply the role again"
        )
    return ""


def _initramfs(release: str, files: KernelFiles) -> list[str]:
    rebuild = f"dracut -f --kver {release}" if _is_dracut(files) else f"update-initramfs -u -k {release}"
    if not files.initramfs:
        return [f"kernel {release}, which starts next, has no initramfs: run 'update-initramfs -c -k {release}'"]
    if not files.readable or not files.size:
        return [f"{files.initramfs} cannot be read to its end (cut off by a full disk?): run '{rebuild}'"]
    nouveau = any(path.rpartition("/")[2].startswith("nouveau.ko") for path in files.holds)
    names = {path.rpartition("modprobe.d/")[2] for path in files.holds}
    kept_away = any(path.rpartition("/")[2] in names for path in files.blacklists)
    if nouveau and not kept_away:
        return [f"{files.initramfs} still has nouveau, and nothing in it keeps it off the GPUs: run '{rebuild}'"]
    return []


def _room(files: KernelFiles) -> str:
    if files.free is None or files.free >= files.size:
        return ""
    needed, free = (f"{number / 1e6:.0f} MB" for number in (files.size, files.free))
    clean = "dnf remove --oldinstallonly" if _is_dracut(files) else "apt-get autoremove --purge"
    return (
        f"/boot has {free} left, and an initramfs takes {needed}: the next one would be cut off; remove old kernels "
        f"('{clean}')"
    )


def _is_dracut(files: KernelFiles) -> bool:
    return files.initramfs.endswith(".img")
