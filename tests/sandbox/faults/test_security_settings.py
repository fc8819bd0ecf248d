"""Settings that a shell would read as commands and that validation lets through, on real hosts: they run nothing."""

from __future__ import annotations

import json

import pytest

DEPLOY = '"""All."""\nfrom labprov.deploy import include\nfrom labprov_roles import {0}\n\ninclude({0})\n'
PAYLOADS = {
    "deb12": "http://127.0.0.1:9/$(touch$IFS/canary);touch$IFS/canary;&touch$IFS/canary&",
    "deb13": "http://127.0.0.1:9/;(touch$IFS/canary)#*?[a]%24!!~@,=",
}
URLS = ("docker", "cuda", "nvidia_container_toolkit", "miniconda", "miniforge", "conda")


@pytest.fixture
def hostile(lab, root):
    """Run labprov for one role, with a hostile URL wherever it takes one."""

    def run(command: str, role: str, extra=lambda url: {}):
        (lab.folder / "deploys" / "all.py").write_text(DEPLOY.format(role))
        for node, url in PAYLOADS.items():
            settings = {"mirrors": {name: {"url": url} for name in URLS}} | extra(url)
            lab.inventory["hosts"][node]["settings"] = {role: settings}
        lab.inventory.pop("settings", None)
        done = lab.run(command, "all", "-i", "lab.yml", "-l", "deb12", "-l", "deb13", "--json", timeout=240)
        assert done.stdout.startswith("{"), done.stderr
        return json.loads(done.stdout)

    for node in PAYLOADS:
        root(node, "rm -f /canary")
    yield run
    for node in PAYLOADS:
        assert root(node, "ls /canary 2>/dev/null; find / -xdev -name '*canary*' ! -path '/proc/*' | head") == "", node


EXTRA = {
    "docker": lambda url: {"registry_mirrors": [url]},
    "miniconda": lambda url: {"installer_url": url + ".sh", "sha256": "0" * 64, "default_channels": [url]},
}


@pytest.mark.parametrize("role", ["docker", "cuda", "nvidia_driver", "nvidia_container_toolkit", "miniconda"])
def test_a_hostile_mirror_runs_nothing(hostile, role):
    """Planned and applied: the download fails, as it should, and nothing else happens."""
    extra = EXTRA.get(role, lambda url: {})
    planned = hostile("plan", role, extra)
    told = json.dumps([o["commands"] + o["diffs"] for o in planned["plan"]])
    assert "canary" in told or role.startswith("nvidia") or role == "cuda", "the value did arrive in the plan"
    applied = hostile("apply", role, extra)
    reasons = json.dumps([o["reason"] for o in applied["outcomes"] if o["result"] == "failed"])
    assert "127.0.0.1" in reasons or role not in ("docker", "miniconda"), reasons


def test_hostile_json_for_docker_arrives_as_json(hostile):
    """As a value; what is a key must be plain text."""
    payload = "'\"; $(touch /canary) `touch /canary` \\ \u2028 é"
    planned = hostile("plan", "docker", lambda url: {"daemon": {"labels": [payload]}})
    for node in PAYLOADS:
        diffs = "\n".join(d for o in planned["plan"] if o["host"] == node for d in o["diffs"])
        shown = "\n".join(line[1:] for line in diffs.split("\n") if line.startswith("+") and "touch /canary" in line)
        assert shown, (planned["hosts"], [(o["operation"], o["diffs"], o["reason"]) for o in planned["plan"]])
        assert json.loads(shown.strip().rstrip(",")) == payload
