"""The network of the machine that carries a sandbox: rules, forwarding and kernel settings come and go as they should.

In a network namespace of its own, where nothing else can change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NETWORK = """
import subprocess, sys
from pathlib import Path
from labprov.sandbox import network, settings
from labprov.sandbox.places import Places
settings.STATE, settings.RUNTIME = Path(sys.argv[1]) / "state", Path(sys.argv[1]) / "run"
del settings.NEEDED["fs/inotify/max_user_instances"]  # is this machine's, and no network namespace's
def seen():
    rules = [line for line in subprocess.check_output(["iptables-save"], text=True).splitlines() if line[0] == "-"]
    links = subprocess.check_output(["ip", "-o", "link"], text=True).splitlines()
    return rules, len(links), Path("/proc/sys/net/ipv4/ip_forward").read_text()
subprocess.check_call(["iptables", "-A", "FORWARD", "-i", "foreign0", "-j", "DROP"])
before = seen()
network.up(Places("net"), "10.250.1.0/24")
between = seen()
network.up(Places("net"), "10.250.1.0/24")
assert seen() == between, "a second up changes nothing"
assert between[0] != before[0] and between[1] == before[1] + 1 and between[2] == "1\\n", between
(settings.STATE / "other").mkdir(parents=True)
network.down(Places("net"))
settings.put_back("net")
assert seen()[:2] == before[:2] and seen()[2] == "1\\n", "another sandbox still forwards"
(settings.STATE / "other").rmdir()
settings.put_back("net")
assert seen() == before, seen()
assert not settings.RUNTIME.exists()
"""


def test_the_machines_network_is_as_before_in_every_rule_and_forwarding(tmp_path):
    done = in_a_network_namespace(NETWORK, tmp_path)
    assert done.returncode == 0, done.stderr


SETTINGS = """
import os, sys
from pathlib import Path
from labprov.sandbox import settings
settings.STATE, settings.RUNTIME = Path(sys.argv[1]) / "state", Path(sys.argv[1]) / "run"
settings._LOCK = Path(sys.argv[1]) / "lock"
del settings.NEEDED["fs/inotify/max_user_instances"]  # is this machine's, and no network namespace's
forwarding = Path("/proc/sys/net/ipv4/ip_forward")
def come_and_go(name):
    home = settings.STATE / name
    for _ in range(200):
        home.mkdir(parents=True)
        settings.ensure()
        assert forwarding.read_text() == "1\\n", "taken away from a sandbox that is up"
        home.rmdir()
        settings.put_back(name)
children = []
for number in range(4):
    if not (child := os.fork()):
        come_and_go(f"s{number}")
        os._exit(0)
    children.append(child)
assert {os.waitpid(child, 0)[1] for child in children} == {0}
assert forwarding.read_text() == "0\\n" and not settings.RUNTIME.exists()
"""


def test_sandboxes_that_come_and_go_beside_each_other_keep_and_restore_the_settings(tmp_path):
    done = in_a_network_namespace(SETTINGS, tmp_path)
    assert done.returncode == 0, done.stderr


def in_a_network_namespace(program: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python program where nothing is forwarded and no other network is."""
    command = ["unshare", "--net", "sh", "-c", 'echo 0 >/proc/sys/net/ipv4/ip_forward; exec "$@"', "sh"]
    return subprocess.run(
        [*command, sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False
    )
