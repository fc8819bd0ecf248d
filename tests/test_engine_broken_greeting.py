"""A host whose ssh server hangs up while it is greeted, as one does that goes down or comes up: one line, no traceback.

Found on a virtual machine: paramiko tells what goes wrong in its threads to the log as well, and Python prints a log
that nobody listens to.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest


@pytest.fixture
def resetting() -> Iterator[int]:
    """A port at which every connection is accepted and reset."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                connection.recv(1)  # the client's greeting has come: it waits for ours
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_connection_that_is_reset_is_told_in_one_line(resetting, tmp_path):
    inventory = tmp_path / "lab.yml"
    inventory.write_text(f"hosts: {{gone: {{address: 127.0.0.1, port: {resetting}, user: nobody}}}}\n")
    environment = dict(os.environ) | {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "labprov", "plan", "gpu-node", "-i", str(inventory), "--no-color"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, env=environment)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""
    assert f"127.0.0.1:{resetting}" in done.stdout
    assert done.returncode != 0
