"""The NVIDIA Container Toolkit's packages, as simulations. Not the engine that uses them.

What works: CDI (``nvidia-ctk cdi generate|list``, the refresh units), ``--runtime=nvidia`` and ``--gpus``. What does
not, and says so: ``nvidia-ctk runtime configure``.
"""

from __future__ import annotations

from pathlib import Path

from labprov.sandbox.mirror.package import File, Link, Package
from labprov.sandbox.mirror.scripts import shell, with_units

FILES = Path(__file__).parent / "files/toolkit"
_UNITS = "/usr/lib/systemd/system"
_REFRESH = ("nvidia-cdi-refresh.path", "nvidia-cdi-refresh.service")

_CONFIGURE = """
if [ "$1" = configure ] && [ ! -e /etc/nvidia-container-runtime/config.toml ]; then
    mkdir -p /etc/nvidia-container-runtime
    cp /usr/share/nvidia-container-toolkit/config.toml /etc/nvidia-container-runtime/config.toml
fi
"""


def packages(version: str) -> list[Package]:
    """Return the four packages of one toolkit version, such as ``1.20.0-1``."""
    same = f"(= {version})"
    return [
        Package(
            "nvidia-container-toolkit",
            version,
            "NVIDIA Container toolkit",
            {"Depends": f"nvidia-container-toolkit-base {same}, libnvidia-container-tools {same}"},
            {"/usr/bin/nvidia-container-runtime-hook": _program("nvidia-container-runtime-hook", version)},
        ),
        _base(version),
        Package(
            "libnvidia-container-tools",
            version,
            "NVIDIA container runtime library (command-line tools)",
            {"Depends": f"libnvidia-container1 {same}"},
            {"/usr/bin/nvidia-container-cli": _program("nvidia-container-cli", version)},
        ),
        Package("libnvidia-container1", version, "NVIDIA container runtime library"),
    ]


def _base(version: str) -> Package:
    programs = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-cdi-hook")
    files: dict[str, File | Link] = {f"/usr/bin/{name}": _program(name, version) for name in programs}
    files["/usr/lib/nvidia-container-toolkit/labprov-injection"] = File(FILES / "labprov-injection")
    files["/usr/share/nvidia-container-toolkit/config.toml"] = File(FILES / "config.toml")
    relations = {"Depends": "libc6 (>= 2.34)"}
    if _number(version) < (1, 18):  # the refresh units came with 1.18
        scripts = {"postinst": shell(_CONFIGURE)}
    else:
        files |= {f"{_UNITS}/{unit}": File(FILES / unit) for unit in _REFRESH}
        scripts = with_units(_REFRESH, {"postinst": _CONFIGURE})
    return Package("nvidia-container-toolkit-base", version, "NVIDIA Container Toolkit Base", relations, files, scripts)


def _program(name: str, version: str) -> File:
    text = (FILES / name).read_text().replace("@VERSION@", version.split("-")[0])
    return File(text.encode(), 0o755)


def _number(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
