"""The kernel settings of this machine that a sandbox needs: raised while there is one, put back with the last.

What they were before is kept under ``/run``: it is only true until this machine is restarted, as the settings are.
One process at a time reads and changes them: sandboxes come and go beside each other.
"""

from __future__ import annotations

from pathlib import Path

from labprov.errors import HostError
from labprov.sandbox.places import CACHE, RUNTIME, STATE
from labprov.sandbox.shell import locked, write

NEEDED = {"net/ipv4/ip_forward": 1, "fs/inotify/max_user_instances": 2048}
"""The least value of each. Every node's systemd takes inotify instances of root's, and 128 last for about ten nodes."""

_KERNEL = Path("/proc/sys")
_LOCK = CACHE / ".settings.lock"  # no sandbox can have this name


def ensure() -> None:
    """Raise each setting that is too low, remembering how it was; HostError when the kernel does not let us forward."""
    with locked(_LOCK):
        for name, least in NEEDED.items():
            _raise(name, least)


def _raise(name: str, least: int) -> None:
    file = _KERNEL / name
    if int(before := file.read_text()) >= least:
        return
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
    with locked(_LOCK):
        return [] if any(folder.name != name for folder in STATE.glob("*")) else _restore()


def _restore() -> list[str]:
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
