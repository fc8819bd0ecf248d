"""What the facts read out of literal output."""

# ruff: noqa: E501  # literal output

import base64
import subprocess

import pytest

from labprov.engine.facts.units import Unit, Units
from labprov_roles.nvidia_driver import boot
from labprov_roles.nvidia_driver.facts import (
    Cdi,
    CdiSpecs,
    DriverLibrary,
    Loaded,
    LoadedDriver,
    LoadedModules,
    Module,
    ModulesOnDisk,
)
from labprov_roles.nvidia_driver.facts_kernels import Compilers, Kernel, KernelCompilers, Kernels, StaleInitramfs
from labprov_roles.nvidia_driver.facts_packages import (
    Candidates,
    DriverPackages,
    Package,
)
from labprov_roles.nvidia_driver.facts_secure_boot import SecureBoot, SecureBootState, certificate, signature_list


def test_kernels_running_first_and_once():
    output = ["6.1.0-40-amd64 no", "6.1.0-39-amd64 yes", "6.1.0-40-amd64 no", "6.1.0-38-amd64.old no"]
    assert Kernels().process(output) == [
        Kernel("6.1.0-40-amd64", running=True, headers=False),
        Kernel("6.1.0-39-amd64", running=False, headers=True),
    ]


def test_candidates_are_what_apt_would_install():
    output = """linux-headers-6.1.0-40-amd64:
  Installed: (none)
  Candidate: 6.1.153-1
  Version table:
     6.1.153-1 500
        500 http://deb.example.org/debian bookworm/main amd64 Packages
linux-headers-amd64:
  Installed: (none)
  Candidate: (none)
  Version table:
""".splitlines()
    assert Candidates().process(output) == {"linux-headers-6.1.0-40-amd64": "6.1.153-1"}


PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22)"


def test_loaded_driver_of_either_flavour():
    # /proc/driver/nvidia/version of two real drivers
    gcc = "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)"
    assert LoadedDriver().process([PROPRIETARY, gcc]) == "535.129.03"
    assert LoadedDriver().process([OPEN]) == "580.65.06"
    assert LoadedDriver().process([]) == ""


def test_loaded_modules():
    assert LoadedModules().process(["nvidia", OPEN]) == Loaded("open", ("nvidia",))
    assert LoadedModules().process(["nvidia", "vfio_pci", PROPRIETARY]) == Loaded("proprietary", ("nvidia", "vfio_pci"))
    assert LoadedModules().process(["nouveau"]) == Loaded("", ("nouveau",))


def test_driver_library_behind_the_link():
    assert DriverLibrary().process(["/usr/lib/x86_64-linux-gnu/libcuda.so.580.178.04"]) == "580.178.04"
    assert DriverLibrary().process(["/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.550.163.01"]) == "550.163.01"
    assert DriverLibrary().process([]) == ""


def test_modules_on_disk_with_licence_and_signer():
    output = """kernel: 6.1.0-39-amd64
kernel: 6.1.0-40-amd64
version:        580.178.04
license:        Dual MIT/GPL
signer:         gpu-01 kernel module signing key
kernel: 6.1.0-41-amd64
version:        535.261.03
license:        NVIDIA
version:        470.256.02
license:        NVIDIA""".splitlines()
    opened, closed = ModulesOnDisk().process(output)
    assert opened == Module("6.1.0-40-amd64", "580.178.04", "Dual MIT/GPL", "gpu-01 kernel module signing key")
    assert closed == Module("6.1.0-41-amd64", "535.261.03", "NVIDIA", "")
    assert (opened.flavour, closed.flavour, Module("x", "1").flavour) == ("open", "proprietary", "")


def test_driver_packages_with_what_is_half_installed_and_held():
    output = [
        "hi  libcuda1 580.178.04-1 NVIDIA CORPORATION <cudatools@nvidia.com>",
        "iU  nvidia-smi 535.261.03-1 Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "rc  nvidia-alternative 535.261.03-1 Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>",
        "un  nvidia-open  ",
    ]
    assert DriverPackages().process(output) == [
        Package("libcuda1", "580.178.04-1", "vendor", held=True),
        Package("nvidia-smi", "535.261.03-1", "distro"),
    ]


