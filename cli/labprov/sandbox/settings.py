"""The kernel settings of this machine that a sandbox needs: raised while there is one, put back with the last.

What they were before is kept under ``/run``: it is only true until this machine is restarted, as the settings are.
"""

from __future__ import annotations

from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.places import RUNTIME, STATE
from labprov.sandbox.shell import write

NEEDED = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 2048}
"""The least value of each. Every node's systemd takes inotify instances of root's, and 128 last for about ten nodes."""

_KERNEL = Path("/proc/sys")


def ensure() -> None:
    """Raise each setting that is too low, remembering how it was; HostError when the kernel does not let us forward."""
    for name, least in NEEDED.items():
        file = _KERNEL / name
        if int(before := file.read_text()) >= least:
            continue
        if not (remembered := _remembered(name)).exists():
            write(remembered, before)
        try:
            file.write_text(f"{least}\n")
        except OSError as error:
            remembered.unlink()
            if name == "net/ipv4/ip_forward":
                raise HostError(f"{file} cannot be set: {error.strerror}") from error


def put_back(name: str) -> list[str]:
    """Put each setting back as it was, unless a sandbox other than ``name`` is there; give what was put back."""
    if any(folder.name != name for folder in STATE.glob("*")):
        return []
    restored = []
    for setting in NEEDED:
        if (remembered := _remembered(setting)).exists():
            (_KERNEL / setting).write_text(remembered.read_text())
            remembered.unlink()
            restored.append(f"kernel setting {setting.replace('/', '.')}")
    if RUNTIME.is_dir() and not any(RUNTIME.iterdir()):
        RUNTIME.rmdir()
    return restored


def _remembered(setting: str) -> Path:
    return RUNTIME / setting.rpartition("/")[2]
