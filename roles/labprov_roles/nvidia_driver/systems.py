"""What differs between distributions for the driver. Pure: names and paths; installs nothing.

Which packages make up a driver, ``labprov.compat.packages`` says. Sources: Debian's and Ubuntu's dkms 3.0
(``prepare_signing``), update-initramfs(8), dracut(8), NVIDIA's installation guide r590.
"""

from __future__ import annotations

from dataclasses import dataclass

from labprov.compat.rows import Flavour
from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES, RPM_DRIVER_PACKAGES


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a distribution does what the driver needs."""

    packages: tuple[str, ...]
    """Every package that must change together with the kernel module, as patterns."""
    initramfs: str
    """The image of a kernel, ``{}`` standing for its release."""
    rebuild: tuple[str, ...]
    """What rebuilds it; the release follows."""
    certificate: str
    """DER: with it DKMS signs what it builds."""
    key: str
    """Its private key."""
    kernels: str
    """Packages of kernels, as a pattern; what follows ``linux-image-`` names the headers. Empty: they have one name."""
    module_stream: bool = False
    """Whether a module stream of dnf keeps the branch."""
    release: str = ""
    """The distribution's own archive, as apt's preferences name it."""


CERTIFICATES = ("/var/lib/dkms/mok.pub", "/var/lib/shim-signed/mok/MOK.der")
"""Where DKMS has its certificate: everywhere, and on Ubuntu."""


def distribution(system: System) -> Distribution:
    """How ``system`` does it. Raises HostError for a family that is not known."""
    if system.family == "debian":
        ubuntu = system.id == "ubuntu"
        mok = "/var/lib/shim-signed/mok/MOK" if ubuntu else "/var/lib/dkms/mok"
        # Backports are left out: what a server has of them, somebody chose.
        # Ubuntu's pockets have one codename and differ by archive, Debian's the other way round.
        origin = "o=Ubuntu, a" if ubuntu else "o=Debian, n"
        release = f"{origin}=/^{system.codename}(-security|-updates)?$/"
        return Distribution(
            packages=DRIVER_PACKAGES,
            initramfs="/boot/initrd.img-{}",
            rebuild=("update-initramfs", "-u", "-k"),
            certificate=CERTIFICATES[ubuntu],
            key=f"{mok}.priv" if ubuntu else f"{mok}.key",
            kernels="linux-image-*",
            release=f"release {release}",
        )
    if system.family == "rhel":
        return Distribution(
            packages=RPM_DRIVER_PACKAGES,
            initramfs="/boot/initramfs-{}.img",
            rebuild=("dracut", "--force", "--kver"),
            certificate=CERTIFICATES[0],
            key="/var/lib/dkms/mok.key",
            kernels="",
            module_stream=system.version.partition(".")[0] in ("8", "9"),
        )
    raise HostError(f"this role knows no driver packages for {system.id} {system.version}")


def signed_modules(branch: int, flavour: Flavour) -> str:
    """How the packages of Ubuntu's signed modules begin; a kernel's release follows."""
    return f"linux-modules-nvidia-{branch}-server{'-open' if flavour == 'open' else ''}-"
