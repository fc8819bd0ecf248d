"""A node's root file system, the image with a layer of its own on top: mounting it, unmounting a folder's mounts."""

from __future__ import annotations

import codecs
import shutil
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.shell import run, succeeds


def mount_root(image: Path, folder: Path) -> Path:
    """Mount ``folder/root`` as ``image`` with the changes in ``folder/changes`` on top, unless it is; give the mount.

    Where overlayfs refuses (the machine is a container on overlayfs itself) the image is copied instead.
    """
    root, changes, work = folder / "root", folder / "changes", folder / "work"
    if root in mounted_under(root):
        return root
    for path in (root, changes, work):
        path.mkdir(parents=True, exist_ok=True)
    if (folder / "copied").exists():
        run(["mount", "--bind", root, root])
        return root
    options = f"lowerdir={image},upperdir={changes},workdir={work}"
    # volatile: a throw-away host waits for no disk. The kernel leaves a mark that refuses the next mount, since files
    # may be torn if this machine went down meanwhile; then the node is no worse than after a power cut.
    shutil.rmtree(work / "work" / "incompat", ignore_errors=True)
    if succeeds(["mount", "-t", "overlay", "labprov-sandbox", "-o", f"{options},volatile", root]):
        return root
    try:
        run(["mount", "-t", "overlay", "labprov-sandbox", "-o", options, root])
    except HostError:
        run(["cp", "--archive", "--reflink=auto", f"{image}/.", root])
        (folder / "copied").touch()
        run(["mount", "--bind", root, root])
    return root


def mounted_under(folder: Path) -> list[Path]:
    """The mount points at or under ``folder``, the innermost first."""
    points = [Path(_plain(line.split(" ", 5)[4])) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in reversed(points) if point == folder or folder in point.parents]


def unmount_under(folder: Path) -> int:
    """Unmount everything at or under ``folder``; give how many mounts that were."""
    points = mounted_under(folder)
    for point in points:
        if not succeeds(["umount", point]):
            run(["umount", "--lazy", point])  # somebody looks into it: it goes when they leave
    return len(points)


def _plain(escaped: str) -> str:
    r"""A path as mountinfo writes it (``\040`` for a space) in plain."""
    return codecs.decode(escaped.encode(), "unicode_escape").encode("latin-1").decode()
