"""One node: its folder and files, booting it, asking whether it is up. The image and the network are there already."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox import gpu, processes
from labprov.sandbox.image import IMAGES, apt_settings
from labprov.sandbox.machine import extra_hosts, pip_settings
from labprov.sandbox.mounts import mount_root, unmount_under
from labprov.sandbox.network import gateway, nameservers
from labprov.sandbox.places import Places
from labprov.sandbox.shell import environment, run, write
from labprov.sandbox.state import Node

OWN_FOLDERS = {"docker": "/var/lib/docker", "containerd": "/var/lib/containerd", "srv": "/srv"}
"""Folders of a node that lie on this machine's own file system: Docker's storage cannot lie on an overlay."""

_ADMIN = 1000
_NSPAWN = Path("/run/systemd/nspawn")  # its lock and folders stay when it is killed
_CGROUPS = tuple(Path("/sys/fs/cgroup") / name for name in ("", "unified", "systemd"))
_KEEP = """
group=$1; shift
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [ -e $hierarchy/cgroup.procs ] || continue
    mkdir -p "$hierarchy/$group" && echo $$ >"$hierarchy/$group/cgroup.procs"
done
while :; do
    code=0; "$@" || code=$?
    [ $code -eq 133 ] || exit $code
done
"""
"""Keeps a node running: systemd-nspawn ends with 133 when the node reboots. A cgroup keeps nodes apart."""


def make(places: Places, node: Node) -> None:
    """Make the node's folder with all that it is at first boot, replacing what an unfinished attempt left."""
    folder = places.nodes / node.spec.name
    remove(places, node.spec.name)
    for name in OWN_FOLDERS:
        (folder / "own" / name).mkdir(parents=True)
    root = mount_root(IMAGES / node.image, folder)
    for path, text in _files(places, node).items():
        write(root / path, text)
    _let_admin_in(places, root)
    _host_key(places, node, root)


