"""Who installs what, and the lock that says so: conda's part is solved, then pip's on top of it, in a trial folder.

The rule: what names its installer gets it. All else is conda's when the channels have it and it solves together with
the rest, in the order declared; else pip's. pip may add to what conda installed and never change it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .complaints import advice, unreached
from .places import Trouble
from .programs import Missing, Programs, Unsolvable

_LIST = """
import importlib.metadata, re
for dist in importlib.metadata.distributions():
    if re.fullmatch("[0-9][0-9A-Za-z.!+]*", dist.version or ""):
        print(f"{dist.name}=={dist.version}")
"""
"""Python code: what is installed, as constraints for pip; cheaper than to ask pip itself."""

Item = dict[str, Any]
"""One requirement: ``requirement`` as written, ``by`` (any, conda, pip), ``conda`` and ``pip`` (each reads it so)."""


def decide(job: dict[str, Any], programs: Programs, trial: Path) -> dict[str, Any]:
    """The lock for a request. Nothing but ``trial`` is written. Raises Trouble."""
    request, where = job["request"], job["where"]
    chosen, why = conda_part(request, programs, trial)
    rest = [item for item in request["items"] if item not in chosen]
    report = pip_part(rest, request, where, programs, trial) if rest else []
    conda = conda_packages(trial, where["conda"])
    pip = sorted((_pip_package(entry) for entry in report), key=lambda row: str(row["name"]))
    by_name = {plain(row["name"]): row for row in pip}
    by_conda = {row["name"]: row for row in conda}
    decisions = [
        _decision(item, by_conda.get(_name(item["conda"])) if item in chosen else by_name.get(_name(item["pip"])), why)
        for item in request["items"]
    ]
    return {"labprov": 1, "request": request, "decisions": decisions, "conda": conda, "pip": pip}


def conda_part(request: dict[str, Any], programs: Programs, trial: Path) -> tuple[list[Item], dict[str, str]]:
    """The requirements that conda installed in ``trial``, and for the others (as written) why it does not."""
    items: list[Item] = request["items"]
    wanted = [item for item in items if item["by"] != "pip"]
    why = {item["requirement"]: "named for pip" for item in items if item["by"] == "pip"}
    while True:
        try:
            programs.create(trial, *_words(request, wanted))
            return wanted, why
        except Missing as error:
            names = {_name(spec) for spec in error.specs}
            gone = [item for item in wanted if _name(item["conda"]) in names]
            _refuse_fixed(gone, names, request)
            wanted = [item for item in wanted if item not in gone]
            why |= {item["requirement"]: "no channel has a version that fits" for item in gone}
        except Unsolvable:
            return _one_by_one(request, wanted, why, programs, trial)


def _one_by_one(
    request: dict[str, Any], wanted: list[Item], why: dict[str, str], programs: Programs, trial: Path
) -> tuple[list[Item], dict[str, str]]:
    """Keep what solves together with those before it; the ones that name conda come first and must."""
    kept = [item for item in wanted if item["by"] == "conda"]
    try:
        _try(request, kept, programs, trial)
    except Unsolvable as error:
        named = ", ".join([f"python {request['python']}", *(item["requirement"] for item in kept)])
        raise Trouble(f"conda cannot solve {named}: {error}") from None
    for item in (item for item in wanted if item["by"] != "conda"):
        try:
            _try(request, [*kept, item], programs, trial)
            kept.append(item)
        except (Missing, Unsolvable):
            why[item["requirement"]] = "it does not solve together with the rest in the channels"
    kept = [item for item in wanted if item in kept]
    programs.create(trial, *_words(request, kept))
    return kept, why


def _try(request: dict[str, Any], items: list[Item], programs: Programs, trial: Path) -> None:
    programs.create(trial, "--dry-run", *_words(request, items))


def _refuse_fixed(gone: list[Item], names: set[str], request: dict[str, Any]) -> None:
    """Raise Trouble for what conda lacks and pip may not, or cannot, bring."""
    for item in gone:
        if item["by"] == "conda":
            raise Trouble(f"{item['requirement']}: none of the channels {_list(request)} has a version that fits")
    if not gone:
        raise Trouble(f"none of the channels {_list(request)} has {', '.join(sorted(names)) or 'what is asked for'}")


def _list(request: dict[str, Any]) -> str:
    return ", ".join(request["channels"])


def _words(request: dict[str, Any], items: list[Item]) -> list[str]:
    channels = [word for name in request["channels"] for word in ("--channel", name)]
    return ["--override-channels", *channels, f"python={request['python']}", "pip", *(item["conda"] for item in items)]


def pip_part(
    items: list[Item], request: dict[str, Any], where: dict[str, Any], programs: Programs, trial: Path
) -> list[dict[str, Any]]:
    """What pip would install beside conda's packages: the entries of its report. Raises Trouble."""
    listed = programs.python(trial, "-c", _LIST)
    if listed.returncode != 0:
        raise Trouble(f"Python does not run in the environment: {listed.stderr.strip()[-300:]}")
    constraints, wanted, report = (programs.home / name for name in ("constraints.txt", "wanted.txt", "report.json"))
    constraints.write_text(listed.stdout)
    wanted.write_text("".join(f"{item['pip']}\n" for item in items))
    command = ["--dry-run", "--report", str(report), "-c", str(constraints), "-r", str(wanted)]
    code, said = programs.pip(trial, *command, *indexes(where))
    if code != 0:
        raise programs.full_disk(said) or _of_pip(said, items, request, where)
    found: list[dict[str, Any]] = json.loads(report.read_text())["install"]
    return found


