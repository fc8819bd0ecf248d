"""The role images on real hosts with real Docker, and the vendor mirror's registry, whose tags move.

``i13`` comes first and decides, ``i12`` gets the same. The tests go in the order of the file.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.sandbox import NodeSpec, network, processes, server, ssh_command
from labprov.sandbox.mirror import ensure, registry
from labprov.sandbox.places import CACHE, Places
from labprov.sandbox.state import load

pytestmark = pytest.mark.slow

DEPLOY = """\"\"\"Docker and images.\"\"\"

from labprov.deploy import include
from labprov_roles import docker, images

include(docker)
include(images)
"""
NAME = "labprov/tiny:1.0"
IMAGES: dict[str, Any] = {"pull": [NAME], "build": {"course": {"folder": "course"}}, "min_free_gb": 1}
WRONG = "sha256:" + "1" * 64
"""A digest under which the registry has something else."""
DOCKERFILE = "FROM labprov/tiny:1.0\nCOPY notes /notes\n"


@dataclass
class Lab:
    """The hosts, their registry, and labprov run on them as from the command line."""

    hosts: Any
    folder: Path
    mirror: Path
    address: str
    program: bytes = field(default_factory=registry.tiny_program)

    def labprov(self, verb: str, limit: str, images: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``labprov VERB containers``."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        docker = {"registry_mirrors": [f"http://{self.address}"], "daemon": {"insecure-registries": [self.address]}}
        settings = {"docker": docker, "images": images}
        inventory["settings"] = {**inventory.get("settings", {}), **settings}
        (self.folder / "lab.yml").write_text(yaml.safe_dump(inventory, sort_keys=False))
        limits = [word for name in limit.split() for word in ("-l", name)]
        command = [sys.executable, "-m", "labprov", verb, "containers", "-i", "lab.yml", "--json", *limits, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=self.folder)

    def apply(self, limit: str, *roles: str, **changed: Any) -> tuple[int, dict[str, Any]]:
        """Apply the role, with some of its settings ``changed``, without being asked."""
        words = [word for name in roles or ("images",) for word in ("--role", name)]
        done = self.labprov("apply", limit, {**IMAGES, **changed}, "--yes", *words)
        assert done.stdout.startswith("{"), done.stdout[-2000:] + done.stderr[-4000:]
        return done.returncode, json.loads(done.stdout)

    def publish(self, version: str) -> str:
        """Push another image under the tag; its digest."""
        return registry.publish(self.mirror, "labprov/tiny", "1.0", {"version": version}, self.program)

    @property
    def lock(self) -> Path:
        """The role's decisions."""
        return self.folder / "labprov-images/images.lock"

    def locked(self) -> str:
        """The digest of the tag."""
        return str(yaml.safe_load(self.lock.read_text())["images"][NAME])

    def on(self, node: str, command: str, check: bool = True) -> str:
        """What a command printed on a host."""
        words = [*ssh_command(node, name=self.hosts.name), f"sudo sh -c '{command}'"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert not check or done.returncode == 0, f"{node}: {command}\n{done.stdout}{done.stderr}"
        return (done.stdout + done.stderr).strip()

    def images(self, node: str) -> list[str]:
        """All images of a host, with all of their names."""
        ids = "docker images -aq --no-trunc | sort -u"
        return self.on(
            node, f'{ids} | xargs docker image inspect -f "{{{{.Id}}}} {{{{.RepoTags}}}} {{{{.RepoDigests}}}}"'
        ).splitlines()

    def version(self, node: str, name: str = NAME) -> str:
        """The label of an image on a host; empty: there is none."""
        ask = f'docker image inspect -f "{{{{index .Config.Labels \\"version\\"}}}}" {name}'
        return self.on(node, f"{ask} 2>/dev/null", check=False)


def changed(report: dict[str, Any]) -> list[str]:
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def failures(report: dict[str, Any]) -> list[str]:
    reasons = [each["reason"] for each in report["outcomes"] if each["result"] == "failed"]
    return reasons + [f"{c['name']}: {c['reason']}" for c in report["checks"] if c["verdict"] == "failed"]


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory):
    """The hosts, their registry as a copy of the mirror, a folder to build from."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "deploys").mkdir()
    (folder / "deploys/containers.py").write_text(DEPLOY)
    (folder / "course").mkdir()
    (folder / "course/Dockerfile").write_text(DOCKERFILE)
    (folder / "course/notes").write_text("one\n")
    hosts = make_sandbox("images", NodeSpec("i12", "debian-12"), NodeSpec("i13", "debian-13"))
    mirror = ensure(CACHE / "mirror", print).copy(folder / "mirror").root
    places = Places(hosts.name)
    url = server.serve(places, mirror, network.gateway(load(places).subnet))
    manifests = mirror / "v2/labprov/tiny/manifests"
    (manifests / WRONG).write_bytes((manifests / "1.0").read_bytes())
    return Lab(hosts, folder, mirror, url.removeprefix("http://"))


@pytest.fixture(scope="module")
def first(lab) -> str:
    """The first apply: Docker on both hosts, images on one; the digest that the tag had then."""
    digest = lab.publish("one")
    code, report = lab.apply("i12 i13", "docker")
    assert (code, failures(report)) == (0, []), report["hosts"]
    code, report = lab.apply("i13")
    assert (code, failures(report)) == (0, []), report["hosts"]
    return digest


def test_the_first_host_decides_what_a_tag_is(lab, first):
    assert lab.locked() == first
    assert f"labprov/tiny@{first}" in lab.on("i13", f"docker image inspect {NAME}")
    assert lab.on("i13", "docker run --rm --network none course") == "labprov sandbox: a stand-in image"


def test_a_second_apply_changes_nothing(lab, first):
    before, images = lab.lock.read_bytes(), lab.images("i13")
    code, report = lab.apply("i13")
    assert (code, changed(report), failures(report)) == (0, [], [])
    assert sum(each["round_trips"] for each in report["outcomes"]) == 0, "the facts came all at once, before"
    assert (lab.lock.read_bytes(), lab.images("i13")) == (before, images)


def test_the_next_host_gets_the_same_although_the_tag_has_moved(lab, first):
    assert lab.publish("two") != first
    before = lab.lock.read_bytes()
    code, report = lab.apply("i12", build={})
    assert (code, failures(report)) == (0, []), report["hosts"]
    assert (lab.version("i12"), lab.lock.read_bytes()) == ("one", before)


def test_changed_content_is_built(lab, first):
    before = lab.on("i13", "docker image inspect -f {{.Id}} course")
    (lab.folder / "course/notes").write_text("two\n")
    code, report = lab.apply("i13")
    assert (code, failures(report)) == (0, [])
    assert [name.partition(" when")[0] for name in changed(report)] == ["Build course:latest"]
    assert lab.on("i13", "docker image inspect -f {{.Id}} course") != before


def test_a_failing_build_keeps_the_old(lab, first):
    built = lab.on("i13", "docker image inspect -f {{.Id}} course")
    (lab.folder / "course/Dockerfile").write_text(f'{DOCKERFILE}RUN ["/bin/false"]\n')
    code, report = lab.apply("i13")
    (reason,) = failures(report)
    assert code == 1 and "/bin/false" in reason, reason
    assert "this program always fails" in json.dumps(report["outcomes"])
    assert lab.on("i13", "docker image inspect -f {{.Id}} course") == built
    assert lab.on("i13", "ls /var/lib/labprov | grep -c build", check=False) == "0", "nothing is left of it"
    (lab.folder / "course/Dockerfile").write_text(DOCKERFILE)


def test_the_lock_moves_on_purpose_and_the_hosts_follow(lab, first):
    done = lab.labprov("lock", "i12 i13", {**IMAGES}, "--upgrade", "images")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["renewed"]
    assert line.startswith(f"images: {NAME}: {first[:19]} -> sha256:") and lab.locked() != first
    assert lab.version("i12") == "one", "a lock changes no host"
    code, report = lab.apply("i12 i13")
    assert (code, failures(report)) == (0, [])
    assert {lab.version("i12"), lab.version("i13")} == {"two"}


def test_prune_removes_what_the_role_brought_and_nothing_of_others(lab, first):
    """By then the old version of the image has no name, and a container of i13 uses it; of i12 none does."""
    lab.on("i13", f"docker run -d --name work --network none labprov/tiny@{first} sleep")
    lab.on("i12", "docker pull labprov/tiny:latest && docker tag labprov/tiny:latest somebody/made:1")
    old = "docker image inspect -f {{.Id}} labprov/tiny@" + first
    code, report = lab.apply("i12 i13")
    assert (code, changed(report)) == (0, []), "not unless it is asked for"
    theirs = lab.on("i12", "docker image inspect -f {{.Id}} somebody/made:1")
    code, report = lab.apply("i12 i13", build={}, prune=True)
    assert (code, failures(report)) == (0, [])
    assert "No such image" in lab.on("i12", old, check=False)
    assert "No such image" in lab.on("i13", "docker image inspect course", check=False)
    assert lab.on("i13", old).startswith("sha256:"), "a container uses it"
    assert lab.on("i12", "docker image inspect -f {{.Id}} somebody/made:1") == theirs
    code, report = lab.apply("i12 i13", build={}, prune=True)
    assert (code, changed(report)) == (0, [])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("{address}/labprov/members-only:1.0", "refuses this server"),
        ("{address}/labprov/tiny:9.9", "there is no such image or tag"),
        ("{host}:1/labprov/tiny:1.0", "no registry was reached"),
        ("{address}/labprov/tiny:1.0@sha256:" + "0" * 64, "the registry does not have that digest"),
        (f"{{address}}/labprov/tiny:1.0@{WRONG}", "what came is not what the lock says"),
    ],
    ids=["403", "unknown tag", "unreachable", "unknown digest", "other content"],
)
def test_a_pull_that_cannot_be_is_said_and_changes_nothing(lab, first, name, says):
    before, images = lab.lock.read_bytes(), lab.images("i13")
    code, report = lab.apply(
        "i13", pull=[name.format(address=lab.address, host=lab.address.partition(":")[0])], build={}, pull_timeout=60
    )
    assert code == 1 and says in failures(report)[0], failures(report)
    assert (lab.lock.read_bytes(), lab.images("i13")) == (before, images)


def test_too_little_room_is_refused_before_anything_is_pulled(lab, first):
    code, report = lab.apply("i13", pull=[f"{lab.address}/labprov/tiny:latest"], build={}, min_free_gb=100_000)
    assert code == 1
    assert "GB are free in /var/lib/docker, and images.min_free_gb is 100000" in json.dumps(report)


def test_a_tag_that_somebody_moved_points_back(lab, first):
    wanted = lab.version("i12")
    lab.on("i12", f"docker tag labprov/tiny:latest {NAME}")
    assert lab.version("i12") != wanted
    code, report = lab.apply("i12", build={})
    assert (code, failures(report)) == (0, [])
    assert lab.version("i12") == wanted


def test_a_pull_that_takes_too_long_is_given_up_and_made_up_for(lab, first):
    """The registry stands still meanwhile, and comes back."""
    lab.on("i12", f"docker image rm {NAME}")
    (registry_process,) = processes.servers(Places(lab.hosts.name))
    os.kill(registry_process, signal.SIGSTOP)
    try:
        code, report = lab.apply("i12", build={}, pull_timeout=10)
    finally:
        os.kill(registry_process, signal.SIGCONT)
    assert code == 1 and "10" in failures(report)[0], failures(report)
    assert lab.on("i12", "pgrep -x docker", check=False) == "", "nothing goes on with it"
    code, report = lab.apply("i12", build={})
    assert (code, failures(report)) == (0, [])
    assert lab.version("i12")


def test_a_git_repository_is_built_at_its_locked_commit(lab, first):
    bare, work = lab.mirror / "git/image.git", lab.folder / "work"

    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=lab", "-c", "user.email=lab@example.org", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=lab.folder).stdout.strip()

    def push(text: str) -> str:
        (work / "notes").write_text(text)
        git("-C", str(work), "add", ".")
        git("-C", str(work), "commit", "-q", "-m", text)
        shutil.rmtree(bare, ignore_errors=True)
        git("clone", "-q", "--bare", str(work), str(bare))
        git("-C", str(bare), "update-server-info")  # plain files over HTTP are enough for git then
        return git("-C", str(work), "rev-parse", "HEAD")

    git("init", "-q", "-b", "main", str(work))
    (work / "Dockerfile").write_text(DOCKERFILE)
    commit = push("one")
    build = {"lab": {"git": f"http://{lab.address}/git/image.git", "ref": "main", "tag": "lab/git:1"}}
    code, report = lab.apply("i13", build=build)
    assert (code, failures(report)) == (0, [])
    assert commit in lab.lock.read_text()
    push("two")
    code, report = lab.apply("i12", build=build)
    assert (code, failures(report)) == (0, [])
    content = 'docker image inspect -f "{{index .Config.Labels \\"labprov.content\\"}}" lab/git:1'
    assert lab.on("i12", content) == lab.on("i13", content)
    code, report = lab.apply("i12 i13", build=build)
    assert (code, changed(report)) == (0, [])
