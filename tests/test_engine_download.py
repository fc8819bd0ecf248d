"""Downloads carried out by this machine's own shell and curl, from a web server of the test's own."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest

from labprov.engine.operations.download import script

CONTENT = b"#!/bin/sh\necho installed\n"
SUM = hashlib.sha256(CONTENT).hexdigest()

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl downloads")


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and ``/slow``, which begins and does not end."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(bytes(200_000))  # more than curl keeps to itself
            time.sleep(5)
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("www")
    (folder / "x.sh").write_bytes(CONTENT)
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=str(folder)))
    httpd.daemon_threads, httpd.block_on_close = True, False
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def download(url, dest, sha256=SUM, mode="755"):
    command = ["sh", "-c", script(url, str(dest), sha256, mode)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_right_file_arrives_with_its_mode(server, tmp_path):
    done = download(f"{server}/x.sh", tmp_path / "x.sh")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.sh").read_bytes() == CONTENT
    assert stat.S_IMODE((tmp_path / "x.sh").stat().st_mode) == 0o755
    assert os.listdir(tmp_path) == ["x.sh"]


def test_a_wrong_file_never_arrives(server, tmp_path):
    (tmp_path / "x.sh").write_text("old")
    done = download(f"{server}/x.sh", tmp_path / "x.sh", sha256="a" * 64)
    assert done.returncode != 0
    assert f"sha256 of {server}/x.sh is {SUM}, expected {'a' * 64}" in done.stderr
    assert (tmp_path / "x.sh").read_text() == "old"
    assert os.listdir(tmp_path) == ["x.sh"]


def test_a_file_that_the_server_lacks(server, tmp_path):
    done = download(f"{server}/none", tmp_path / "x.sh")
    assert done.returncode != 0
    assert "404" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_folder_at_the_destination_stays_as_it_is(server, tmp_path):
    (tmp_path / "x.sh").mkdir()
    assert download(f"{server}/x.sh", tmp_path / "x.sh").returncode != 0
    assert os.listdir(tmp_path) == ["x.sh"]
    assert os.listdir(tmp_path / "x.sh") == []


def test_another_protocol_is_refused(tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    assert download(f"file://{tmp_path}/source", tmp_path / "x.sh").returncode != 0
    assert os.listdir(tmp_path) == ["source"]


@pytest.mark.parametrize("name", ["a b", "it's", '"q"', "$(touch pwned)", "`touch pwned`", ";touch pwned", "-o", "ü"])
def test_hostile_names_are_only_names(server, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert download(f"{server}/x.sh", tmp_path / name).returncode == 0
    assert os.listdir(tmp_path) == [name]
    assert download(f"{server}/{name}", tmp_path / "other").returncode != 0
    assert download(f"{server}/x.sh", tmp_path / "other", sha256=name).returncode != 0
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_download_leaves_nothing(server, tmp_path, number):
    command = ["sh", "-c", script(f"{server}/slow", str(tmp_path / "x.sh"), SUM, "644")]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert os.listdir(tmp_path)
        os.killpg(process.pid, number)
        assert process.wait(timeout=60) != 0
    assert os.listdir(tmp_path) == []
