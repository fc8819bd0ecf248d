"""A folder on the controller, held by one host's work at a time: among hosts of this run and other runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

from labprov.errors import HostError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder, made when it is not there; waiting lets other hosts go on.

    Raises HostError when it cannot be made or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise HostError(f"decisions cannot be kept in {folder}: {error.strerror}") from None
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                gevent.sleep(0.2)
        yield
    finally:
        os.close(handle)