def start(places: Places, node: Node) -> None:
    """Boot the node unless it runs; it goes on running when this process ends."""
    if processes.supervisors(places, node.spec.name):
        return
    folder = places.nodes / node.spec.name
    processes.end(processes.inside(places, node.spec.name))
    mount_root(IMAGES / node.image, folder)
    with (folder / "console").open("a") as console:
        subprocess.Popen(
            _boot_command(places, node, folder),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            cwd="/",
            env={**environment(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
        )


def wait(places: Places, node: Node, seconds: float = 60) -> None:
    """Wait until the node's boot has ended and ssh works; HostError with the end of its console when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        asking = ["setpriv", "--pdeathsig", "KILL", *ssh(places, node.address)]  # it ends with this process
        command = [*asking, "systemctl is-system-running --wait"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.stdout.strip() in ("running", "degraded"):
            return
        if not processes.supervisors(places, node.spec.name):
            break
        time.sleep(0.2)
    console = (places.nodes / node.spec.name / "console").read_text(errors="replace").splitlines()
    raise HostError(f"node {node.spec.name} does not come up: {console[-1] if console else 'nothing on its console'}")


def remove(places: Places, name: str) -> None:
    """End the node's processes, unmount its file systems and delete its folder, as far as they are there."""
    while found := processes.supervisors(places, name):
        processes.end(found)
    processes.end(processes.inside(places, name))
    folder = places.nodes / name
    if (folder / "root").exists():
        about = (folder / "root").stat()
        (_NSPAWN / "locks" / f"inode-{about.st_dev}:{about.st_ino}").unlink(missing_ok=True)
    unmount_under(folder)
    if folder.exists():
        shutil.rmtree(folder)
    for hierarchy in _CGROUPS:
        _remove_cgroup(hierarchy / f"{places.mark}-{name}")
    for kind in ("propagate", "unix-export"):
        unmount_under(left := _NSPAWN / kind / _machine(places, name))
        shutil.rmtree(left, ignore_errors=True)


def ssh(places: Places, address: str) -> list[str]:
    """The command that logs in to ``address`` as the admin, whatever the user's ssh configuration says."""
    options = [
        "StrictHostKeyChecking=yes",
        f"UserKnownHostsFile={places.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
    ]
    options += ["IdentitiesOnly=yes", "ConnectTimeout=5", "ServerAliveInterval=5", "LogLevel=ERROR"]
    return ["ssh", "-F", "none", "-i", str(places.key), *(w for o in options for w in ("-o", o)), f"admin@{address}"]


def _boot_command(places: Places, node: Node, folder: Path) -> list[str]:
    supervisor = ["sh", "-c", _KEEP, "labprov-sandbox", f"{places.mark}-{node.spec.name}"]
    unit = ["--keep-unit"]
    if Path("/run/systemd/system").is_dir():  # systemd gives the node a scope, and nspawn itself reboots it
        supervisor, unit = [], ["--property=DeviceAllow=char-* rwm"]  # a GPU's device nodes are made inside
    return [
        *supervisor,
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", *unit, "--settings=no", "--link-journal=no"),
        *("--timezone=off", "--resolv-conf=off", "--capability=all"),
        # the node must not load modules into this machine's kernel, set its clock or touch its ports
        "--drop-capability=CAP_SYS_MODULE,CAP_SYS_TIME,CAP_SYS_RAWIO",
        "--system-call-filter=add_key keyctl bpf",
        f"--network-bridge={places.bridge}",
        f"--machine={_machine(places, node.spec.name)}",
        *(f"--bind={folder}/own/{name}:{path}" for name, path in OWN_FOLDERS.items()),
        f"--directory={folder}/root",
    ]


def _machine(places: Places, name: str) -> str:
    return f"{places.name}-{name}"


def _files(places: Places, node: Node) -> dict[str, str]:
    """The text files that make this node the one it is, by path."""
    name = node.spec.name
    texts = {
        "etc/hostname": f"{name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost ip6-localhost\n{extra_hosts()}",
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/resolv.conf": "".join(f"nameserver {server}\n" for server in nameservers()),
        "etc/network/interfaces": "auto lo\niface lo inet loopback\n\nauto host0\niface host0 inet static\n"
        f"    address {node.address}/24\n    gateway {gateway(node.address)}\n",
        "etc/apt/apt.conf.d/80labprov-sandbox": "// as on the machine that carries this node\n"
        + "".join(f"{line}\n" for line in apt_settings()),
        "etc/labprov-sandbox/hardware": gpu.hardware(node.spec.gpus),
    }
    if node.spec.nouveau:
        texts["etc/labprov-sandbox/nouveau"] = "This node's kernel brings nouveau (simulated).\n"
    if pip := pip_settings():
        texts["etc/pip.conf"] = pip
    return texts


def _let_admin_in(places: Places, root: Path) -> None:
    folder = root / "home/admin/.ssh"
    write(folder / "authorized_keys", places.key.with_suffix(".pub").read_text(), mode=0o600)
    shutil.chown(folder / "authorized_keys", _ADMIN, _ADMIN)


def _host_key(places: Places, node: Node, root: Path) -> None:
    """Give the node a host key and make it known before anybody connects."""
    key = root / "etc/ssh/ssh_host_ed25519_key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{node.spec.name}", "-f", key])
    kind, value = key.with_suffix(".pub").read_text().split()[:2]
    known = places.known_hosts.read_text().splitlines() if places.known_hosts.exists() else []
    others = [line for line in known if line.split()[0] != node.address]
    write(places.known_hosts, "\n".join([*others, f"{node.address} {kind} {value}"]) + "\n")


def _remove_cgroup(folder: Path) -> None:
    if not folder.is_dir():
        return
    for child in sorted(folder.rglob("*"), reverse=True):
        if child.is_dir():
            child.rmdir()
    folder.rmdir()
