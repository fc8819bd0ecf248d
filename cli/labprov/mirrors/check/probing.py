"""The one command that measures on a host, and its output as records. Pure: runs nothing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import resources

INDEX_BYTES = 65_536
"""Bytes of an index that are fetched: what says its age is at its beginning."""
CONNECT = 5
"""Seconds to connect in."""
DNS, REFUSED, TIMEOUT, BROKEN, TLS = 6, 7, 28, 56, 60
"""Why there is no answer, in curl's numbers."""
_TEXTS = (
    (DNS, r"(?i)could not resolve|unable to resolve|temporary failure (in name|resolving)|name or service not known"),
    (TLS, r"(?i)certificate|ssl|tls|handshake"),
    (TIMEOUT, r"(?i)timed? ?out"),
    (REFUSED, r"(?i)refused|no route|unreachable|could not connect|unable to connect"),
)
_CURLS_TLS = {35, 51, 53, 54, 58, 59, 60, 66, 77, 80, 82, 83, 90, 91}
_HTTP = re.compile(r"(?:HTTP/[\d.]+ |ERROR |  )([1-5]\d\d)\b")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one address."""

    exit: int
    """0, or one of the numbers above, or another one of the program's."""
    http: int
    """HTTP's answer; 0: none."""
    first: float
    """Seconds to the first byte; 0 where the program does not tell."""
    seconds: float
    size: int
    """Bytes."""
    modified: datetime | None = None
    dated: datetime | None = None
    """What the index says itself."""
    valid_until: datetime | None = None
    said: str = ""
    """What the program complained of."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a host saw."""

    tool: str
    """``curl``, ``python3``, ``wget``, ``apt-helper`` or ``none``."""
    authorities: bool
    """Whether the host knows certificate authorities."""
    fetched: dict[int, Fetched]


def script() -> str:
    """Shell text for a host, fed by ``lines``."""
    files = resources.files(__package__)
    python = files.joinpath("probe.py").read_text(encoding="utf-8")
    shell = files.joinpath("probe.sh").read_text(encoding="utf-8")
    python = python.replace("\\n\\n\\nif __name__", "\\n\\n\\nif __name__")
    return f"c={CONNECT}\nprogram={shlex.quote(python)}\n{shell}"


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch."""

    number: int
    url: str
    size: int
    """Bytes at most."""
    seconds: int
    """At most."""
    follows: bool = False
    """Whether it is only of interest when the one before brought something."""


def lines(requests: Sequence[Request]) -> bytes:
    """What the script is fed."""
    rows = (f"{r.number} {r.url} {r.size} {r.seconds} {'+' if r.follows else '-'}\n" for r in requests)
    return "".join(rows).encode()


def read(output: str) -> Measured:
    """Parse what the script printed; what was cut off is missing."""
    blocks: dict[int, list[str]] = {}
    current: list[str] = []
    head: list[str] = []
    for line in output.splitlines():
        if found := re.fullmatch(r"= (\d+) (\d+ \d+ [\d.]+ [\d.]+ \d+)", line):
            blocks[int(found[1])] = current = [found[2]]
        else:
            (current if blocks else head).append(line)
    tool = next((line.partition(" ")[2] for line in head if line.startswith("tool ")), "none")
    fetched = {number: _fetched(tool, block) for number, block in blocks.items()}
    return Measured(tool, "no-authorities" not in head, fetched)


def _fetched(tool: str, block: Sequence[str]) -> Fetched:
    code, http, first, seconds, size = block[0].split()
    said = [line[2:].strip() for line in block[1:] if line.startswith("! ") and line[2:].strip()]
    told = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in block[1:])}
    text = "\n".join(said)
    answer = int(http) or _http(tool, int(code) == 0 or int(size) > 0, text)
    return Fetched(
        exit=_exit(tool, int(code), text),
        http=answer,
        first=float(first),
        seconds=float(seconds),
        size=int(size) if answer in (200, 206) else 0,
        modified=_date(told.get("last-modified", "")),
        dated=_date(told.get("index-date", "")),
        valid_until=_date(told.get("index-valid-until", "")),
        said=_complaint(said),
    )


def _http(tool: str, something: bool, text: str) -> int:
    """Of programs that do not tell it by itself: of several the last, after redirections; fine if something came."""
    if tool not in ("wget", "apt-helper"):
        return 0
    found = _HTTP.findall(text)
    return int(found[-1]) if found else 200 if something else 0


def _exit(tool: str, code: int, text: str) -> int:
    if code == 0 or tool == "python3":
        return code
    if tool == "curl":
        return TLS if code in _CURLS_TLS else code
    if code == 124:  # of timeout(1)
        return TIMEOUT
    return next((number for number, pattern in _TEXTS if re.search(pattern, text)), BROKEN)


def _complaint(said: Sequence[str]) -> str:
    """The one line that tells most."""
    for pattern in (r"^E: ", r"(?i)error|fail|refus|resolv|certific|time"):
        for line in said:
            if re.search(pattern, line):
                return line
    return said[0] if said else ""


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.replace(" UTC", " +0000"))
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
