"""A host that would not come back with its GPUs is not rebooted: found before, named with what repairs it."""

from __future__ import annotations

import pytest

from labprov.sandbox import NodeSpec, Sandbox

ROLES = ("--role", "nvidia_driver")
BOOT = "cat /proc/sys/kernel/random/boot_id"
NEWER = """
mkdir /lib/modules/99.9.9-labprov
for f in vmlinuz config initrd.img; do cp -a /boot/$f-$(uname -r) /boot/$f-99.9.9-labprov; done
"""
FULL = """
mkdir /mnt/boot && cp -a /boot/. /mnt/boot
mount -t tmpfs -o size=$(($(du -sk /boot | cut -f1) + 1500))k labprov-full /boot
cp -a /mnt/boot/. /boot
"""
NOUVEAU = """
cp -a /boot/initrd.img-$(uname -r) /var/tmp/initrd
d=$(mktemp -d) && cd $d && mkdir -p usr/lib/modules/$(uname -r)/kernel/drivers/gpu/drm/nouveau
touch usr/lib/modules/$(uname -r)/kernel/drivers/gpu/drm/nouveau/nouveau.ko
find . | cpio -o --quiet -H newc | gzip >/boot/initrd.img-$(uname -r)
"""
CUT_OFF = """
cp -a /boot/initrd.img-$(uname -r) /var/tmp/initrd
truncate -s 2000000 /boot/initrd.img-$(uname -r)
"""
BACK = "mv /var/tmp/initrd /boot/initrd.img-$(uname -r)"
CASES = {
    "a newer kernel without headers": (
        NEWER,
        "rm -r /lib/modules/99.9.9-labprov /boot/*99.9.9-labprov",
        "kernel 99.9.9-labprov, which starts next, has no NVIDIA module and no headers to build it",
        "install linux-headers-99.9.9-labprov",
    ),
    "a full /boot": (FULL, "umount /boot; rm -r /mnt/boot", "/boot has ", "apt-get autoremove --purge"),
    "an initramfs with nouveau": (NOUVEAU, BACK, "still has nouveau", "update-initramfs -u -k"),
    "an initramfs that was cut off": (CUT_OFF, BACK, "cannot be read to its end", "update-initramfs -u -k"),
}


@pytest.fixture(scope="module")
def node(make_sandbox, cli, ssh, tmp_path_factory) -> Sandbox:
    """A Debian 12 node with the driver, that waits for its reboot. Also of who may not reboot it, the apply warns."""
    made = make_sandbox("safe", NodeSpec("safe", "debian-12", (("A100", 1),), nouveau=True))
    breaks, repairs, says, fix = CASES["a newer kernel without headers"]
    ssh(made, "safe", "sudo sh -es", stdin=breaks)
    done = cli.labprov("apply", "gpu-node", "-i", str(made.inventory), *ROLES, state=tmp_path_factory.mktemp("s"))
    ssh(made, "safe", "sudo sh -es", stdin=repairs)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reboot pending (reboot: never) safe: NVIDIA driver: nouveau holds the GPU" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("do not reboot safe before")]
    assert says in line
    assert fix in line
    return made


@pytest.mark.parametrize("case", CASES)
def test_it_is_not_rebooted(node, cli, ssh, tmp_path_factory, case):
    breaks, repairs, says, fix = CASES[case]
    before = ssh(node, "safe", BOOT).stdout
    ssh(node, "safe", "sudo sh -es", stdin=breaks)
    state = tmp_path_factory.mktemp("s")
    done = cli.labprov("apply", "gpu-node", "-i", str(node.inventory), *ROLES, "--reboot", state=state)
    ssh(node, "safe", "sudo sh -es", stdin=repairs)
    assert done.returncode == 1, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("failed safe: ")]
    assert line.startswith("failed safe: nvidia_driver: not rebooted: ")
    assert says in line
    assert fix in line
    assert ssh(node, "safe", BOOT).stdout == before
