"""Mirrors on real hosts: in apt's sources and pip's configuration and out again, and measured as the hosts see them.

A server of the test's own stands in for mirrors, good and bad; its Debian archive sends on to that of this machine. The
tests go in the order of the file.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec
from labprov.sandbox.apt_sources import machine_archive

pytestmark = pytest.mark.slow

STALE = b"Origin: x\nDate: Sat, 03 Feb 2001 04:05:06 UTC\nValid-Until: Sat, 10 Feb 2001 04:05:06 UTC\n"
BASE = {"packages": ["ca-certificates", "curl"], "ntp": False, "guest_agent": False}


class Mirror(BaseHTTPRequestHandler):
    """Answers by the first folder of the address."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send on, refuse, send something old, or something slow."""
        first, _, rest = self.path.lstrip("/").partition("/")
        self.server.seen.append(first)
        archive = machine_archive()
        onward = {"debian": archive.main, "debian-security": archive.security}.get(first)
        code = (
            302 if onward else {"denied": 403, "stale": 200, "fresh": 200, "slow": 200, "simple": 200}.get(first, 404)
        )
        fresh = f"Origin: x\nDate: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} UTC\n".encode()
        body = {"stale": STALE, "fresh": fresh, "simple": b"x" * 100_000}.get(first, b"")
        self.send_response(code)
        if onward:
            self.send_header("Location", f"{onward}/{rest}")
        self.send_header("Content-Length", str(10_000_000 if first == "slow" else len(body)))
        self.end_headers()
        self.wfile.write(body)
        while first == "slow" and not self.server.stopped.wait(0.1):
            try:
                self.wfile.write(b"x" * 1024)
            except OSError:
                break

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def lab(make_sandbox):
    """Debian 12 ``m12`` with the sources that Debian ships, and a bare Debian 13 ``m13``."""
    return make_sandbox("mirror", NodeSpec("m12", "debian-12"), NodeSpec("m13", "debian-13"))


@pytest.fixture(scope="module")
def server(lab):
    """Its address, and the first folders that were asked for."""
    gateway = lab.mirror_url.split("/")[2].partition(":")[0]
    with ThreadingHTTPServer((gateway, 0), Mirror) as serving:
        serving.seen, serving.stopped = [], threading.Event()
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://{gateway}:{serving.server_address[1]}", serving.seen
        serving.stopped.set()
        serving.shutdown()


@pytest.fixture(scope="module")
def say(lab, ssh):
    """Run a command on a node; what it printed."""
    return lambda command, node="m12": ssh(lab, node, command).stdout


@pytest.fixture(scope="module")
def shipped(lab, say):
    """What is in the files before labprov comes: Debian's as in its cloud images; and a line that somebody disabled."""
    archive, folder = machine_archive(), "mirror+file:///etc/apt/mirrors"
    named = {archive.main: "debian.list", archive.security: "debian-security.list"}
    lines = ["# as shipped"]
    for line in archive.lines("bookworm"):
        _, address, suite, *_ = line.split()
        lines.append(f"deb {folder}/{named[address]} {suite} main")  # its lists are the smallest that will do
    lines.append(f"# deb {folder}/debian.list sid main")
    for address, name in named.items():
        say(f"sudo mkdir -p /etc/apt/mirrors; echo {address} | sudo tee /etc/apt/mirrors/{name}")
    written = "\n".join(lines)
    say("sudo rm -f /etc/apt/sources.list.d/*; sudo tee /etc/apt/sources.list >/dev/null <<'END'\n" + written + "\nEND")
    return say("cat /etc/apt/sources.list; echo =; cat /etc/pip.conf || true")


@pytest.fixture
def inventory(lab, tmp_path):
    """Write the sandbox's inventory with other mirrors; its path."""

    def write(mirrors: dict[str, Any] | None, keep: bool = False, **hosts: Any) -> str:
        data = yaml.safe_load(lab.inventory.read_text())
        data["mirrors"] = {**(data["mirrors"] if keep else {}), **(mirrors or {})}
        data["settings"]["base"] = BASE
        data["hosts"] |= hosts
        (tmp_path / "lab.yml").write_text(yaml.safe_dump(data))
        return str(tmp_path / "lab.yml")

    return write


@pytest.fixture
def apply(cli, inventory, tmp_path):
    """Apply the role base to m12 with mirrors: exit code, names of what changed, reasons of failures, checks."""

    def run(mirrors: dict[str, Any]) -> tuple[int, list[str], list[str], dict[str, str]]:
        words = ("apply", "docker-node", "-i", inventory(mirrors), "--role", "base", "-l", "m12", "--yes")
        code, report = cli.report(*words, state=tmp_path)
        changed = [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]
        failed = [each["reason"] for each in report["outcomes"] if each["result"] == "failed"]
        return code, changed, failed, {each["name"]: each["verdict"] for each in report["checks"]}

    return run


def wanted(server: str) -> dict[str, str]:
    named = {"debian": f"{server}/debian", "pip": f"{server}/simple"}
    return named | ({"debian_security": f"{server}/debian-security"} if machine_archive().security else {})


