"""How the driver stands on hosts now, below the decision of ``labprov explain HOST``. One round trip a host."""

from __future__ import annotations

import importlib

from pyinfra.api import Host as EngineHost

from labprov import role
from labprov.engine.rehearsal import rehearse
from labprov.engine.session import Failure, Session


def states(session: Session) -> dict[str, list[str] | Failure]:
    """Lines about each host that answers."""
    lines = importlib.import_module(f"{role.PACKAGE}.nvidia_driver.explain").lines

    def of(host: EngineHost) -> list[str]:
        told: list[str] = rehearse(session, host, lambda _: lines(), None)
        return told

    return session.each(of)
