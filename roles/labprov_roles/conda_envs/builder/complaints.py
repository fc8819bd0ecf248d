"""What conda and pip complain of that a person must see to: nobody answers, a broken index, a full disk. Pure."""

from __future__ import annotations

import re

_UNREACHED = re.compile(
    r"(HTTP (?:error )?\d{3}|HTTP status (?:client|server) error|\d{3} Client Error|\d{3} Server Error|Could not fetch|"
    r"NewConnectionError|CONNECTION FAILED|ConnectTimeout|timed out|SSLError|Name or service not known)"
)
_REFUSED = re.compile(r"\b(401|403|407|451)\b")
_FULL = re.compile(r"No space left on device|Disk quota exceeded|os error 28\b|Errno 28\b|NoSpaceLeft")
_BROKEN = re.compile(
    r"(?i)json\.exception|JSONDecodeError|expected (value|ident) at line|error parsing|failed to parse|"
    r"(repodata|json).{0,80}(pars|decod|deserial|invalid|corrupt)|(pars|decod|deserial)\w*.{0,80}(repodata|json)"
)


def unreached(text: str) -> str:
    """The line that says that a channel or an index did not answer or refused, or empty."""
    return _line(_UNREACHED, text)


def broken_index(text: str) -> str:
    """The line that says that an index came and cannot be read, or empty."""
    return _line(_BROKEN, text)


def full(text: str) -> bool:
    """Whether it was the disk."""
    return bool(_FULL.search(text))


def unlisted(verbose: str) -> str:
    """Of what pip says with ``-vv``: the pages that it did not get and that are there, as far as it knows."""
    lines = (line for line in verbose.splitlines() if "Could not fetch URL" in line and ": 404 " not in line)
    return "\n".join(lines)


def advice(line: str, key: str) -> str:
    """What to do about something that did not answer or refused; ``key`` is the setting that names it."""
    other = f"name another one ({key})"
    do = (
        f"it refuses by policy: ask its keepers, or {other}" if _REFUSED.search(line) else f"{other} or try again later"
    )
    return f"{do}; labprov mirrors check says more"


def full_disk(folder: str, free: int) -> str:
    """A sentence; ``free`` in bytes."""
    return (
        f"the disk with {folder} is full ({free // 1_000_000} MB free): make room there (packages that conda keeps: "
        "conda clean --all) and apply again; the environment is as it was"
    )


def _line(pattern: re.Pattern[str], text: str) -> str:
    found = next((line for line in text.splitlines() if pattern.search(line)), "")
    return " ".join(found.split())[:200]
