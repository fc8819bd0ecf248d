"""The role conda_envs when the world is broken: mirrors that refuse, an index that is garbage, a disk that is full.

Each time the old environment still works, the message says what to do, and the next run converges. The tests go in the
order of the file.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec

pytestmark = pytest.mark.slow

FEW = ["hello-lab", "six"]
MORE = [*FEW, "cowpy", "iniconfig"]
ENVS = "/opt/conda/envs"


class Broken(BaseHTTPRequestHandler):
    """403 below ``/denied``, half a JSON below ``/garbage``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Refuse, or send the beginning of an index; nothing compressed is there."""
        if self.path.startswith("/garbage") and self.path.endswith("repodata.json"):
            body = b'{"info": {"subdir": "noarch"}, "packages": {"hello-'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404 if self.path.startswith("/garbage") else 403)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def lab(make_sandbox):
    """One host; its environments lie on a file system of their own, of 500 MB."""
    return make_sandbox("broken", NodeSpec("c12", "debian-12"))


@pytest.fixture(scope="module")
def server(lab):
    """Its address."""
    gateway = lab.mirror_url.split("/")[2].partition(":")[0]
    with ThreadingHTTPServer((gateway, 0), Broken) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://{gateway}:{serving.server_address[1]}"
        serving.shutdown()


@pytest.fixture(scope="module")
def apply(lab, cli, tmp_path_factory):
    """Apply conda and one environment, with other mirrors or settings: exit code, reasons of failures, what changed."""
    folder = tmp_path_factory.mktemp("broken")

    def run(
        packages: list[Any] | None, mirrors: dict[str, str] | None = None, **settings: Any
    ) -> tuple[int, list[str], list[str]]:
        data = yaml.safe_load(lab.inventory.read_text())
        data["mirrors"] |= mirrors or {}
        wanted = {"science": {"packages": packages}} if packages else {}
        data["settings"]["conda_envs"] |= {"environments": wanted, **settings}
        (folder / "lab.yml").write_text(yaml.safe_dump(data))
        words = ("apply", "workstation", "-i", str(folder / "lab.yml"), "--role", "miniconda", "--role", "conda_envs")
        code, report = cli.report(*words, "--yes", state=folder)
        failed = [each["reason"] for each in report["outcomes"] if each["result"] == "failed"]
        changed = [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]
        return code, failed, changed

    return run


@pytest.fixture
def say(lab, ssh):
    """Run a command on the host; what it printed."""
    return lambda command: ssh(lab, "c12", command).stdout


@pytest.fixture
def as_before(say):
    """At the end: the environment is the one that it was, works, and nothing is left beside it."""
    seen = f"readlink {ENVS}/science; ls -A {ENVS}/.labprov"
    before = say(seen)
    yield
    assert say(seen) == before
    assert "hello" in say(f"{ENVS}/science/bin/hello-lab")


def test_the_environment_of_before(apply, say):
    assert apply(None)[:2] == (0, [])
    say(f"sudo mount -t tmpfs -o size=500m,mode=755 labprov-test {ENVS}")
    code, failed, _ = apply(FEW)
    assert (code, failed) == (0, [])


@pytest.mark.usefixtures("as_before")
def test_a_channel_that_refuses(apply, server):
    code, (reason,), _ = apply(MORE, {"conda": f"{server}/denied"})
    assert code == 1 and "a channel cannot be used: " in reason and "403" in reason, reason
    assert "it refuses by policy: ask its keepers, or name another one (mirrors.conda)" in reason


@pytest.mark.usefixtures("as_before")
def test_a_pip_index_that_refuses(apply, server):
    code, (reason,), _ = apply(MORE, pip_index=f"{server}/denied/simple")
    assert code == 1 and f"the pip index {server}/denied/simple cannot be used: " in reason and "403" in reason, reason
    assert "it refuses by policy: ask its keepers, or name another one (pip_index or mirrors.pip)" in reason


@pytest.mark.usefixtures("as_before")
def test_a_channel_whose_index_is_garbage(apply, server):
    code, (reason,), _ = apply(MORE, {"conda": f"{server}/garbage"})
    assert code == 1 and "a channel's index cannot be read: " in reason, reason
    assert "name another one (mirrors.conda) or try again later" in reason


@pytest.mark.usefixtures("as_before")
def test_a_full_disk(apply, say):
    say(f"sudo sh -c 'dd if=/dev/zero of={ENVS}/ballast bs=1M 2>/dev/null; truncate -s -20M {ENVS}/ballast'")
    code, (reason,), _ = apply(MORE)
    assert code == 1 and f"the disk with {ENVS}" in reason and "make room there" in reason, reason


def test_the_next_run_converges(apply, say):
    say(f"sudo rm {ENVS}/ballast")
    code, failed, _ = apply(MORE)
    assert (code, failed) == (0, [])
    say(f"{ENVS}/science/bin/python -c 'import six, iniconfig' && {ENVS}/science/bin/cowpy hi")
    code, failed, changed = apply(MORE)
    assert (code, failed) == (0, []) and not [each for each in changed if "uses any more" not in each], changed
    say(f"sudo umount -l {ENVS}")
