"""What is fetched of mirrors, what the programs on hosts print of it, and what that means."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from labprov.engine.facts.system import System
from labprov.main import main
from labprov.mirrors.check import probing
from labprov.mirrors.check.probing import BROKEN, DNS, REFUSED, TIMEOUT, TLS, Fetched, Request
from labprov.mirrors.check.targets import Target, targets
from labprov.mirrors.check.verdict import Result, Rules, Verdict, judge
from labprov.mirrors.origins import Origin, origins

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RULES = Rules(NOW)
DEBIAN = System("debian", "12", "bookworm")
WORDS = {"channel": "conda-forge", "miniforge": "1-0/Miniforge3-1-0-Linux-x86_64.sh"}
TARGET = Target(
    Origin("debian", "https://m.example/debian", "tuna"), False, "https://m.example/i", "f", 14, frozenset({200})
)


def chosen(written: dict[str, object], system: System = DEBIAN) -> dict[str, Target]:
    return {each.origin.key: each for each in targets(origins(written), [], system, WORDS)}


def test_addresses_are_those_that_package_managers_ask_for() -> None:
    found = chosen({"preset": "tuna"})
    assert found["debian"].index.endswith("/debian/dists/bookworm-updates/InRelease")
    assert found["docker"].file.endswith("/docker-ce/linux/debian/dists/bookworm/stable/binary-amd64/Packages")
    assert found["cuda"].index.endswith("/repos/debian12/x86_64/InRelease")
    assert found["conda"].index.endswith("/anaconda/cloud/conda-forge/noarch/repodata.json")
    assert found["pip"].index == "https://pypi.tuna.tsinghua.edu.cn/simple/pip/"
    assert not {"ubuntu", "epel", "rocky"} & set(found)


def test_addresses_on_other_systems() -> None:
    rocky = chosen({"preset": "ustc"}, System("rocky", "9.4", "", ("rhel",), "aarch64"))
    assert rocky["cuda"].index.endswith("/rhel9/sbsa/repodata/repomd.xml")
    assert rocky["rocky"].index.endswith("/rocky/9/BaseOS/aarch64/os/repodata/repomd.xml")
    assert rocky["docker"].index.endswith("/docker-ce/linux/rhel/9/aarch64/stable/repodata/repomd.xml")
    arm = chosen({"preset": "ustc"}, System("ubuntu", "24.04", "noble", (), "aarch64"))
    assert arm["ubuntu_ports"].index.endswith("/ubuntu-ports/dists/noble-updates/InRelease")


def test_vendors_count_not_and_presets_are_only_compared() -> None:
    mine = origins({"docker": "https://own.example"})
    found = targets(mine, [Origin("docker", "https://m.example/docker-ce", "ustc")], DEBIAN, WORDS)
    results = {(t.origin.key, t.origin.by): judge(t, fetched(http=404), None, RULES, True) for t in found}
    assert results["docker", "inventory"].counts
    assert not results["docker", "ustc"].counts and not results["cuda", "vendor"].counts
    assert ("miniconda", "vendor") not in results, "few servers use it"


def fetched(**changed: object) -> Fetched:
    return replace(Fetched(0, 200, 0.02, 1.02, 8_000_000), **changed)  # type: ignore[arg-type]  # fields of it


def told(**changed: object) -> Result:
    return judge(TARGET, fetched(**changed), None, RULES, True)


@pytest.mark.parametrize(
    ("seen", "verdict", "why"),
    [
        ({}, Verdict.FINE, ""),
        ({"http": 403}, Verdict.FORBIDDEN, "m.example refuses"),
        ({"http": 407}, Verdict.FORBIDDEN, "proxy"),
        ({"http": 429}, Verdict.FORBIDDEN, "too many"),
        ({"http": 404}, Verdict.MISSING, "does not have https://m.example/i"),
        ({"http": 502}, Verdict.DOWN, "502"),
        ({"http": 0, "exit": DNS}, Verdict.DOWN, "name m.example is unknown"),
        ({"http": 0, "exit": REFUSED}, Verdict.DOWN, "cannot be connected"),
        ({"http": 0, "exit": TIMEOUT}, Verdict.DOWN, "in time"),
        ({"http": 0, "exit": BROKEN}, Verdict.DOWN, "broke off"),
        ({"http": 0, "exit": TLS}, Verdict.TLS, "no TLS"),
        ({"modified": NOW - timedelta(days=15)}, Verdict.STALE, "15 days old"),
        ({"dated": NOW - timedelta(days=13), "modified": NOW - timedelta(days=99)}, Verdict.FINE, ""),
        ({"valid_until": NOW - timedelta(hours=1)}, Verdict.STALE, "apt refuses"),
        ({"valid_until": NOW + timedelta(hours=1)}, Verdict.FINE, ""),
    ],
)
def test_verdicts(seen: dict[str, object], verdict: Verdict, why: str) -> None:
    result = told(**seen)
    assert (result.verdict, why in result.why) == (verdict, True), result
    assert bool(result.advice) == (verdict is not Verdict.FINE), "what does not work comes with what to do"


def test_a_host_without_authorities_is_told_of_them_not_of_the_mirror() -> None:
    result = judge(TARGET, fetched(http=0, exit=TLS), None, RULES, False)
    assert result.verdict is Verdict.TLS and "ca-certificates" in result.advice


def test_a_host_that_has_nothing_to_fetch_with() -> None:
    assert judge(TARGET, None, None, RULES, True).verdict is Verdict.UNMEASURED


def test_an_age_on_the_command_line_wins() -> None:
    seen = fetched(dated=NOW - timedelta(days=2), valid_until=NOW - timedelta(days=1))
    assert judge(TARGET, seen, None, Rules(NOW, 3), True).verdict is Verdict.FINE
    assert judge(TARGET, seen, None, Rules(NOW, 1), True).verdict is Verdict.STALE


def test_the_speed_is_that_of_the_file_without_the_wait_for_it() -> None:
    result = judge(TARGET, fetched(size=60_000), fetched(first=1.0, seconds=3.0, size=4_000_000), RULES, True)
    assert (result.mb_per_s, result.measured_bytes, result.first_byte_ms) == (2.0, 4_000_000, 20.0)
    assert judge(TARGET, fetched(size=100), None, RULES, True).mb_per_s is None, "too little to tell"


WGET = """tool wget
= 0 8 0 0 0.031 0
!   HTTP/1.1 302 Found
!   HTTP/1.1 403 Forbidden
! https://m.example/x:
! 2026-11-22 10:00:00 ERROR 403: Forbidden.
= 2 4 0 0 0.010 0
! wget: unable to resolve host address 'no.example'
= 4 5 0 0 0.010 0
! ERROR: The certificate of 'm.example' is not trusted.
= 6 0 0 0 0.500 9000
  Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT
