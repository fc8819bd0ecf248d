"""Checks that run a container: the script that is sent, and what is made of its answer."""

import subprocess
from types import SimpleNamespace

import pytest

from labprov_roles.docker.minimal_image import script_text, with_container


class FakeHost:
    """A host that answers one command."""

    def __init__(self, stdout: str, stderr: str = "", rc: int = 0) -> None:
        self.answer = SimpleNamespace(stdout=stdout, stderr=stderr, rc=rc)

    def run(self, command: str, *args: str) -> SimpleNamespace:
        self.sent = args[0]
        return self.answer


def test_each_command_has_its_answer():
    host = FakeHost("GPU 0\n\x1e0\x1e\x1e0\x1elost\n\x1e9\x1e")
    one, two, three = with_container(host, ["a", "b", "c"])
    assert (one.rc, one.text) == (0, "GPU 0\n")
    assert (two.rc, str(two)) == (0, "exit code 0")
    assert (three.rc, str(three)) == (9, "lost")


@pytest.mark.parametrize("stdout", ["", "GPU 0\n\x1e0\x1e"], ids=["nothing ran", "cut off"])
def test_a_container_that_does_not_start_fails_the_check(stdout):
    with pytest.raises(AssertionError, match=r"docker run --device x\): no such device"):
        with_container(FakeHost(stdout, "docker: warning\nno such device\n", 125), ["a", "b"], ["--device x"])


def test_the_script_is_valid_and_complete():
    script = script_text(["docker exec $c true"], ["--network none"], ["nvidia-smi"])
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    assert "@" not in script
    assert '--name "$c" --network none "$i" sleep 600' in script


def test_the_script_cleans_up_and_reports_what_each_command_said(tmp_path):
    """With a stand-in for docker: what is made is removed, also when the container does not start."""
    log = tmp_path / "log"
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\necho "$@" >>{log}\n[ "$1" != import ] || cat >/dev/null\n[ "$1" != run ] || exit $FAIL\n'
    )
    docker.chmod(0o755)
    for fail, out in (("0", "hello\n\x1e0\x1e\x1e1\x1e"), ("125", "")):
        log.write_text("")
        done = subprocess.run(
            ["sh", "-c", script_text(["echo hello", "false"], [], [])],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path), "FAIL": fail},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == out, done.stderr
        verbs = [line.split()[0] for line in log.read_text().splitlines()]
        assert verbs == ["import", "run", "rm", "image"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["docker", "log"]
