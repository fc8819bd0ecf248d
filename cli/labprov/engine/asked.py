"""What an operation was asked for: the arguments that a role called it with. Needed where pyinfra's commands lose them.

pyinfra writes a file first and sets its mode by a command that follows, so that a secret can be read for a moment.
Knowing the mode beforehand, an upload makes the file right before anybody can see it.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pyinfra.api import Host, State
from pyinfra.api.state import StateOperationHostData

from labprov.engine.upload import USUAL, Access

PRIVATE = "600"


def arguments(operation: StateOperationHostData) -> dict[str, Any]:
    """The arguments of an operation, by name. From the closure of its generator: pyinfra keeps them nowhere else."""
    kept = inspect.getclosurevars(operation.command_generator).nonlocals
    return dict(inspect.signature(kept["func"]).bind(*kept["args"], **kept["kwargs"]).arguments)


def access(operation: StateOperationHostData) -> Access:
    """What the operation was asked about the access to the file that it writes.

    A mode that says what to change (``g+w``), or to take the local file's, becomes private until pyinfra sets it.
    """
    asked = arguments(operation)
    mode = str(asked.get("mode") or "")
    if mode and not re.fullmatch("[0-7]{3,4}", mode):
        mode = PRIVATE
    return Access(mode, str(asked.get("user") or ""), str(asked.get("group") or ""))


def access_now(state: State, host: Host) -> Access:
    """The same, of the operation that is being run on ``host``."""
    if host.current_op_hash is None:
        return USUAL
    return access(state.get_op_data_for_host(host, host.current_op_hash))
