"""What must fit together for the kernel that starts next. No host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labprov_roles.nvidia_driver.before_reboot import KernelFiles, KernelFilesOf, unfit

K = "6.1.0-40-amd64"
IMAGE = f"/boot/initrd.img-{K}"
NOUVEAU = f"usr/lib/modules/{K}/kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz"
CONF = "/etc/modprobe.d/labprov-nvidia-driver.conf"
GOOD = KernelFiles(True, True, 10**9, (CONF,), IMAGE, 60_000_000, True, ())
VERSION = "580.178.04"


def one(files: KernelFiles, module: str = VERSION, library: str = VERSION) -> str:
    (found,) = unfit(K, files, module, library)
    return found


def test_what_fits_is_let_through():
    assert unfit(K, GOOD, VERSION, VERSION) == ()
    kept_away = replace(GOOD, holds=(NOUVEAU, CONF[1:]))
    assert unfit(K, kept_away, VERSION, VERSION) == ()
    assert unfit(K, replace(GOOD, free=None), VERSION, VERSION) == ()


@pytest.mark.parametrize(
    ("files", "module", "says", "fix"),
    [
        (replace(GOOD, headers=False), "", "no NVIDIA module and no headers", f"install linux-headers-{K}"),
        (GOOD, "", "has no NVIDIA module", f"dkms autoinstall -k {K}"),
        (GOOD, "570.1.1", "module 570.1.1, but the libraries are 580.178.04", f"dkms autoinstall -k {K}"),
        (replace(GOOD, initramfs="", size=0), VERSION, "has no initramfs", f"update-initramfs -c -k {K}"),
        (replace(GOOD, readable=False), VERSION, "cannot be read to its end", f"update-initramfs -u -k {K}"),
        (replace(GOOD, size=0), VERSION, "cannot be read to its end", f"update-initramfs -u -k {K}"),
        (replace(GOOD, holds=(NOUVEAU,)), VERSION, "still has nouveau", f"update-initramfs -u -k {K}"),
        (replace(GOOD, holds=(NOUVEAU, "etc/modprobe.d/other.conf")), VERSION, "still has nouveau", "update-initramfs"),
        (replace(GOOD, free=2_000_000), VERSION, "/boot has 2 MB left, and an initramfs takes 60 MB", "autoremove"),
        (replace(GOOD, image=False), VERSION, f"/boot/vmlinuz-{K} is missing", "install that kernel"),
    ],
)
def test_what_does_not_fit_is_named_with_what_repairs_it(files, module, says, fix):
    found = one(files, module)
    assert says in found
    assert fix in found


def test_the_commands_are_those_of_the_system():
    rocky = replace(GOOD, initramfs=f"/boot/initramfs-{K}.img")
    assert f"dracut -f --kver {K}" in one(replace(rocky, readable=False))
    assert f"install kernel-devel-{K}" in one(replace(rocky, headers=False), "")
    assert "dnf remove --oldinstallonly" in one(replace(rocky, free=0))


def test_the_fact_reads_what_its_command_prints():
    text = f"image\nheaders\nfree 1000\nblacklist {CONF}\ninitramfs {IMAGE}\nsize 60000000\nreadable\nholds {NOUVEAU}"
    found = KernelFilesOf().process(text.splitlines())
    assert found == replace(GOOD, free=1_024_000, holds=(NOUVEAU,))
    assert KernelFilesOf().process([]) == KernelFiles()
    assert "k='6.1; reboot'" in KernelFilesOf().command("6.1; reboot").get_raw_value()