!   HTTP/1.1 206 Partial Content
"""
HELPER = """tool apt-helper
no-authorities
= 0 100 0 0 0.1 0
! Err:1 http://m.example/InRelease
!   404  Not Found [IP: 10.0.0.1 80]
! E: Failed to fetch http://m.example/InRelease  404  Not Found [IP: 10.0.0.1 80]
= 1 100 0 0 0.1 0
! E: Failed to fetch https://m.example/x  Certificate verification failed: The certificate is NOT trusted.
= 2 124 0 0 5.0 0
= 3 0 0 0 0.1 70000
index-Date: Sat, 21 Nov 2026 10:00:00 UTC
index-Valid-Until: Sat, 28 Nov 2026 10:00:00 UTC
= 4 100 0 0 0.1 0
! E: Failed to fetch http://10.0.0.9/x  Could not connect to 10.0.0.9:80 (10.0.0.9). - connect (111: Connection refused)
"""


def test_what_wget_says() -> None:
    seen = probing.read(WGET)
    assert (seen.tool, seen.authorities) == ("wget", True)
    assert [(seen.fetched[n].exit, seen.fetched[n].http) for n in (2, 4)] == [(DNS, 0), (TLS, 0)]
    assert seen.fetched[0].http == 403
    assert seen.fetched[6].http == 206 and seen.fetched[6].modified == datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_what_apt_says() -> None:
    seen = probing.read(HELPER)
    assert not seen.authorities
    assert [(seen.fetched[n].exit, seen.fetched[n].http) for n in range(5)] == [
        (BROKEN, 404), (TLS, 0), (TIMEOUT, 0), (0, 200), (REFUSED, 0),
    ]  # fmt: skip
    assert seen.fetched[3].dated == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert seen.fetched[3].valid_until == datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert seen.fetched[0].said.startswith("E: Failed")


@pytest.mark.parametrize("text", ["", "tool curl\n= 0", "tool curl\n= 0 28 200", "nonsense\n= 1 2 3"])
def test_output_that_was_cut_off_is_missing(text: str) -> None:
    assert probing.read(text).fetched == {}


class Server(BaseHTTPRequestHandler):
    """Answers by the address: a code, ``big``, ``slow`` (for ever), ``old`` (an index of 2001), ``/`` redirects."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Send it."""
        word = self.path.strip("/")
        code = int(word) if word.isdecimal() else 302 if word == "moved" else 200
        self.send_response(code)
        self.send_header("Last-Modified", format_datetime(datetime(2026, 11, 20, tzinfo=UTC), usegmt=True))
        if word == "moved":
            self.send_header("Location", "/old")
        self.end_headers()
        body = b"Origin: x\nDate: Sat, 03 Feb 2001 04:05:06 UTC\nValid-Until: Sat, 10 Feb 2001 04:05:06 UTC\n"
        try:
            self.wfile.write(body)
            while word == "slow" and not self.server.stopped.wait(0.05):  # type: ignore[attr-defined]  # set below
                self.wfile.write(b"x" * 4096)
            for _ in range(400 if word == "big" else 0):
                self.wfile.write(b"x" * 65_536)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        serving.stopped = threading.Event()  # type: ignore[attr-defined]  # for the handler
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.stopped.set()  # type: ignore[attr-defined]
        serving.shutdown()


