"""Who is measured: each contestant's command line and environment in a case. Runs nothing."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.ground import DEPLOY, Ground

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent

PLAN, APPLY, VERIFY = "labprov plan", "labprov apply", "labprov verify"
PYINFRA, ANSIBLE, MITOGEN = "pyinfra", "ansible", "ansible + mitogen"
FACTS, FACTS_SSH = "floor a: same commands, asyncssh", "floor a: same commands, ssh"
HAND, HAND_SSH = "floor b: hand-written, asyncssh", "floor b: hand-written, ssh"


@dataclass(frozen=True)
class Contestant:
    """One way to find out that there is nothing to do."""

    name: str
    command: Callable[[Ground], Sequence[str]]
    environment: Callable[[Ground], Mapping[str, str]] = lambda ground: {}
    must_say: str = ""
    """Regular expression; its output lacks it when it did not find that there is nothing to do."""
    slow: bool = False
    """Takes minutes on many hosts."""


def _labprov(name: str, *words: str, must_say: str, slow: bool = False) -> Contestant:
    def command(ground: Ground) -> Sequence[str]:
        return [str(BIN / "labprov"), words[0], "gpu-node", *words[1:], "-i", str(ground.inventory)]

    return Contestant(name, command, lambda g: {"XDG_STATE_HOME": str(g.state), "NO_COLOR": "1"}, must_say, slow)


def _ansible(name: str, environment: Mapping[str, str]) -> Contestant:
    def command(ground: Ground) -> Sequence[str]:
        return [str(BIN / "ansible-playbook"), "-i", str(ground.ansible), str(HERE / "ansible/playbook.yml")]

    def settings(ground: Ground) -> Mapping[str, str]:
        own = {"ANSIBLE_CONFIG": str(HERE / "ansible/ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        # Connections of an earlier run must not help: another socket folder each time.
        own["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(_fresh(ground))
        own["ANSIBLE_SSH_ARGS"] = "-C -o ControlMaster=auto -o ControlPersist=10s"
        return {**own, **environment}

    return Contestant(name, command, settings, "changed=0", slow=True)


def _fresh(ground: Ground) -> Path:
    folder = ground.folder / "cp"
    return folder / str(len(list(folder.iterdir())) if folder.exists() else 0)


def _floor(name: str, way: str, script: Callable[[Ground], Path]) -> Contestant:
    def command(ground: Ground) -> Sequence[str]:
        return [sys.executable, "-m", "bench.floors", way, str(ground.targets), str(script(ground))]

    return Contestant(name, command, must_say="answers: ")


def mitogen() -> Contestant | None:
    """Ansible with mitogen's strategy; None when mitogen is not installed."""
    found = importlib.util.find_spec("ansible_mitogen")
    if found is None or found.origin is None:
        return None
    plugins = Path(found.origin).parent / "plugins/strategy"
    return _ansible(MITOGEN, {"ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_linear"})


def everyone() -> list[Contestant]:
    """All contestants; the first run must be labprov's, which learns what the floor asks."""
    pyinfra = Contestant(
        PYINFRA,
        lambda ground: [str(BIN / "pyinfra"), "-y", "labprov.pyinfra_inventory.hosts", str(DEPLOY)],
        lambda ground: {"LABPROV_INVENTORY": str(ground.inventory), "XDG_STATE_HOME": str(ground.state)},
        r"Grand total +\d+ +- +-",
        slow=True,
    )
    probe = HERE / "probe.sh"
    all_of_them = [
        _labprov(PLAN, "plan", must_say="Nothing to change"),
        _labprov(APPLY, "apply", "--yes", must_say="verified", slow=True),
        _labprov(VERIFY, "verify", must_say="verified", slow=True),
        _floor(FACTS, "asyncssh", lambda ground: ground.facts),
        _floor(FACTS_SSH, "openssh", lambda ground: ground.facts),
        _floor(HAND, "asyncssh", lambda ground: probe),
        _floor(HAND_SSH, "openssh", lambda ground: probe),
        pyinfra,
        _ansible(ANSIBLE, {}),
        mitogen(),
    ]
    return [each for each in all_of_them if each]
