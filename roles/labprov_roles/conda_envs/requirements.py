"""Requirements as people write them, and as conda and pip read them. Pure; the names that differ are in names.yml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, StringConstraints, Tag

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_CLAUSE = r"(?:~=|==|!=|<=|>=|<|>) ?[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_PLAIN = re.compile(rf"({_NAME})(\[{_NAME}(?:, ?{_NAME})*\])? ?((?:{_CLAUSE})(?:, ?{_CLAUSE})*)?")
_CONDA = re.compile(r"(?:[A-Za-z0-9._-]+::)?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:[ =<>!~][A-Za-z0-9.*+!|,=<>~_ -]*)?")


def _plain(value: str) -> str:
    if not _PLAIN.fullmatch(value):
        raise ValueError(
            "should be a requirement like numpy, numpy>=2 or 'pandas>=2,<3' (one = is conda's: {conda: ...})"
        )
    return value


def _conda(value: str) -> str:
    if not _CONDA.fullmatch(value):
        raise ValueError("should be a requirement as conda reads it, like numpy, numpy=2.1 or 'numpy>=2,<3'")
    return value


Plain = Annotated[str, StringConstraints(max_length=200), AfterValidator(_plain)]
"""A requirement as pip reads it: a name, perhaps ``[extras]``, perhaps versions. No URL, no path, no marker."""

CondaSpec = Annotated[str, StringConstraints(max_length=200), AfterValidator(_conda)]
"""A requirement as conda reads it."""


class Explicit(BaseModel):
    """A requirement that says who installs it; one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    conda: CondaSpec | None = None
    """As conda reads it."""
    pip: Plain | None = None
    """As pip reads it."""

    def model_post_init(self, context: Any) -> None:
        """Refuse both, and none."""
        if (self.conda is None) == (self.pip is None):
            raise ValueError("should say either conda or pip")


Requirement = Annotated[
    Annotated[Plain, Tag("[plain]")] | Annotated[Explicit, Tag("[explicit]")],
    Discriminator(lambda value: "[plain]" if isinstance(value, str) else "[explicit]"),
]
"""A requirement: plain, or with who installs it."""


class Names(BaseModel):
    """What conda and pip call a package, and what is imported."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    also: tuple[Annotated[str, StringConstraints(pattern=rf"^{_NAME}$")], ...] = ()
    """Other names under which people ask for it."""
    conda: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_][a-z0-9_.-]*$")]
    """Its name in conda's channels."""
    pip: Annotated[str, StringConstraints(pattern=rf"^{_NAME}$")]
    """Its name on pip's index."""
    imports: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")], ...] = ()
    """What a program imports."""


@dataclass(frozen=True)
class Item:
    """One requirement, as the builder on the host reads it."""

    requirement: str
    """As written."""
    by: str
    """``any``, ``conda`` or ``pip``."""
    conda: str
    pip: str
    why: str = ""
    """Why it is so, where that is no matter of the rule."""

    def plain(self) -> dict[str, str]:
        """As JSON; the reason only where there is one."""
        found = {"requirement": self.requirement, "by": self.by, "conda": self.conda, "pip": self.pip}
        return found | ({"why": self.why} if self.why else {})


def key(name: str) -> str:
    """A name as it is compared: ``Scikit_Learn`` is ``scikit-learn``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def split(requirement: str) -> tuple[str, str, str]:
    """Name, ``[extras]`` and versions of a plain requirement, without spaces."""
    found = _PLAIN.fullmatch(requirement)
    assert found is not None
    return found[1], (found[2] or "").replace(" ", ""), (found[3] or "").replace(" ", "")


def item(requirement: str | Explicit, names: Mapping[str, Names]) -> Item:
    """A requirement with the names that conda and pip know it by. With extras it is pip's: conda has none."""
    if isinstance(requirement, Explicit):
        if requirement.conda is not None:
            return Item(requirement.conda, "conda", requirement.conda, requirement.conda)
        return Item(str(requirement.pip), "pip", str(requirement.pip), str(requirement.pip).replace(" ", ""))
    name, extras, versions = split(requirement)
    known = names.get(key(name))
    conda, pip = (known.conda, known.pip) if known else (name.lower(), name)
    why = "conda knows no extras" if extras else ""
    return Item(requirement, "pip" if extras else "any", f"{conda}{versions}", f"{pip}{extras}{versions}", why)


def imports(requirement: str, names: Mapping[str, Names]) -> tuple[str, ...]:
    """What a program imports of a requirement, as far as the table says; empty: nothing is known."""
    found = re.match(rf"(?:[A-Za-z0-9._-]+::)?({_NAME})", requirement)
    known = names.get(key(found[1])) if found else None
    return known.imports if known else ()


def table(own: Mapping[str, Names]) -> dict[str, Names]:
    """Every name that people write -> the names of that package; an inventory's own entries come first."""
    rows = {**_built_in(), **own}
    return {key(word): row for name, row in rows.items() for word in (*row.also, row.conda, row.pip, name)}


@cache
def _built_in() -> dict[str, Names]:
    rows = yaml.safe_load((Path(__file__).parent / "names.yml").read_text())
    return {name: Names.model_validate(row) for name, row in rows.items()}


@cache
def ready_made() -> dict[str, tuple[str, ...]]:
    """The sets that come with labprov: name -> plain requirements."""
    rows = yaml.safe_load((Path(__file__).parent / "sets.yml").read_text())
    return {name: tuple(row) for name, row in rows.items()}
