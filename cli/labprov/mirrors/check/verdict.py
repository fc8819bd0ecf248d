"""What a measurement means, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from labprov.mirrors.check.probing import DNS, REFUSED, TIMEOUT, TLS, Fetched
from labprov.mirrors.check.targets import Target


class Verdict(StrEnum):
    """How a mirror does."""

    FINE = "fine"
    STALE = "stale"
    DOWN = "down"
    FORBIDDEN = "forbidden"
    MISSING = "not offered"
    TLS = "tls"
    UNMEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Result:
    """One mirror as one host sees it."""

    key: str
    url: str
    by: str
    """``inventory``, ``vendor``, or a preset's name."""
    counts: bool
    """Whether somebody chose it for this host: then it fails the command."""
    verdict: Verdict
    why: str = ""
    advice: str = ""
    first_byte_ms: float | None = None
    mb_per_s: float | None = None
    measured_bytes: int = 0
    """What the speed was measured on."""
    age_days: float | None = None
    """Of the index; None: it does not say."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the command line says."""

    now: datetime
    max_age: int | None = None
    """Days; None: each kind's own."""
    slow: int = 4096
    """Bytes below which a speed says nothing."""


def judge(target: Target, index: Fetched | None, file: Fetched | None, rules: Rules, authorities: bool) -> Result:
    """Of an index that was fetched, and a file if it was; None for an index: the host has nothing that fetches."""
    origin = target.origin
    chosen = origin.configured and not target.compared
    if index is None:
        why, advice = "the host has no program that fetches", "apply the role base first, which brings curl"
        return Result(origin.key, origin.url, origin.by, chosen, Verdict.UNMEASURED, why, advice)
    age = index.dated or (index.modified if target.max_age is not None else None)
    days = (rules.now - age).total_seconds() / 86_400 if age else None
    timed = max((each for each in (index, file) if each), key=lambda each: each.size)
    verdict, why, advice = _told(target, index, days, rules, authorities)
    return Result(
        key=origin.key,
        url=origin.url,
        by=origin.by,
        counts=chosen,
        verdict=verdict,
        why=why,
        advice=advice,
        first_byte_ms=round(1000 * index.first, 1) if index.first and index.http else None,
        mb_per_s=_speed(timed, rules),
        measured_bytes=timed.size,
        age_days=None if days is None else round(days, 1),
    )


def _told(
    target: Target, index: Fetched, days: float | None, rules: Rules, authorities: bool
) -> tuple[Verdict, str, str]:
    if index.http in target.fine:
        return _freshness(target, index, days, rules)
    if index.http:
        return _refused(target, index.http)
    return _silent(target, index, authorities)


def _freshness(target: Target, index: Fetched, days: float | None, rules: Rules) -> tuple[Verdict, str, str]:
    if index.valid_until and index.valid_until < rules.now and rules.max_age is None:
        return (
            Verdict.STALE,
            f"its index was valid until {index.valid_until:%Y-%m-%d}: apt refuses it",
            "take another mirror, or tell its keepers; is the clock right?",
        )
    limit = rules.max_age if rules.max_age is not None else target.max_age
    if limit is not None and days is not None and days > limit:
        return Verdict.STALE, f"its index is {days:.0f} days old", "take another mirror, or tell its keepers"
    return Verdict.FINE, "", ""


def _refused(target: Target, http: int) -> tuple[Verdict, str, str]:
    host = urlsplit(target.index).hostname
    match http:
        case 401 | 402 | 403 | 407 | 429 | 451:
            why = {407: "a proxy in between wants a password", 429: "too many requests"}.get(http, f"{host} refuses")
            return (
                Verdict.FORBIDDEN,
                f"HTTP {http}: {why}",
                "the machine is up and says no, by policy: ask its keepers, or whoever runs the proxy; or take another",
            )
        case 404 | 410:
            return (
                Verdict.MISSING,
                f"HTTP {http}: it does not have {target.index}",
                f"correct mirrors.{target.origin.key}, or take it out: the vendor's is used then",
            )
    return Verdict.DOWN, f"HTTP {http} for {target.index}", "the machine is up and in trouble: try later, or another"


def _silent(target: Target, index: Fetched, authorities: bool) -> tuple[Verdict, str, str]:
    host = urlsplit(target.index).hostname
    said = f" ({index.said})" if index.said else ""
    if index.exit == TLS:
        if not authorities:
            return (
                Verdict.TLS,
                "this host knows no certificate authority",
                "install ca-certificates (the role base does)",
            )
        return (
            Verdict.TLS,
            f"no TLS with {host}{said}",
            "is the host's clock right? does a proxy in between have a certificate authority of its own?",
        )
    words = {
        DNS: (f"the name {host} is unknown{said}", "is the name right? does the host's DNS answer?"),
        REFUSED: (f"{host} cannot be connected to{said}", "is the port right, the machine up, a firewall in between?"),
        TIMEOUT: (f"no answer from {host} in time", "does a firewall swallow it? a proxy needed?"),
    }
    why, advice = words.get(
        index.exit, (f"the connection to {host} broke off{said}", "try again; then as for a timeout")
    )
    return Verdict.DOWN, why, advice


def _speed(fetched: Fetched, rules: Rules) -> float | None:
    seconds = max(fetched.seconds - fetched.first, 0.001)
    return round(fetched.size / seconds / 1e6, 3) if fetched.size >= rules.slow else None
