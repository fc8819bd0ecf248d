"""What is done where images are declared, in order: all is decided before anything is pulled or built."""

from __future__ import annotations

from pyinfra import host, logger
from pyinfra.api import OperationError

from labprov.engine.operations import packages
from labprov.errors import LabprovError
from labprov_roles.images import commands, operations, pins, source
from labprov_roles.images.facts import ImageRoom
from labprov_roles.images.references import Reference, parse
from labprov_roles.images.settings import Settings
from labprov_roles.images.source import FolderSource, GitSource

Sources = dict[str, FolderSource | GitSource]


def bring_about(settings: Settings) -> None:
    """Decide, pull, build, and remove what is old where that is asked for."""
    wanted = [parse(text) for text in settings.pull]
    try:
        sources: Sources = {name: source.of(build) for name, build in settings.build.items()}
        pins.read(settings.locks)
    except LabprovError as error:
        raise OperationError(str(error)) from None
    for each in wanted:
        if each.moves:
            logger.warning(
                f"{each.here}: 'latest' is no version: nobody can tell from it what people get, and it only moves with "
                "the lock; name a version"
            )
    _decide(settings, wanted, sources)
    names = declared(settings, wanted)
    if settings.prune:
        operations.prune(name="Make room: remove images that this role brought and nobody uses", declared=names)
    for each in wanted:
        due = not operations.is_there(each, operations.decided(each, settings.locks, names), names)
        operations.pull(
            name=f"Pull {each.here}{_costs(settings.pull_timeout) if due else ''}",
            reference=each,
            locks=settings.locks,
            declared=names,
            least=settings.min_free_gb,
            _timeout=settings.pull_timeout,
        )
    for name, each_source in sources.items():
        operations.build(
            name=f"Build {settings.tag_of(name)} when its content changed (within {_time(settings.build_timeout)})",
            tag=settings.tag_of(name),
            source=each_source,
            locks=settings.locks,
            declared=names,
            least=settings.min_free_gb,
            mode="600",
            _timeout=settings.build_timeout,
        )
    if settings.prune:
        operations.prune(name="Remove images that this role brought and nobody uses any more", declared=names)


def declared(settings: Settings, wanted: list[Reference]) -> tuple[str, ...]:
    """Every name under which a declared image is on a server."""
    return (*(each.here for each in wanted), *(settings.tag_of(name) for name in settings.build))


def _decide(settings: Settings, wanted: list[Reference], sources: Sources) -> None:
    repositories = [each for each in sources.values() if isinstance(each, GitSource)]
    tools = (["curl"] if any(not each.digest for each in wanted) else []) + (["git"] if repositories else [])
    if tools:
        packages.install(name=f"Install {' and '.join(tools)}, to ask registries and repositories", packages=tools)
    for each in wanted:
        if not each.digest:
            operations.decide(
                name=f"Decide what {each.here} is",
                key=each.here,
                program=commands.find_digest(each),
                locks=settings.locks,
                within=settings.pull_timeout,
            )
    for repository in repositories:
        if repository.key:
            operations.decide(
                name=f"Decide what {repository.key} is",
                key=repository.key,
                program=commands.find_commit(repository.url, repository.build.ref),
                locks=settings.locks,
                within=settings.pull_timeout,
            )


def _costs(timeout: int) -> str:
    room = host.get_fact(ImageRoom)
    return f" (within {_time(timeout)}{f'; {room}' if room.folder else ''})"


def _time(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"
