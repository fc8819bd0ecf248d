"""Decide, pull, build and remove images. Shell text is in ``commands``; what was decided, in ``pins``."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from io import BytesIO
from pathlib import Path

from pyinfra import host, logger
from pyinfra.api import Host, OperationError, State, StringCommand, operation
from pyinfra.api.command import FileUploadCommand, FunctionCommand

from labprov.engine.alone import alone
from labprov.errors import LabprovError
from labprov_roles.images import commands, pins
from labprov_roles.images.commands import Program
from labprov_roles.images.facts import BroughtImages, Image, ImageRoom, Images, Room
from labprov_roles.images.references import Reference
from labprov_roles.images.source import FolderSource, GitSource

Commands = Generator[StringCommand | FunctionCommand | FileUploadCommand, None, None]

GIGABYTE = 10**9


@operation()
def decide(key: str, program: Program, locks: str, within: int) -> Commands:
    """Have a decision on the controller of what a tag or a git reference means: made on this host, or found there.

    + key: what is decided on
    + program: prints it, on the host
    + locks: the folder on the controller
    + within: seconds
    """
    if value := pins.read(locks).of(key):
        host.noop(f"{pins.NAME} says {value}")
        return
    yield FunctionCommand(decide_what_it_means, [key, program, locks, within], {})


def decide_what_it_means(state: State, host: Host, key: str, program: Program, locks: str, within: int) -> bool:
    """Ask on the host and keep its answer; one host at a time decides, the others use what it found."""
    try:
        with alone(Path(locks)):
            return bool(pins.read(locks).of(key)) or _decided(host, key, program, locks, within)
    except LabprovError as error:
        logger.warning(f"error: {error}")
        return False


def _decided(host: Host, key: str, program: Program, locks: str, within: int) -> bool:
    sudo = bool(host.data.get("_sudo"))  # under plain pyinfra; labprov's own connection is root's
    line = StringCommand(program.line)
    done, output = host.run_shell_command(line, _stdin=program.text, _sudo=sudo, _timeout=within)
    if not done:
        logger.warning((output.stderr_lines or [f"error: nothing was said of {key}"])[-1])
        return False
    pins.write(locks, pins.read(locks).decided(key, output.stdout_lines[-1].strip()))
    return True


@operation()
def pull(reference: Reference, locks: str, declared: Sequence[str], least: int) -> Commands:
    """Have an image with exactly the content that was decided on, under its name.

    + reference: the image
    + locks: the folder on the controller
    + declared: names of all images (they are looked at together)
    + least: gigabytes that must be free
    """
    digest = decided(reference, locks, declared)
    if is_there(reference, digest, declared):
        host.noop(f"{reference.here} is {digest[:19]}")
        return
    _room(least)
    yield _run(commands.pull(reference, digest))


@operation()
def build(
    tag: str, source: FolderSource | GitSource, locks: str, declared: Sequence[str], least: int, mode: str
) -> Commands:
    """Have an image that was built from what is declared now; when the build fails, the old one keeps its name.

    + tag: what it is called
    + source: what it is built from
    + locks: the folder on the controller
    + declared: names of all images
    + least: gigabytes that must be free
    + mode: of the folder's archive while it is on the host
    """
    del mode  # labprov's upload looks it up
    content = source.content(locks)
    if content and _found(declared).get(tag, Image("")).content == content:
        host.noop(f"{tag} was built from that")
        return
    _room(least)
    how = source.build
    if isinstance(source, FolderSource):
        path = f"{commands.FOLDER}/build-{content[:16]}.tar"
        yield StringCommand(f"mkdir -p {commands.FOLDER}")
        yield FileUploadCommand(BytesIO(source.archive), path)
        yield _run(commands.build_archive(path, tag, content, how.dockerfile, how.args))
    else:
        commit = source.commit(locks) or "COMMIT"  # in a plan, not decided yet
        yield _run(commands.build_commit(source.url, commit, tag, content or "CONTENT", how.dockerfile, how.args))


@operation()
def prune(declared: Sequence[str]) -> Commands:
    """Remove images that this role brought, that are no longer declared, and that nobody uses.

    + declared: names of all images, with their digests
    """
    old = host.get_fact(BroughtImages).without(declared)
    for image in old:
        yield StringCommand(commands.remove(image.id, image.names))
    if not old:
        host.noop("none of them is left over")


def decided(reference: Reference, locks: str, declared: Sequence[str]) -> str:
    """The digest that the image is to have; in a plan, where none was decided on yet, that of the image that is here.

    Empty: none is known.
    """
    known = reference.digest or pins.read(locks).of(reference.here)
    here = _found(declared).get(reference.here, Image("")).names
    before = f"{reference.name}@"
    return known or next((name.removeprefix(before) for name in sorted(here) if name.startswith(before)), "")


def is_there(reference: Reference, digest: str, declared: Sequence[str]) -> bool:
    """Whether the host has the image under its name with that content."""
    found = _found(declared).get(reference.here)
    return bool(digest) and found is not None and reference.at(digest) in found.names


def _found(declared: Sequence[str]) -> dict[str, Image]:
    found: dict[str, Image] = host.get_fact(Images, names=tuple(declared))
    return found


def _run(program: Program) -> StringCommand:
    return StringCommand(program.line, _stdin=program.text)


def _room(least: int) -> None:
    room: Room = host.get_fact(ImageRoom)
    if room.folder and room.free < least * GIGABYTE:
        raise OperationError(
            f"only {room}, and images.min_free_gb is {least}: free some ('docker system df' says what takes it), "
            "or let images.prune remove what this role brought and nobody uses"
        )
