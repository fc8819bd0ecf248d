"""What was decided, in ``images.lock`` on the controller: tag -> digest, git reference -> commit. Knows no host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from labprov.errors import UserError, Where
from labprov.types import Line
from labprov_roles.images.references import DIGEST

NAME = "images.lock"
COMMIT = "[0-9a-f]{40}"
_HEADER = """\
# Which content labprov decided on for images' tags and git references: keep this file with the inventory.
# It moves by `labprov lock DEPLOY --upgrade images`; docs/images.md explains it.
"""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    images: dict[Line, Annotated[str, StringConstraints(pattern=f"^{DIGEST}$")]] = {}
    commits: dict[Line, Annotated[str, StringConstraints(pattern=f"^{COMMIT}$")]] = {}


@dataclass(frozen=True)
class Pins:
    """Decisions."""

    images: Mapping[str, str] = field(default_factory=dict)
    """``NAME:TAG`` -> digest."""
    commits: Mapping[str, str] = field(default_factory=dict)
    """``URL#REF`` -> commit."""

    def of(self, key: str) -> str:
        """The decision on a tag or a git reference; empty: none yet."""
        return self.images.get(key) or self.commits.get(key, "")

    def decided(self, key: str, value: str) -> Pins:
        """The same and one decision more."""
        if value.startswith("sha256:"):
            return Pins({**self.images, key: value}, self.commits)
        return Pins(self.images, {**self.commits, key: value})


def read(folder: str) -> Pins:
    """The decisions kept in a folder; none when there is no file. Raises UserError for a damaged one."""
    path = Path(folder) / NAME
    try:
        found = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Pins()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", Where(path)) from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise UserError("is not valid YAML (a merge conflict?)", Where(path, line)) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"is not what labprov wrote: {_first(error)}", Where(path), "take the change back") from None
    return Pins(found.images, found.commits)


def write(folder: str, pins: Pins) -> None:
    """Put the file in one step. Raises UserError when it cannot be written."""
    path = Path(folder) / NAME
    data: dict[str, Any] = {"format": 1, "images": dict(sorted(pins.images.items()))}
    if pins.commits:
        data["commits"] = dict(sorted(pins.commits.items()))
    beside = path.with_suffix(".new")
    try:
        beside.write_text(_HEADER + yaml.safe_dump(data, sort_keys=False, width=200), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", Where(path)) from None


def _first(error: ValidationError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
