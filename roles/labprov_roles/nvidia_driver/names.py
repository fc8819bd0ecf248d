"""The names of driver packages. Pure; installs nothing."""

from __future__ import annotations

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
    # not libnvidia-container*, which is the container toolkit's, not libnvidia-egl-*, which has versions of its own,
    # and not libnvidia-ml-dev and nvidia-opencl-dev, which come with Debian's CUDA toolkit
    "libnvidia-[abdf-ln-z]*",
    "libnvidia-cfg1*",
    "libnvidia-com[mp]*",
    "libnvidia-eglcore*",
    "libnvidia-encode*",
    "libnvidia-extra*",
    "libnvidia-ml1*",
    "libnvoptix1",
    "libnvsdm*",
    "nvidia-alternative",
    "nvidia-compute-utils*",
    "nvidia-dkms*",
    "nvidia-driver*",
    "nvidia-egl-*",
    "nvidia-fabricmanager*",
    "nvidia-firmware*",
    "nvidia-headless*",
    "nvidia-imex*",
    "nvidia-kernel-common*",
    "nvidia-kernel-dkms",
    "nvidia-kernel-open-dkms",
    "nvidia-kernel-source*",
    "nvidia-kernel-support",
    "nvidia-legacy-*",
    "nvidia-modprobe",
    "nvidia-open",
    "nvidia-open-[0-9]*",
    "nvidia-open-kernel-*",
    "nvidia-opencl-common*",
    "nvidia-opencl-icd*",
    "nvidia-persistenced",
    "nvidia-settings",
    "nvidia-smi",
    "nvidia-suspend-common",
    "nvidia-tesla-*",
    "nvidia-utils*",
    "nvidia-vdpau-driver",
    "nvidia-vulkan-*",
    "nvidia-xconfig",
    "xserver-xorg-video-nvidia*",
)
"""Every package that must change together with the kernel module, as shell patterns (for dpkg, apt and fnmatch)."""

MODULE_PACKAGES = ("linux-modules-nvidia-*", "linux-objects-nvidia-*", "linux-signatures-nvidia-*")
"""Ubuntu's signed modules. They go with a flavour or a branch, but are never held: new kernels bring theirs."""

RPM_DRIVER_PACKAGES = (
    "kmod-nvidia*",
    "libnvidia-cfg",
    "libnvidia-fbc",
    "libnvidia-gpucomp",
    "libnvidia-ml",
    "nvidia-driver*",
    "nvidia-fabric-manager*",
    "nvidia-fabricmanager*",
    "nvidia-imex*",
    "nvidia-kmod-common",
    "nvidia-libXNVCtrl*",
    "nvidia-modprobe",
    "nvidia-open",
    "nvidia-persistenced",
    "nvidia-settings",
    "nvidia-xconfig",
)
"""The same for NVIDIA's rpm repositories."""

RPM_MARKERS = ("kmod-nvidia-*", "nvidia-driver", "nvidia-driver-cuda", "nvidia-open")
RPMFUSION = ("akmod-nvidia*", "kmod-nvidia-[0-9]*", "xorg-x11-drv-nvidia*")
"""Packages of RPM Fusion: the nearest thing to a distribution's own driver."""

MARKERS = (
    "cuda-drivers",
    "libcuda1",
    "libnvidia-ml1",
    "nvidia-*kernel-dkms",
    "nvidia-alternative",
    "nvidia-driver",
    "nvidia-dkms-*",
    "nvidia-driver-cuda",
    "nvidia-headless-*",
    "nvidia-kernel-open-dkms",
    "nvidia-kernel-support",
    "nvidia-legacy-*driver",
    "nvidia-open",
    "nvidia-smi",
    "nvidia-tesla-*kernel-dkms",
    "nvidia-utils-*",
)
"""Packages whose presence means that a driver is installed from packages."""
