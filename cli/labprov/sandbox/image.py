"""The cached image of a bare server, one a system: Debian by mmdebstrap, an admin, a simulated kernel. Not a node.

An image's folder is named after everything that it is made of, so a changed recipe, archive or kernel makes a new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox import kernel
from labprov.sandbox.apt_sources import Archive, machine_archive
from labprov.sandbox.places import CACHE, STATE, Places
from labprov.sandbox.shell import environment, is_locked, locked, run, write
from labprov.sandbox.spec import SUITES
from labprov.sandbox.state import load

IMAGES = CACHE / "images"
PACKAGES = (
    "systemd-sysv,dbus,udev,kmod,libpam-systemd,ifupdown,iproute2,iputils-ping,openssh-server,sudo,ca-certificates,"
    "initramfs-tools,zstd,procps,util-linux-extra"
)
"""What a Debian server has after a minimal installation; no Python, no curl, no gpg."""

_SCRIPTS = ("simulated-hardware", "load-nvidia", "simulation.sh")
_AUTHORITIES = Path("/usr/local/share/ca-certificates")
_KERNEL_REPOSITORY = Path("var/lib/labprov-sandbox/kernel-repo")
_PIN = f"# The node's kernel comes from here.\nPackage: *\nPin: release o={kernel.ORIGIN}\nPin-Priority: 1001\n"


def ensure(os_name: str, say: Callable[[str], None]) -> Path:
    """The image of ``os_name`` (``debian-12``), built if the cache has none; HostError when it cannot be built."""
    archive = machine_archive()
    image = IMAGES / f"{os_name}-{_key(os_name, archive)}"
    if image.is_dir():
        return image
    with locked(IMAGES / f"{os_name}.lock"):
        if not image.is_dir():
            say(f"Building the {os_name} image (once; kept in {IMAGES})")
            _build(os_name, archive, image)
            _remove_unused(os_name, image)
    return image


def _build(os_name: str, archive: Archive, image: Path) -> None:
    """Build beside the final place and rename, so that a build that was killed leaves no image."""
    beside = IMAGES / f".building-{os_name}"
    shutil.rmtree(beside, ignore_errors=True)
    added = beside / "added"
    for path, text in _added_text(os_name, archive).items():
        write(added / path, text, mode=0o755 if "lib/labprov-sandbox" in path else 0o644)
    for file in _authorities():
        write(added / _AUTHORITIES.relative_to("/") / file.name, file.read_text())
    kernel.build_repository(
        added / _KERNEL_REPOSITORY, os.uname().release, run(["dpkg", "--print-architecture"]).strip()
    )
    _mmdebstrap(os_name, archive, added, beside)
    (beside / "root").rename(image)
    shutil.rmtree(beside)


def _mmdebstrap(os_name: str, archive: Archive, added: Path, beside: Path) -> None:
    """Run mmdebstrap in namespaces of its own: when this process is killed, it and its mounts go too."""
    recipe = "/var/lib/labprov-sandbox/recipe.sh"
    command = [
        *(
            "setpriv",
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
        ),
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}"),
        *('--aptopt=Acquire::Languages "none"', "--skip=output/mknod"),
        *(f"--aptopt={line}" for line in apt_settings()),
        f'--customize-hook=cp -a {added}/. "$1"/ && chroot "$1" sh {recipe} {os.uname().release}',
        *(SUITES[os_name], str(beside / "root"), "-"),
    ]
    log = beside / "log"
    with log.open("w") as output:
        sources = "\n".join(archive.lines(SUITES[os_name])) + "\n"
        done = subprocess.run(
            command, input=sources, text=True, stdout=output, stderr=subprocess.STDOUT, check=False, env=environment()
        )
    if done.returncode:
        errors = [line for line in log.read_text().splitlines() if line.startswith("E:")] or ["see the log"]
        raise HostError(f"the {os_name} image could not be built: {errors[0]} (log: {log})")


def _added_text(os_name: str, archive: Archive) -> dict[str, str]:
    """The text files that the tree gets on top of Debian, by path."""
    texts = {f"usr/lib/labprov-sandbox/{name}": _file(name) for name in _SCRIPTS}
    texts["etc/systemd/system/labprov-simulated-hardware.service"] = _file("labprov-simulated-hardware.service")
    texts["usr/lib/modprobe.d/labprov-sandbox.conf"] = _file("modprobe.conf")
    texts["var/lib/labprov-sandbox/recipe.sh"] = _file("recipe.sh")
    texts["etc/apt/sources.list.d/labprov-sandbox-kernel.list"] = f"deb [trusted=yes] file:/{_KERNEL_REPOSITORY} ./\n"
    texts["etc/apt/preferences.d/labprov-sandbox-kernel"] = _PIN
    if os_name == "debian-12":  # each release with the form of sources that its installer or images write
        texts["etc/apt/sources.list"] = "\n".join(archive.lines(SUITES[os_name])) + "\n"
    else:
        texts["etc/apt/sources.list"] = "# See /etc/apt/sources.list.d/debian.sources\n"
        texts["etc/apt/sources.list.d/debian.sources"] = archive.deb822(SUITES[os_name])
    return texts


def apt_settings() -> list[str]:
    """The settings of this machine's apt that decide whether it reaches an archive: proxies, certificates, dates."""
    wanted = ("acquire::http::proxy", "acquire::https::proxy", "acquire::https::cainfo", "acquire::check-")
    lines = run(["apt-config", "dump"]).splitlines()
    return [line for line in lines if line.lower().startswith(wanted) and "@" not in line]


def _authorities() -> list[Path]:
    """The certificate authorities that this machine's admin added: its registries may stand behind one."""
    return sorted(_AUTHORITIES.glob("*.crt"))


def _key(os_name: str, archive: Archive) -> str:
    """A short name for everything that goes into the image."""
    parts = [PACKAGES, os.uname().release, *archive.lines(SUITES[os_name]), *apt_settings(), kernel.VERSION]
    parts += [Path(kernel.__file__).read_text(), *_added_text(os_name, archive).values()]
    parts += [file.read_text() for file in _authorities()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _file(name: str) -> str:
    return files(__package__).joinpath("files", name).read_text()


def _remove_unused(os_name: str, newest: Path) -> None:
    """Delete older images of the system that no node lies on."""
    used = {node.image for home in STATE.glob("*") for node in load(Places(home.name)).nodes.values()}
    for image in IMAGES.glob(f"{os_name}-*"):
        if image != newest and image.name not in used:
            shutil.rmtree(image)


def remove_unfinished() -> None:
    """Delete what builds that were killed have left; a build that is going on is let alone."""
    for beside in IMAGES.glob(".building-*"):
        lock = IMAGES / f"{beside.name.removeprefix('.building-')}.lock"
        if not is_locked(lock):
            shutil.rmtree(beside, ignore_errors=True)