def test_stale_initramfs_without_leftovers_and_rescue_images():
    output = ["/boot/initrd.img-6.1.0-40-amd64", "/boot/initrd.img-6.1.0-39-amd64.old", ""]
    output += ["/boot/initramfs-5.14.0-427.el9.x86_64.img", "/boot/initramfs-0-rescue-0123456789abcdef.img"]
    output += ["/boot/initramfs-5.14.0-427.el9.x86_64kdump.img"]
    assert StaleInitramfs().process(output) == ["5.14.0-427.el9.x86_64", "6.1.0-40-amd64"]


def test_units_that_do_not_exist_are_absent():
    output = """UnitFileState=enabled
ActiveState=active
LoadState=loaded
Id=nvidia-persistenced.service

UnitFileState=
ActiveState=inactive
LoadState=not-found
Id=nvidia-fabricmanager.service""".splitlines()
    assert Units().process(output) == {"nvidia-persistenced.service": Unit("enabled", "active")}


@pytest.mark.parametrize(
    ("version", "default", "compilers"),
    [
        # /proc/version of Debian 12, Ubuntu 24.04, Rocky 9
        ("Linux version 6.1.0-40-amd64 (d@d) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld 2.40) #1 SMP", "12", (12, 12)),
        (
            "Linux version 6.8.0-41-generic (b@l) (x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0, GNU ld) #41",
            "11.4.0",
            (13, 11),
        ),
        (
            "Linux version 5.14.0-427.el9.x86_64 (m@b) (gcc (GCC) 11.4.1 20231218 (Red Hat 11.4.1-3), GNU ld) #1",
            "",
            (11, 0),
        ),
        ("Linux version 6.12.1 (clang version 19.1.0, LLD 19.1.0) #1", "", (0, 0)),
    ],
)
def test_compilers(version, default, compilers):
    assert KernelCompilers().process([version, default] if default else [version]) == Compilers(*compilers)


def test_cdi_specifications():
    output = ["/etc/cdi/nvidia.yaml:cdiVersion: 0.5.0", "/etc/cdi/nvidia.yaml:libcuda.so.580.178.04"]
    assert CdiSpecs().process(output) == [Cdi("/etc/cdi/nvidia.yaml", "0.5.0", "580.178.04")]
    assert CdiSpecs().process(['/var/run/cdi/nvidia.json:"cdiVersion": "0.7.0']) == [
        Cdi("/var/run/cdi/nvidia.json", "0.7.0")
    ]


KERNELS = ["kernel:6.1.0-9-amd64", "kernel:6.1.0-40-amd64", "kernel:0-rescue-abc"]
# grub.cfg as grub-mkconfig writes it on Debian 12, in the lines that the fact takes
MENU = """set default="${next_entry}"
set default="0"
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {
	linux	/boot/vmlinuz-6.1.0-40-amd64 root=UUID=1 ro quiet
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1' {
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-40-amd64' --class debian $menuentry_id_option 'gnulinux-6.1.0-40' {
		linux	/boot/vmlinuz-6.1.0-40-amd64 root=UUID=1 ro quiet
	}
	menuentry 'Debian GNU/Linux, with Linux 6.1.0-9-amd64' --class debian $menuentry_id_option 'gnulinux-6.1.0-9' {
		linux	/boot/vmlinuz-6.1.0-9-amd64 root=UUID=1 ro quiet
	}
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
}""".splitlines()


def grub(default="0", saved="", once=""):
    lines = [f"/boot/grub/grub.cfg:{line}" for line in MENU]
    lines[1] = f'/boot/grub/grub.cfg:set default="{default}"'
    lines += [f"/boot/grub/grubenv:saved_entry={saved}"] if saved else []
    return KERNELS + lines + ([f"/boot/grub/grubenv:next_entry={once}"] if once else [])


