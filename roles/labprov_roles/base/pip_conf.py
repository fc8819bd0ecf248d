"""pip's configuration for all users with an index in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from labprov_roles.base import marked

PATH = "/etc/pip.conf"
_HEADER = re.compile(r"^\[\s*(?P<name>[^\]]+?)\s*\]")


def with_index(text: str, url: str | None) -> str:
    """The text with this index; with nothing of ours when there is none. Empty: there need be no such file."""
    return marked.rewritten(text, lambda lines: _with(_headed(lines), url) if url else _headed(lines))


def _headed(lines: list[str]) -> list[str]:
    """What a person wrote below a header of ours keeps it when ours goes."""
    first = next((line for line in lines if line.strip() and line.lstrip()[0] not in "#;"), "[")
    return lines if first.startswith("[") else ["[global]", *lines]


def _with(lines: list[str], url: str) -> list[str]:
    keys = {"index-url": url}
    parts = urlsplit(url)
    if parts.scheme == "http":  # pip wants to be told; it takes no other host's word for it
        keys["trusted-host"] = parts.netloc.rpartition("@")[2]
    for key, value in keys.items():
        lines = _set(lines, key, value)
    return lines


def _set(lines: Sequence[str], key: str, value: str) -> list[str]:
    """A trusted host joins those that are there, also where they are on lines of their own below."""
    section = ""
    for index, line in enumerate(lines):
        if header := _HEADER.match(line):
            section = header["name"]
        match = re.match(rf"(?i){key.replace('-', '[-_]')}\s*[=:]\s*(.*?)\s*$", line)
        if section == "global" and match:
            new = f"{key} = {value if key == 'index-url' else ' '.join((value, match[1])).strip()}"
            there = line == new or (key != "index-url" and value in match[1].split())
            return list(lines) if there else [*lines[:index], *marked.mark(new, line), *lines[index + 1 :]]
    place = next((i + 1 for i, line in enumerate(lines) if (m := _HEADER.match(line)) and m["name"] == "global"), None)
    if place is None:
        return [*lines, *marked.mark("[global]", None), *marked.mark(f"{key} = {value}", None)]
    return [*lines[:place], *marked.mark(f"{key} = {value}", None), *lines[place:]]
