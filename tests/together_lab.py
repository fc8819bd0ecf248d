"""Questions asked together and alone, by this machine's own shell."""

from __future__ import annotations

import re
import subprocess

from pyinfra.api import StringCommand

from labprov.engine.batch import Completed
from labprov.engine.facts.packages import HeldPackages, InstalledPackages
from labprov.engine.operations.repository import KeyFingerprints
from labprov.engine.together import together
from labprov_roles.nvidia_driver.facts_packages import DriverPackages


def text(command: str | StringCommand) -> str:
    return command if isinstance(command, str) else command.get_raw_value()


def shell(command: str) -> Completed:
    """Without the time of the last reading, which a digest changes."""
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    return Completed(done.returncode, re.sub(rb"atime=\d+", b"atime=1", done.stdout), done.stderr)


def answers(commands: list[str]) -> dict[str, Completed]:
    found: dict[str, Completed] = {}
    for question in together(commands):
        found.update(question.answers(shell(question.command)))
    return found


def installed(*names: str) -> str:
    return text(InstalledPackages().command(names))


def drivers(*names: str) -> str:
    return text(DriverPackages().command(names))


def held() -> str:
    return HeldPackages().command()


def fingerprints(path: object) -> str:
    return KeyFingerprints().command(str(path))
