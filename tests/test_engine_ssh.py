"""How a connection begins; what goes wrong on real hosts is in tests/sandbox."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from labprov.engine import ssh
from labprov.engine.ssh import SshConnection
from labprov.engine.target import Target


class _Seen(Exception):
    pass


def _transport(sock: Any, **options: Any) -> None:
    raise _Seen(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), sorted(options))


def test_a_connection_sends_at_once_from_its_first_packet_on(monkeypatch, tmp_path):
    monkeypatch.setattr(ssh, "Transport", _transport)
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = Target("one", "127.0.0.1")
        connection = SimpleNamespace(target=target)
        with pytest.raises(_Seen) as seen:
            SshConnection._client(connection, "127.0.0.1", {"port": server.getsockname()[1], "username": "me"})
    nodelay, options = seen.value.args
    assert nodelay != 0
    assert "disabled_algorithms" in options


def test_what_is_no_socket_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(ssh, "Transport", lambda sock, **options: (sock, options))
    assert ssh._prompt("a channel of a jump host", gss_kex=False) == ("a channel of a jump host", {"gss_kex": False})