@pytest.mark.parametrize(
    ("lines", "release"),
    [
        (grub(), "6.1.0-40-amd64"),
        (grub("1>1"), "6.1.0-9-amd64"),
        (grub("1"), "6.1.0-40-amd64"),
        (grub("gnulinux-advanced-1>gnulinux-6.1.0-9"), "6.1.0-9-amd64"),
        (grub("Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-9-amd64"), "6.1.0-9-amd64"),
        (grub("${saved_entry}", saved="1>1"), "6.1.0-9-amd64"),
        (grub("${saved_entry}"), "6.1.0-40-amd64"),
        (grub(once="gnulinux-advanced-1>gnulinux-6.1.0-9"), "6.1.0-9-amd64"),
        (grub("an entry that is gone"), "6.1.0-40-amd64"),
        (KERNELS, "6.1.0-40-amd64"),
        ([], ""),
    ],
)
def test_the_kernel_that_grub_starts(lines, release):
    assert boot.next_boot(lines).release == release


def test_the_kernel_of_boot_loader_entries():
    entry = "/boot/loader/entries/0123-{0}.conf:linux /vmlinuz-{0}"
    lines = [entry.format(name) for name in ("5.14.0-70.el9.x86_64", "5.14.0-427.el9.x86_64", "0-rescue-0123")]
    assert boot.next_boot(lines).release == "5.14.0-427.el9.x86_64"
    saved = [*lines, "/boot/grub2/grubenv:saved_entry=0123-5.14.0-70.el9.x86_64"]
    assert boot.next_boot(saved).release == "5.14.0-70.el9.x86_64"


@pytest.fixture(scope="module")
def der(tmp_path_factory):
    """A certificate as the role makes one."""
    folder = tmp_path_factory.mktemp("mok")
    words = ["req", "-new", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "9", "-outform", "DER", "-subj"]
    subject = "/CN=gpu-01 kernel module signing key"
    subprocess.run(
        ["openssl", *words, subject, "-keyout", folder / "k", "-out", folder / "c"], check=True, capture_output=True
    )
    return (folder / "c").read_bytes()


def signatures(*certificates):
    """An EFI signature list with each, as shim's MokListRT has them."""
    text = b""
    for data in certificates:
        sizes = [28 + 16 + len(data), 0, 16 + len(data)]
        text += bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072") + b"".join(n.to_bytes(4, "little") for n in sizes)
        text += bytes(16) + data
    return text


def test_enrolled_keys_are_those_of_the_firmware(der):
    own = certificate(der)
    assert own.name == "gpu-01 kernel module signing key"
    shown = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-fingerprint", "-sha1"],
        input=der,
        capture_output=True,
        check=True,
    )
    assert own.fingerprint == shown.stdout.decode().strip().partition("=")[2].replace(":", "").lower()
    encoded = base64.b64encode(der).decode()
    enrolled = base64.b64encode(signatures(b"\x30\x00", der)).decode()
    lines = [f"own {encoded}", "on 1", f"enrolled {enrolled}", "builtin Debian Secure Boot CA", "password 01234567"]
    state = SecureBootState().process(lines)
    assert (state.enabled, state.own, state.own_is_enrolled, state.own_is_asked) == (True, own, True, False)
    assert state.trusts(own.name) and state.trusts("Debian Secure Boot CA") and not state.trusts("")
    asked = SecureBootState().process([f"own {encoded}", "on 1", f"asked {enrolled}"])
    assert (asked.own_is_asked, asked.own_is_enrolled, asked.trusts(own.name)) == (True, False, False)


def test_no_secure_boot_and_damaged_variables():
    assert SecureBootState().process([]) == SecureBoot()
    assert SecureBootState().process(["on 1", "enrolled !!!", "own "]) == SecureBoot(enabled=True)
    for length in range(60):
        assert signature_list(bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072") + b"\xff" * length) == []