_NEEDED = "sh mktemp rm date awk head grep sed cut tail wc cat cp timeout"


@pytest.mark.parametrize("tool", ["curl", "python3", "wget"])
def test_the_probe_with_each_program_that_a_host_may_have(tool: str, server: str, tmp_path: Path) -> None:
    """The path holds that program alone: the others are not to be found."""
    if shutil.which(tool) is None:
        pytest.skip(f"this machine has no {tool}")
    for name in (*_NEEDED.split(), tool):
        found = sys.executable if name == "python3" else shutil.which(name)
        (tmp_path / name).write_text(f'#!/bin/sh\nexec {found} "$@"\n')
        (tmp_path / name).chmod(0o755)
    closed = "http://127.0.0.1:9"
    asked = ["403", "200", "404", "big", "slow", "moved"]
    requests = [Request(n, f"{server}/{word}", 1_000_000, 3 if word == "slow" else 20) for n, word in enumerate(asked)]
    requests += [Request(6, f"{closed}/x", 1000, 20), Request(7, f"{server}/big", 1000, 20, follows=True)]
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", "-c", probing.script()], input=probing.lines(requests), capture_output=True, check=False,
        timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = probing.read(done.stdout.decode())
    assert seen.tool == tool
    https = {n: each.http for n, each in seen.fetched.items()}
    # On a busy machine wget was seen to end at the redirection; what it says of one is tested above.
    followed = https.pop(5) == 200
    assert https == {0: 403, 1: 200, 2: 404, 3: 200, 4: 200, 6: 0}
    assert followed or tool == "wget"
    assert seen.fetched[6].exit == REFUSED
    assert 900_000 < seen.fetched[3].size < 1_200_000, "no more than was asked for, of 26 MB"
    assert 0 < seen.fetched[4].size < 1_000_000, "seconds end it too: it goes on for ever"
    assert seen.fetched[5].dated == datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC) or not followed
    assert seen.fetched[1].modified == datetime(2026, 11, 20, tzinfo=UTC)
    assert 7 not in seen.fetched, "nothing came before it: not of interest"


def test_an_unknown_preset_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("hosts: {a: {address: 192.0.2.1}}\n")
    done = CliRunner().invoke(main, ["mirrors", "check", "-i", str(tmp_path / "lab.yml"), "--preset", "tsinghua"])
    assert done.exit_code == 2 and "no preset 'tsinghua' (there are aliyun, " in done.output, done.output


def test_presets_are_listed_with_what_they_lack() -> None:
    done = CliRunner().invoke(main, ["mirrors", "presets", "--no-color"])
    assert done.exit_code == 0
    assert "  nvidia_container_toolkit: https://mirrors.ustc.edu.cn/libnvidia-container" in done.output
    assert "  cuda: the vendor's own (not mirrored)" in done.output