def test_a_mirror_that_refuses_is_not_taken(shipped, apply, server, say):
    code, changed, (reason,), _ = apply({**wanted(server[0]), "debian": f"{server[0]}/denied"})
    assert code == 1 and "the mirror cannot be used: E: " in reason and "403" in reason, reason
    assert not any("packages come from" in name for name in changed)
    assert say("cat /etc/apt/sources.list; echo =; cat /etc/pip.conf || true") == shipped


def test_apt_and_everybodys_pip_use_the_mirrors(shipped, apply, server, say):
    mirrors = wanted(server[0])
    code, changed, failed, checks = apply(mirrors)
    assert (code, failed) == (0, []), failed
    assert (
        checks["packages come from the mirror named"]
        == checks["pip of an ordinary user uses the index named"]
        == "passed"
    )
    assert "Install the everyday tools and services" in changed and "debian" in server[1], "curl came by the mirror"
    lists = say("apt-get indextargets --format '$(REPO_URI)'").split()
    assert lists and all(each.startswith(server[0]) for each in lists)
    assert f"index-url = {mirrors['pip']}" in say("cat /etc/pip.conf").splitlines()
    assert apply(mirrors)[:3] == (0, [], [])


def test_mirrors_are_measured_from_hosts_and_told_apart(lab, cli, inventory, server, tmp_path):
    url = server[0]
    gateway = url.rpartition(":")[0].rpartition("/")[2]
    mirrors = {
        **wanted(url),
        "debian": f"{url}/fresh",
        "cuda": f"{url}/denied",
        "nvidia_container_toolkit": f"{url}/nothing",
        "debian_security": f"{url}/stale",
        "conda": f"http://{gateway}:9",
        "pytorch": url.replace("http:", "https:"),
        "miniforge": f"{url}/slow",
        "registry": "http://no-such-host.invalid",
    }
    lost = {"address": gateway, "port": 9, "host_keys": "accept-new"}
    words = ("mirrors", "check", "-i", inventory(mirrors, keep=True, lost=lost), "--seconds", "10")
    code, report = cli.report(*words, state=tmp_path)
    assert code == 1 and list(report["unreachable"]) == ["lost"]
    assert report["hosts"]["m12"]["tool"] == "curl" and report["hosts"]["m13"]["tool"] != "none"
    for name in ("m12", "m13"):
        rows = {row["key"]: row for row in report["hosts"][name]["mirrors"]}
        verdicts = {key: row["verdict"] for key, row in rows.items()}
        if report["hosts"][name]["tool"] == "apt-helper" and verdicts["miniforge"] == "down":
            verdicts["miniforge"] = "fine"  # slow is all the same to a program that tells nothing until it is done
        assert {key: verdicts[key] for key in (*wanted(url), *mirrors)} == {
            "debian": "fine", "pip": "fine", "cuda": "forbidden", "nvidia_container_toolkit": "not offered",
            "debian_security": "stale", "conda": "down", "pytorch": "tls", "miniforge": "fine", "registry": "down",
        }, (name, rows)  # fmt: skip
        assert verdicts["docker"] in ("fine", "stale"), "the sandbox's own; its packages may be of long ago"
        assert all(row["advice"] for row in rows.values() if row["verdict"] != "fine")
    m12 = {row["key"]: row for row in report["hosts"]["m12"]["mirrors"]}
    assert 0 <= m12["debian"]["age_days"] < 1 and m12["pip"]["mb_per_s"] > 0
    assert m12["miniforge"]["mb_per_s"] < 0.5 and m12["docker"]["first_byte_ms"] > 0


def test_all_is_well_and_a_host_is_chosen(cli, inventory, server, tmp_path):
    done = cli.labprov("mirrors", "check", "m12", "-i", inventory({"pip": f"{server[0]}/simple"}), state=tmp_path)
    lines = done.stdout.splitlines()
    assert any(line.split()[:3] == ["pip", "inventory", "fine"] for line in lines), done.stdout + done.stderr
    assert any(line.split()[:2] == ["cuda", "vendor"] for line in lines), "what it would use else is measured too"
    assert done.returncode == 0, "the vendors' count for nothing here"


def test_a_plan_says_what_comes_from_where(cli, inventory, server, tmp_path):
    mirrors = {"preset": "tuna", **wanted(server[0])}
    words = ("plan", "docker-node", "-v", "-i", inventory(mirrors), "--role", "base", "-l", "m12")
    done = cli.labprov(*words, state=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mirrors from the preset tuna (Tsinghua University, TUNA): docker" in done.stdout, done.stdout
    assert "from the vendors themselves: cuda (not mirrored)" in done.stdout


def test_what_is_no_longer_named_is_taken_back(shipped, apply, say):
    code, changed, failed, _ = apply({})
    assert (failed, sorted(changed)) == ([], [
        "Have everybody's pip use the index named", "Have the distribution's packages come from the mirror named",
    ])  # fmt: skip
    assert code == 0
    assert say("cat /etc/apt/sources.list; echo =; cat /etc/pip.conf || true") == shipped
