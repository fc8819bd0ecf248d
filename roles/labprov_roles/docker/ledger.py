"""The ledger of daemon.json as text: which role wrote which key. Pure; ``daemon`` decides what it says."""

from __future__ import annotations

import json

from labprov_roles.docker.daemon import Ledger, Records

_ABOUT = "Which labprov role wrote which key of daemon.json. Not a configuration file."


def read(text: str) -> Ledger:
    """Parse a ledger; one that cannot be read is empty (then nothing is ever taken back)."""
    try:
        owners = json.loads(text)["owners"]
        return {owner: _records(rows) for owner, rows in owners.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def write(ledger: Ledger) -> str:
    """Text of a ledger."""
    owners = {
        owner: [{"key": list(path), "value": value} for path, value in records.items()]
        for owner, records in sorted(ledger.items())
    }
    return json.dumps({"about": _ABOUT, "owners": owners}, indent=1, ensure_ascii=False) + "\n"


def both(old: Ledger, new: Ledger) -> Ledger:
    """What either ledger holds, the old one's values first: true until the file is written, and enough after.

    When a run is cut off before the file is written, what is in it is still known as ours; when after, the next run
    finds its own values there, and notes them.
    """
    return {owner: {**new.get(owner, {}), **old.get(owner, {})} for owner in {**old, **new}}


def _records(rows: list[dict[str, object]]) -> Records:
    return {tuple(str(part) for part in row["key"]): row["value"] for row in rows}  # type: ignore[attr-defined]  # checked by read
