"""Running ``vagrant`` in the folder of a Vagrantfile; whatever it complains of becomes one line. Keeps nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from labprov.errors import UserError, Where
from labprov.vagrant import output
from labprov.vagrant.output import Machine, Way

_INSTALL = "install it: apt-get install vagrant vagrant-libvirt libvirt-daemon-system, or see vagrantup.com"
_SECONDS = 120


class Vagrant:
    """Vagrant, in ``folder``; ``where`` is the place that named the folder. Every method may raise UserError."""

    def __init__(self, folder: Path, where: Where) -> None:
        self.folder, self.where = folder, where

    def machines(self) -> dict[str, Machine]:
        """Every machine of the Vagrantfile and its state."""
        return output.machines(self._run("status", "--machine-readable"))

    def ways(self, names: Iterable[str]) -> dict[str, Way]:
        """How the machines called ``names``, which run, are reached."""
        wanted = list(names)
        try:
            return output.ways(self._run("ssh-config", *wanted)) if wanted else {}
        except ValueError as error:
            raise UserError(f"{error}", self.where, "labprov needs machines that it can connect to") from None

    def _run(self, *words: str) -> str:
        if not (self.folder / "Vagrantfile").is_file():
            raise UserError(f"there is no Vagrantfile in {self.folder}", self.where)
        program = shutil.which("vagrant")
        if program is None:
            raise UserError("Vagrant is not installed here", self.where, _INSTALL)
        try:
            done = subprocess.run(
                [program, *words],
                cwd=self.folder,
                env=dict(os.environ) | {"VAGRANT_CWD": str(self.folder), "VAGRANT_CHECKPOINT_DISABLE": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"vagrant {words[0]} cannot be run: {error}", self.where) from None
        if done.returncode:
            said = output.problem(done.stdout) or output.one_line(done.stderr) or f"exit code {done.returncode}"
            raise UserError(f"vagrant {words[0]}: {said}"[:400], self.where, _hint(said))
        return done.stdout


def _hint(said: str) -> str:
    """What to do about a complaint that is not clear by itself."""
    if "provider" in said and ("could not be found" in said or "No usable default provider" in said):
        return (
            "install that provider (vagrant plugin install vagrant-libvirt), or name another: VAGRANT_DEFAULT_PROVIDER"
        )
    return ""
