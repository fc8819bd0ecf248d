"""apt preferences that keep driver packages where they belong. Pure; installs nothing.

Every pattern here is compared with every package that apt knows, each time anybody starts apt: 20 to 40 ms of each with
Debian's 70,000 packages (``apt-cache policy vim``, with and without). Names cost nothing, so most of it is names.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from labprov_roles.nvidia_driver.names import DRIVER_PACKAGES

REPOSITORY_LABEL = "NVIDIA CUDA"
"""The label of NVIDIA's repositories, which its own keyring package pins by; a mirror keeps it."""

# Debian's of 12 and 13 (its archive, 2026-11-22), NVIDIA's for Debian, and NVIDIA's for Ubuntu from 590 on, which have
# no branch in their names any more (repos.yml). Those that DRIVER_PACKAGES names in full are added.
_MORE = """
firmware-nvidia-gsp libegl-nvidia0 libgl1-nvidia-glvnd-glx libgles-nvidia1 libgles-nvidia2 libglx-nvidia0
libnvidia-cfg1 libnvidia-common libnvidia-compiler libnvidia-compute libnvidia-eglcore libnvidia-encode
libnvidia-encode1 libnvidia-extra libnvidia-ml1 libnvsdm libnvsdm1 nvidia-compute-utils nvidia-dkms nvidia-dkms-open
nvidia-driver nvidia-driver-assistant nvidia-driver-bin nvidia-driver-cuda nvidia-driver-full nvidia-driver-libs
nvidia-driver-open nvidia-egl-common nvidia-egl-icd nvidia-fabricmanager nvidia-fabricmanager-dev nvidia-firmware
nvidia-headless nvidia-headless-no-dkms nvidia-headless-no-dkms-open nvidia-headless-open nvidia-imex
nvidia-kernel-common nvidia-kernel-source nvidia-kernel-source-open nvidia-legacy-check nvidia-open-kernel-dkms
nvidia-open-kernel-source nvidia-open-kernel-support nvidia-opencl-common nvidia-opencl-icd nvidia-tesla-driver
nvidia-utils nvidia-vulkan-common nvidia-vulkan-icd xserver-xorg-video-nvidia
"""
NAMES = tuple(sorted({*_MORE.split(), *(name for name in DRIVER_PACKAGES if not set(name) & {*"*?["})}))
"""Driver packages by their full names."""

PATTERNS = ("libnvidia-[abdf-ln-z]*", "libnvidia-*-[3-9][0-9][0-9]*", "nvidia-*-[3-9][0-9][0-9]*")
"""The rest of them: libraries that a new branch brings along, and what has a branch in its name."""


def branch_pin(branch: int, version: str | None) -> str:
    """Preferences that keep NVIDIA's driver packages at a branch or a version.

    As in NVIDIA's version locking guide, by source package; the names are there for packages that are built from a
    source of another name. Above 1000, so that a change to an older branch takes the dependencies along.
    """
    pattern = f"{version}-*" if version else f"{branch}.*"
    names = sorted({*NAMES, f"cuda-drivers-{branch}", f"nvidia-open-{branch}"})
    return _stanza(("src:*nvidia*:any", *names), f"version {pattern}", 1001)


def release_pin(release: str) -> str:
    """Preferences by which driver packages come from the distribution's own archive (``release n=trixie, ...``).

    Above 1000, so that a change from NVIDIA's repository takes the dependencies along, whose versions are higher there.
    """
    return _stanza((*NAMES, *PATTERNS), release, 1001)


def no_drivers_pin() -> str:
    """Preferences by which NVIDIA's repository gives no driver that nothing else asked for.

    Without them an upgrade would replace the distribution's driver by the repository's, which has a higher version.
    """
    return _stanza((*NAMES, *PATTERNS), f"release l={REPOSITORY_LABEL}", -1)


def _stanza(packages: Sequence[str], pin: str, priority: int) -> str:
    names = textwrap.fill(" ".join(packages), 100, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False)
    return f"Package:\n{names}\nPin: {pin}\nPin-Priority: {priority}\n"
