"""Builds a Vagrant box for the provider libvirt: ``python vagrant/box/build.py debian-12``. Needs root and apt only.

A Debian by mmdebstrap from the archive that this machine's own apt sources name, with Debian's kernel and GRUB, on a
qcow2 disk. Neither a virtual machine nor a loop device is needed. The box reaches its archive as this machine does
(sources, proxy, certificate authorities), so it is for this machine and its neighbours, not for publishing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path

from labprov.errors import LabprovError, UserError
from labprov.sandbox import requirements
from labprov.sandbox.apt_sources import machine_archive
from labprov.sandbox.image import apt_settings
from labprov.sandbox.machine import extra_hosts
from labprov.sandbox.shell import environment, run, write

HERE = Path(__file__).parent
BUILD = HERE / "build"
SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
PACKAGES = (
    "systemd-sysv,dbus,udev,kmod,libpam-systemd,ifupdown,isc-dhcp-client,iproute2,iputils-ping,openssh-server,sudo,"
    "ca-certificates,initramfs-tools,zstd,procps,linux-image-amd64,grub-pc,grub-pc-bin"
)
PROGRAMS = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "sfdisk": "fdisk", "qemu-img": "qemu-utils"}
DISK = 12 * 1024**3
"""Bytes; the file takes only what is used."""
START = 1024**2
"""Where the one partition begins; GRUB lies before it."""
CONSOLE = "net.ifnames=0 console=tty0 console=ttyS0,115200"
"""Kernel parameters: a serial console shows how far a machine came, and the first network card is called eth0."""
AUTHORITIES = Path("/usr/local/share/ca-certificates")


def main(arguments: list[str]) -> int:
    """Build the box that is named, or all of them; returns the exit code."""
    try:
        for system in arguments or list(SUITES)[:1]:
            started = time.monotonic()
            box = build(system)
            size = box.stat().st_size // 1024**2
            print(f"{box} ({size} MiB, {time.monotonic() - started:.0f} s)")
    except LabprovError as error:
        print(f"labprov: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def build(system: str) -> Path:
    """Build ``labprov-SYSTEM.box`` in the folder ``build`` beside this file. Raises UserError or HostError."""
    if system not in SUITES:
        raise UserError(f"unknown system {system!r}", hint=f"one of {', '.join(SUITES)}")
    requirements.require_root()
    path = environment()["PATH"]
    lacking = {package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)}
    lacking |= {package for file, package in requirements.FILES.items() if not Path(file).exists()}
    requirements.install(sorted(lacking), print)
    work = BUILD / f"work-{system}"
    shutil.rmtree(work, ignore_errors=True)
    identity = str(uuid.uuid4())
    tree = _tree(system, work, identity)
    disk = _disk(tree, work, identity)
    shutil.rmtree(tree)
    box = _pack(disk, work, BUILD / f"labprov-{system}.box")
    shutil.rmtree(work)
    return box


def _tree(system: str, work: Path, identity: str) -> Path:
    """The box's files, made by mmdebstrap and the recipe."""
    added, tree = work / "added", work / "root"
    for name, text in _texts(system).items():
        write(added / name, text)
    for file in sorted(AUTHORITIES.glob("*.crt")):
        write(added / AUTHORITIES.relative_to("/") / file.name, file.read_text())
    recipe = "/var/lib/labprov-box/recipe.sh"
    preseed = "grub-pc grub-pc/install_devices_empty boolean true"
    command = [
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}", "--skip=output/mknod"),
        *('--aptopt=Acquire::Languages "none"', *(f"--aptopt={line}" for line in apt_settings())),
        f'--essential-hook=echo {preseed} | chroot "$1" debconf-set-selections',
        f'--customize-hook=cp -a {added}/. "$1"/ && chroot "$1" sh {recipe} {identity}',
        *(SUITES[system], str(tree), "-"),
    ]
    sources = "\n".join(machine_archive().lines(SUITES[system])) + "\n"
    log = work / "mmdebstrap.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, input=sources, text=True, stdout=output, stderr=output, check=False, env=environment()
        )
    if done.returncode:
        raise UserError(f"mmdebstrap failed: {log.read_text().splitlines()[-1]}", hint=f"its log: {log}")
    return tree


def _texts(system: str) -> dict[str, str]:
    """The text files that the tree gets on top of Debian, by path."""
    return {
        "var/lib/labprov-box/recipe.sh": (HERE / "recipe.sh").read_text(),
        "var/lib/labprov-box/vagrant.pub": (HERE / "vagrant.pub").read_text(),
        "etc/systemd/system/labprov-host-keys.service": (HERE / "labprov-host-keys.service").read_text(),
        "etc/default/grub.d/labprov-box.cfg": f'GRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX="{CONSOLE}"\n',
        "etc/apt/sources.list": "\n".join(machine_archive().lines(SUITES[system])) + "\n",
        "etc/apt/apt.conf.d/80labprov-box": "".join(f"{line}\n" for line in apt_settings()),
        "etc/hosts": f"127.0.0.1 localhost\n::1 localhost ip6-localhost\n{extra_hosts()}",
    }


def _disk(tree: Path, work: Path, identity: str) -> Path:
    """A disk with a partition table, GRUB before the first partition, and the tree as the partition's file system."""
    disk = work / "disk.raw"
    with disk.open("wb") as file:
        file.truncate(DISK)
    run(["sfdisk", "--quiet", disk], stdin=f"label: dos\n{START // 512},,83,*\n")
    # What GRUB of Debian 12 cannot read is off, whatever this machine's mke2fs prefers.
    options = ["-t", "ext4", "-F", "-q", "-L", "root", "-U", identity, "-O", "^metadata_csum_seed,^orphan_file"]
    run(["mke2fs", *options, "-E", f"offset={START}", "-d", tree, disk, f"{(DISK - START) // 1024}k"])
    modules = tree / "boot/grub/i386-pc"
    with disk.open("r+b") as file:
        file.write((modules / "boot.img").read_bytes()[:440])  # after them: the disk's id and the partition table
        file.seek(512)
        file.write((modules / "core.img").read_bytes())
        assert file.tell() < START
    return disk


def _pack(disk: Path, work: Path, box: Path) -> Path:
    """The box as Vagrant's libvirt provider takes it, written beside its place and moved there."""
    run(["qemu-img", "convert", "-O", "qcow2", disk, work / "box.img"])
    disk.unlink()
    about = {"provider": "libvirt", "format": "qcow2", "virtual_size": DISK // 1024**3}
    (work / "metadata.json").write_text(json.dumps(about))
    shutil.copy(HERE / "Vagrantfile", work / "Vagrantfile")
    with tarfile.open(work / "box", "w:gz", compresslevel=1) as packed:
        for name in ("metadata.json", "Vagrantfile", "box.img"):
            packed.add(work / name, name)
    return (work / "box").replace(box)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
