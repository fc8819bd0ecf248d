"""Planning in few round trips: the roles' code is run until it asks nothing new, then its outcomes count.

Planning changes nothing, so it can be repeated. A pass in which a fact was not known yet is a rehearsal: it tells what
is asked, all of that is fetched at once, and the next pass knows more. What an earlier run learned makes the first pass
the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyinfra.api import Host

from labprov.engine.session import Session

T = TypeVar("T")

PASSES = 8
"""After so many rehearsals the rest is asked one by one: facts that hang on facts do not go deeper."""


class Buffer:
    """Keeps what a listener is told until it is known to be true."""

    def __init__(self) -> None:
        self.told: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.told.append((name, args))

    def play(self, listener: Any) -> None:
        """Tell ``listener`` everything, in order."""
        for name, args in self.told:
            getattr(listener, name)(*args)


def rehearse(session: Session, host: Host, once: Callable[[Any], T], listener: Any) -> T:
    """Run ``once(listener)`` until every fact it asks for is known; only its last pass reaches ``listener``."""
    knowledge = session.connection(host).knowledge
    for _ in range(PASSES):
        buffer, result = Buffer(), None
        with knowledge.rehearsal() as missing:
            try:
                result = once(buffer)
            except Exception:
                if not missing:
                    raise
        if not missing and result is not None:
            buffer.play(listener)
            return result
        session.start_over(host)
        knowledge.fetch(list(missing))
    return once(listener)
