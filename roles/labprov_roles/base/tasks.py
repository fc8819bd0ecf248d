"""The base role's operations, in order."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from pyinfra import host
from pyinfra.api import deploy
from pyinfra.operations import files, systemd

from labprov.engine.facts.system import Container, OperatingSystem, Virtualization
from labprov.engine.operations import packages
from labprov.engine.operations.manager import package_manager
from labprov_roles import epel
from labprov_roles.base import archives, mirroring
from labprov_roles.base.operations import check_time_servers, default_locale, packaged_locale, time_zone
from labprov_roles.base.settings import Settings
from labprov_roles.base.systems import (
    Platform,
    TimeDaemon,
    locale_packages,
    lock_text,
    platform,
    time_daemon,
    tools,
)


@deploy("Base")
def tasks(settings: Settings) -> None:
    """Install the everyday tools, make apt patient, keep the clock right."""
    here = host.get_fact(OperatingSystem)
    system = platform(here)
    wanted = tools(system, settings)
    daemon = _daemon(system, settings)
    agent = system.guest_agents.get(host.get_fact(Virtualization)) if settings.guest_agent else None
    if settings.ntp:
        check_time_servers(
            name="Check that the time servers can be set",
            daemon=daemon.package,
            servers=settings.ntp_servers,
            settable=daemon.servers_file is not None,
        )
    if system.lock_file:
        _patience(system.lock_file, settings.apt_lock_timeout)
    wanted_mirrors = archives.of_system(here, settings.mirrors)
    mirroring.archive(name="Have the distribution's packages come from the mirror named", wanted=wanted_mirrors)
    mirroring.pip_index(name="Have everybody's pip use the index named", url=settings.mirrors.pip)
    if settings.epel and system.in_epel:
        epel.add(here, settings.mirrors.epel)
    # All in one go: each start of apt takes a second, however little it has to do.
    packages.install(
        name="Install the everyday tools and services",
        packages=list(dict.fromkeys((*wanted, *_needed(system, settings, daemon, agent)))),
    )
    if settings.timezone:
        time_zone(name="Set the time zone", timezone=settings.timezone)
    if settings.locale:
        set_default = default_locale if system.generates_locales else packaged_locale
        set_default(name="Set the default locale", locale=settings.locale)
    if settings.ntp:
        _keep_time(daemon, settings)


def _patience(path: str, seconds: int) -> None:
    text = StringIO(lock_text(seconds))
    files.put(name="Let apt wait for its lock", src=text, dest=path, mode="644", user="root", group="root")


def _needed(system: Platform, settings: Settings, daemon: TimeDaemon, agent: str | None) -> Iterator[str]:
    """Packages of time zones, locales, the clock and the virtual machine's guest agent, where they are wanted."""
    if settings.timezone:
        yield "tzdata"
    if settings.locale:
        yield from locale_packages(system, settings.locale)
    if settings.ntp:
        yield daemon.package
    if agent:
        yield agent


def _daemon(system: Platform, settings: Settings) -> TimeDaemon:
    """Which program keeps the time; asked before the first operation, so that plan and apply agree."""
    candidates = tuple(daemon.package for daemon in system.time_daemons)
    return time_daemon(system, {*settings.wanted, *package_manager().installed(candidates)})


def _keep_time(daemon: TimeDaemon, settings: Settings) -> None:
    if daemon.include and settings.ntp_servers:
        path, line = daemon.include
        files.line(
            name="Have time servers read from a folder",
            path=path,
            line=line,
            escape_regex_characters=True,
            ensure_newline=True,
        )
    if daemon.servers_file and settings.ntp_servers:
        text = StringIO(daemon.servers_text(settings.ntp_servers))
        named = files.put(
            name="Name the time servers", src=text, dest=daemon.servers_file, mode="644", user="root", group="root"
        )
    elif daemon.servers_file:
        named = files.file(name="Use the distribution's time servers", path=daemon.servers_file, present=False)
    # A container's clock is its machine's: the units have conditions that never hold there (CAP_SYS_TIME, no
    # container), and starting one would "change" something at every apply.
    running = None if host.get_fact(Container) else True
    systemd.service(name="Keep the clock right from now on", service=daemon.service, enabled=True, running=running)
    if daemon.servers_file:
        systemd.service(
            name="Ask the new time servers",
            service=daemon.service,
            running=None,
            restarted=True,
            _if=named.did_change,
        )
