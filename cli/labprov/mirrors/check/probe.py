"""Fetches what standard input lists, by Python's own library. Sent to hosts as text: needs nothing of labprov.

Each line ``NUMBER URL BYTES SECONDS WHEN`` is answered by ``= NUMBER EXIT HTTP FIRST TOTAL SIZE`` (EXIT in curl's
numbers, HTTP 0 without an answer, seconds, bytes), by what the answer says of its age, and by ``! `` with its error.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request

HEADERS = {"User-Agent": "labprov"}
DNS, REFUSED, TIMEOUT, BROKEN, TLS = 6, 7, 28, 56, 60


class Answer:
    """What came of one address."""

    exit = 0
    http = 0
    first = 0.0
    size = 0
    head = b""
    modified = ""
    said = ""


def kind(error: Exception) -> int:
    """The number that curl has for an error."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, socket.gaierror):
        return DNS
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return TIMEOUT
    if isinstance(reason, ssl.SSLError):
        return TLS
    return REFUSED if isinstance(error, urllib.error.URLError) and isinstance(reason, OSError) else BROKEN


def fetch(url: str, limit: int, seconds: float, connect: float) -> Answer:
    """At most so many bytes, in at most so many seconds."""
    found, started = Answer(), time.monotonic()
    asked = urllib.request.Request(url, headers=HEADERS | {"Range": f"bytes=0-{limit - 1}"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=connect) as answer:  # noqa: S310  # URLs are http or https: checked by type
            found.http, found.modified = answer.status, answer.headers.get("Last-Modified") or ""
            while found.size < limit and time.monotonic() - started < seconds:
                part = answer.read1(65536)
                if not part:
                    break
                found.first = found.first or time.monotonic() - started
                found.size += len(part)
                found.head += part if len(found.head) < 65536 else b""
    except urllib.error.HTTPError as error:
        found.http, found.first = error.code, time.monotonic() - started
    except (OSError, ValueError) as error:
        found.exit, found.said = kind(error), str(getattr(error, "reason", error))
    return found


def main() -> None:
    """Answer every line."""
    ok = False
    for line in sys.stdin:
        number, url, limit, seconds, when = line.split()
        if when == "+" and not ok:
            continue
        started = time.monotonic()
        found = fetch(url, int(limit), float(seconds), float(sys.argv[1]))
        ok = found.http in (200, 206) and found.size > 0
        total = time.monotonic() - started
        print(f"= {number} {found.exit} {found.http} {found.first:.3f} {total:.3f} {found.size}")
        if found.modified:
            print(f"Last-Modified: {found.modified}")
        text = found.head.decode("utf-8", "replace")
        for dated in re.findall(r"(?m)^(?:Date|Valid-Until): .*$", text)[:2]:
            print(f"index-{dated}")
        if found.said:
            print("! " + " ".join(found.said.split())[:300])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
