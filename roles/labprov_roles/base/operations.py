"""The time zone, the default locale, and the refusal to name time servers to a program that labprov leaves alone."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra import host
from pyinfra.api import OperationError, QuoteString, StringCommand, operation

from labprov.engine.operations import Commands
from labprov_roles.base.facts import Locales, SystemLocale, TimeZones

LOCALE_GEN = "/etc/locale.gen"


@operation()
def time_zone(timezone: str) -> Commands:
    """Set the time zone.

    + timezone: like ``Europe/Berlin``

    Debian 12's timedatectl leaves /etc/timezone as it was; programs that find two different zones refuse to start
    (Python's tzlocal does).
    """
    named: list[str] = host.get_fact(TimeZones)
    if set(named) == {timezone}:
        host.noop(f"the time zone is {timezone}")
        return
    yield StringCommand("timedatectl", "set-timezone", QuoteString(timezone))
    yield StringCommand("[ ! -e /etc/timezone ] || printf '%s\\n'", QuoteString(timezone), "> /etc/timezone")


@operation()
def default_locale(locale: str) -> Commands:
    """Generate a UTF-8 locale and make it the language of new sessions.

    + locale: like ``en_GB.UTF-8``
    """
    state = host.get_fact(Locales)
    generated = locale.replace("UTF-8", "utf8") in state.generated
    if generated and state.default == locale:
        host.noop(f"the default locale is {locale}")
        return
    if not generated:
        line = QuoteString(f"{locale} UTF-8")
        yield StringCommand("grep -qxF", line, LOCALE_GEN, "|| printf '%s\\n'", line, ">>", LOCALE_GEN)
        yield StringCommand("locale-gen")
    yield StringCommand("update-locale", QuoteString(f"LANG={locale}"))


@operation()
def packaged_locale(locale: str) -> Commands:
    """Make a locale, which a package has brought, the language of new sessions.

    + locale: like ``en_GB.UTF-8``
    """
    if host.get_fact(SystemLocale) == locale:
        host.noop(f"the default locale is {locale}")
        return
    yield StringCommand("localectl", "set-locale", QuoteString(f"LANG={locale}"))


@operation()
def check_time_servers(daemon: str, servers: Sequence[str], settable: bool) -> Commands:
    """Fail when servers are named for a program whose configuration is its admin's own; never changes anything.

    + daemon: the program that keeps the time
    + servers: what the inventory names
    + settable: whether labprov can tell it servers
    """
    if servers and not settable:
        raise OperationError(
            f"{daemon} keeps the time here and labprov leaves its configuration alone: "
            f"name the servers there and leave ntp_servers empty, or remove {daemon}"
        )
    host.noop("the time servers can be set" if servers else "no time servers are named")
    yield from ()