def indexes(where: dict[str, Any]) -> list[str]:
    """Options of pip for where it looks; without an index, wherever the host's pip is configured to look."""
    pairs = [("--index-url", where.get("pip")), ("--extra-index-url", where.get("wheels"))]
    words = [word for option, url in pairs if url for word in (option, url)]
    # Who names an http:// address means it, as with conda's channels; what is installed is checked by its checksum.
    open_ones = {str(url).split("/")[2] for _, url in pairs if url and url.startswith("http://")}
    return [*words, *(word for host in sorted(open_ones) for word in ("--trusted-host", host))]


def _of_pip(said: str, items: list[Item], request: dict[str, Any], where: dict[str, Any]) -> Trouble:
    index = where.get("pip") or "that pip is configured for"
    if line := unreached(said):
        return Trouble(f"the pip index {index} cannot be used: {line}; {advice(line, 'pip_index or mirrors.pip')}")
    conflict = re.search(r"The conflict is caused by:\n((?:[ ]+\S.*\n)+)", said)
    if conflict:
        causes = "; ".join(line.strip() for line in conflict[1].splitlines())
        return Trouble(
            f"pip and conda do not agree: {causes} (a constraint is what conda installed); "
            "write another version, or who installs it ({conda: ...} or {pip: ...})"
        )
    missing = re.search(r"No matching distribution found for (.+)", said)
    if missing:
        asked = next((i["requirement"] for i in items if _name(i["pip"]) == _name(missing[1])), missing[1].strip())
        return Trouble(
            f"{asked}: neither the channels ({_list(request)}) nor the pip index {index} have a version that fits "
            f"python {request['python']}"
        )
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.strip().splitlines()[-1:]
    return Trouble(f"pip: {' '.join(errors)[:300]}")


def conda_packages(prefix: Path, alias: str) -> list[dict[str, str]]:
    """What conda installed: name, version, build, file (below ``alias`` where it came from there) and checksum."""
    rows = []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        record = json.loads(path.read_text())
        if not record.get("sha256"):
            raise Trouble(f"the channel gives no sha256 of {record['name']} {record['version']}")
        row = {key: str(record[key]) for key in ("name", "version", "build", "sha256")}
        rows.append(row | {"file": str(record["url"]).removeprefix(f"{alias}/")})
    return sorted(rows, key=lambda row: row["name"])


def _pip_package(entry: dict[str, Any]) -> dict[str, str]:
    archive = entry["download_info"].get("archive_info") or {}
    sha256 = (archive.get("hashes") or {}).get("sha256") or str(archive.get("hash", "")).removeprefix("sha256=")
    name, version = entry["metadata"]["name"], entry["metadata"]["version"]
    if not sha256:
        raise Trouble(f"the pip index gives no sha256 of {name} {version}")
    return {
        "name": name,
        "version": version,
        "sha256": sha256,
        "file": entry["download_info"]["url"].rpartition("/")[2],
    }


def _decision(item: Item, row: dict[str, str] | None, why: dict[str, str]) -> dict[str, str]:
    """One line of the lock for people: what was asked, who installs it, which version, why."""
    reason = why.get(item["requirement"])
    by = "pip" if reason else "conda"
    default = "named for conda" if item["by"] == "conda" else "a channel has it"
    # Without a row pip had nothing to do: one of conda's packages brings it already.
    version = row["version"] if row else "as conda's packages bring it"
    told = {
        "requirement": item["requirement"],
        "by": by,
        "version": version,
        "why": item.get("why") or reason or default,
    }
    return told | ({"package": row["name"]} if row else {})


def _name(spec: str) -> str:
    """The name that a spec begins with."""
    found = re.match(r"\s*(?:[^\s:]+::)?([A-Za-z0-9._-]+)", spec)
    return plain(found[1]) if found else spec


def plain(name: str) -> str:
    """A name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()
