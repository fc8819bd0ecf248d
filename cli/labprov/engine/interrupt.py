"""Ctrl-C while many greenlets work: the first one ends the work in order, the second leaves at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent

INTERRUPTED = 130
"""The exit code."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it SIGINT raises KeyboardInterrupt in the greenlet that entered, and in no other.

    Python alone raises it in whatever greenlet runs at that moment: one host's work would end with a traceback, or its
    connection would die, and the others would go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's business
        return
    main = gevent.getcurrent()
    pressed: list[bool] = []

    def handle(_signal: int, _frame: Any) -> None:
        if pressed:
            _leave()
        pressed.append(True)
        if gevent.getcurrent() is main:
            raise KeyboardInterrupt
        gevent.get_hub().loop.run_callback(main.throw, KeyboardInterrupt)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        if not pressed:  # else the process is about to end, and the second one must still leave at once
            signal.signal(signal.SIGINT, before)


def _leave() -> None:
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), b"\x1b[?25h")  # a spinner hides the cursor
    os._exit(INTERRUPTED)
