"""Conda channels: whose they are, what URL they stand for, and the condarc that says so. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import yaml

ANACONDAS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
"""What ``defaults`` stands for on Linux (conda/base/constants.py, DEFAULT_CHANNELS_UNIX)."""

_THEIR_HOSTS = {"repo.anaconda.com", "repo.continuum.io"}
_THEIR_NAMES = {"defaults", "anaconda", "main", "r", "msys2", "free", "pro", "archive", "mro", "mro-archive"}


def is_anacondas(channel: str) -> bool:
    """Whether Anaconda's terms of service apply to a channel, by its name, or by its URL, a mirror's too."""
    if "://" not in channel:
        first = channel.split("/")[0]
        return first in _THEIR_NAMES or first == "pkgs"
    parts = urlsplit(channel)
    folders = [folder for folder in parts.path.split("/") if folder]
    if parts.hostname in _THEIR_HOSTS:
        return True
    if parts.hostname == "conda.anaconda.org":
        return bool(folders) and is_anacondas(folders[0])
    return any(a == "pkgs" and b in _THEIR_NAMES for a, b in pairwise(folders))


def channel_urls(
    channels: Sequence[str], alias: str, custom: Mapping[str, str], default_channels: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return where conda looks channels up: ``custom`` maps names to base URLs, ``alias`` is the base of all others."""
    urls: list[str] = []
    for name in channels:
        if name == "defaults":
            urls += default_channels or ANACONDAS
        else:
            urls.append(name if "://" in name else f"{custom.get(name, alias).rstrip('/')}/{name}")
    return tuple(dict.fromkeys(urls))


def terms_to_accept(urls: Sequence[str]) -> tuple[str, ...]:
    """Return the channels that conda would ask about before it uses them: those on Anaconda's own server."""
    return tuple(url for url in urls if urlsplit(url).hostname == "repo.anaconda.com")


def condarc(
    channels: Sequence[str],
    alias: str,
    custom: Mapping[str, str],
    default_channels: Sequence[str],
    terms_accepted: bool,
    auto_activate: bool,
) -> str:
    """Text of the condarc. Without accepted terms ``defaults`` means ``channels``, also in environment files."""
    values: dict[str, Any] = {"channels": list(channels), "channel_alias": alias}
    if custom:
        values["custom_channels"] = dict(custom)
    if not terms_accepted:
        values["default_channels"] = list(channel_urls(channels, alias, custom))
    elif default_channels:
        values["default_channels"] = list(default_channels)
    # Conda 25 renamed it auto_activate and keeps this name as an alias; mamba knows only this one.
    values["auto_activate_base"] = auto_activate
    head = "# Managed by labprov. A user's own ~/.condarc is read after this file and comes before it.\n"
    return head + yaml.safe_dump(values, sort_keys=False)
