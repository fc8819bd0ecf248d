"""How a host is reached. It describes and validates; the engine connects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from labprov.errors import UserError
from labprov.inventory.tree import Tree
from labprov.types import Hostname


def _local_path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("should be the path of a file")
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{error}") from None
    return (Path(info.context or "") / path).absolute()


def _not_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


LocalPath = Annotated[Path, BeforeValidator(_local_path)]
"""A file on this machine; ``~`` is the home folder, a relative path starts at the inventory's folder."""

LoginName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@-]*$", max_length=64)]
"""A user to log in as; directory services allow more than useradd does (``a.smith``)."""

Jump = Annotated[
    str,
    StringConstraints(
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.@-]*@)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"
    ),
]
"""A host to go through, as ``ssh -J`` takes it: ``[user@]host[:port]``."""


class Connection(BaseModel):
    """How a host is reached, by SSH."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Hostname | Literal["@local"]
    """Name or IP address; the host's name in the inventory when not set; ``@local``: the machine labprov runs on."""
    port: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=65535)] | None = None
    """TCP port of sshd; when not set, what ``~/.ssh/config`` says, else 22."""
    user: LoginName | None = None
    """Who to log in as; when not set, what ``~/.ssh/config`` says, else who you are here."""
    key: LocalPath | None = None
    """Private key file; when not set, the agent's keys and the usual ``~/.ssh/id_*`` are tried."""
    sudo: bool = Field(default_factory=lambda data: data.get("user") not in (None, "root"))
    """Whether to become root with sudo (without password); yes when a user other than root is set."""
    known_hosts: LocalPath | None = None
    """The file of trusted host keys; when not set, what ``~/.ssh/config`` says, else ``~/.ssh/known_hosts``."""
    host_keys: Literal["strict", "accept-new"] = "strict"
    """What to do about a host whose key is not known: refuse it, or add the key. A changed key is always refused."""
    jump: Jump | None = None
    """A host to go through: ``[user@]host[:port]``."""
    connect_timeout: Annotated[float, BeforeValidator(_not_bool)] = Field(default=10, gt=0, le=600)
    """Seconds until a host that does not answer counts as unreachable."""


KEYS = tuple(Connection.model_fields)

_PATTERNS = {
    "address": "should be a host name or an IP address",
    "user": "should be a login name",
    "jump": "should be [user@]host[:port]",
}
"""What the values should be that are checked by a pattern: key -> message."""


def connection(name: str, tree: Tree, folder: Path) -> Connection:
    """Validate the connection keys among ``tree`` for the host ``name``; relative paths start at ``folder``.

    Raises UserError at the first value that does not fit.
    """
    values = {key: value for key, value in tree.plain().items() if key in KEYS}
    try:
        return Connection.model_validate({"address": name} | values, context=folder)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0])
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if first["type"] == "string_pattern_mismatch":
            message = _PATTERNS[key]
        hint = f"give the host {name!r} an address" if key == "address" and key not in values else ""
        raise UserError(f"{message}, got {first['input']!r}"[:300], tree.where(key), hint) from None
