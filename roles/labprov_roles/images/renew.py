"""For ``labprov lock``: decide what is open, and with ``--upgrade`` anew; nothing is pulled, no host is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyinfra import host
from pyinfra.api import StringCommand

from labprov.engine.alone import alone
from labprov.errors import HostError
from labprov_roles.images import commands, pins
from labprov_roles.images.commands import Program
from labprov_roles.images.facts import ImageRoom
from labprov_roles.images.references import parse
from labprov_roles.images.settings import Settings
from labprov_roles.images.source import GitSource

_SHOWN = 19
"""Characters of a digest that tell it apart."""


def renew(settings: Settings, moving: bool, told: dict[str, str]) -> None:
    """Ask on the host in context and write the answers; ``told``: what was decided on -> what is said of it.

    What another host has told is not asked again. Raises HostError, at the end, for what could not be asked.
    """
    known = pins.read(settings.locks)
    wanted = {
        key: program
        for key, program in _questions(settings, moving)
        if key not in told and (moving or not known.of(key))
    }
    if not wanted or not host.get_fact(ImageRoom).folder:
        return  # without Docker, the first apply decides
    failed = []
    for key, program in wanted.items():
        with alone(Path(settings.locks)):
            known = pins.read(settings.locks)
            before = known.of(key)
            if before and not moving:
                continue
            done, output = host.run_shell_command(
                StringCommand(program.line), _stdin=program.text, _sudo=bool(host.data.get("_sudo"))
            )
            if not done:
                failed.append((output.stderr_lines or [f"nothing was said of {key}"])[-1].removeprefix("error: "))
                continue
            after = output.stdout_lines[-1].strip()
            pins.write(settings.locks, known.decided(key, after))
        if after != before:
            told[key] = f"images: {key}: {before[:_SHOWN] or 'open'} -> {after[:_SHOWN]}"
        else:
            told[key] = ""
    if failed:
        raise HostError("; ".join(failed))


def _questions(settings: Settings, moving: bool) -> Iterator[tuple[str, Program]]:
    for each in (parse(text) for text in settings.pull):
        if not each.digest:
            yield each.here, commands.ask_digest(each) if moving else commands.look_digest(each)
    for build in settings.build.values():
        if build.git and (key := GitSource(build, build.git).key):
            yield key, commands.find_commit(build.git, build.ref)
