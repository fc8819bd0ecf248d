"""The names of driver packages on Debian's family, and apt preferences made of them. Pure; installs nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

DRIVER_PACKAGES = (
    "cuda-drivers",
    "cuda-drivers-[0-9]*",
    "firmware-nvidia-gsp*",
    "libcuda1",
    "libcudadebugger1",
    "libegl-nvidia*",
    "libgl1-nvidia*",
    "libgles-nvidia*",
    "libgles[12]-nvidia*",
    "libglx-nvidia*",
    "libnvcuvid1",
    # not libnvidia-container*, which is the container toolkit's, and not libnvidia-egl-*, which has versions of its own
    "libnvidia-[abdf-z]*",
    "libnvidia-cfg1",
    "libnvidia-compiler*",
    "libnvidia-eglcore*",
    "libnvidia-encode1",
    "libnvoptix1",
    "libnvsdm*",
    "nvidia-alternative",
    "nvidia-driver*",
    "nvidia-egl-*",
    "nvidia-fabricmanager*",
    "nvidia-firmware*",
    "nvidia-imex*",
    "nvidia-kernel-dkms",
    "nvidia-kernel-open-dkms",
    "nvidia-kernel-source*",
    "nvidia-kernel-support",
    "nvidia-legacy-*",
    "nvidia-modprobe",
    "nvidia-open",
    "nvidia-open-[0-9]*",
    "nvidia-open-kernel-*",
    "nvidia-opencl-*",
    "nvidia-persistenced",
    "nvidia-settings",
    "nvidia-smi",
    "nvidia-suspend-common",
    "nvidia-tesla-*",
    "nvidia-vdpau-driver",
    "nvidia-vulkan-*",
    "nvidia-xconfig",
    "xserver-xorg-video-nvidia*",
)
"""Every package that must change together with the kernel module, as shell patterns (for dpkg, apt and fnmatch)."""

MARKERS = (
    "cuda-drivers",
    "libcuda1",
    "libnvidia-ml1",
    "nvidia-*kernel-dkms",
    "nvidia-alternative",
    "nvidia-driver",
    "nvidia-driver-cuda",
    "nvidia-kernel-open-dkms",
    "nvidia-kernel-support",
    "nvidia-legacy-*driver",
    "nvidia-open",
    "nvidia-smi",
)
"""Packages whose presence means that a driver is installed from packages."""

REPOSITORY_LABEL = "NVIDIA CUDA"
"""The label of NVIDIA's repositories, which its own keyring package pins by; a mirror keeps it."""


def branch_pin(branch: int, version: str | None) -> str:
    """Preferences that keep NVIDIA's driver packages at a branch or a version.

    As in NVIDIA's version locking guide, by source package; the names are there for packages that are built from a
    source of another name. Above 1000, so that a change to an older branch takes the dependencies along.
    """
    pattern = f"{version}-*" if version else f"{branch}.*"
    return _stanza(("src:*nvidia*:any", "src:cuda-drivers*:any", *DRIVER_PACKAGES), f"version {pattern}", 1001)


def no_drivers_pin() -> str:
    """Preferences by which NVIDIA's repository gives no driver that nothing else asked for.

    Without them an upgrade would replace the distribution's driver by the repository's, which has a higher version.
    """
    return _stanza(DRIVER_PACKAGES, f"release l={REPOSITORY_LABEL}", -1)


def _stanza(packages: Sequence[str], pin: str, priority: int) -> str:
    names = textwrap.fill(" ".join(packages), 100, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False)
    return f"Package:\n{names}\nPin: {pin}\nPin-Priority: {priority}\n"
