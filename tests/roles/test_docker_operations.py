"""Operations on Docker's daemon: from what a host is like to commands, or to a refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyinfra.api import FileUploadCommand, OperationError
from pyinfra.context import ctx_host, ctx_state
from pyinfra.facts.files import Directory, File, FileContents
from pyinfra_testing.util import FakeState

from labprov.engine.facts.packages import InstalledPackages
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.facts.units import Unit, Units
from labprov_roles.docker import ledger, operations
from labprov_roles.docker.daemon import Wanted
from labprov_roles.docker.engine import Engine
from labprov_roles.docker.facts import Data, DockerData, DockerProgram, GroupMembers, KnownUsers, Program, SnapDocker

RUNNING = Engine("26.1.5", active=True, enabled=True)
WANTED = Wanted("docker", {"mtu": 1400}, [{"live-restore": True}])
RESTART = (
    "systemctl reset-failed docker.service docker.socket 2>/dev/null; systemctl restart docker.service || "
    "{ journalctl -u docker.service --identifier=dockerd -n 1 -o cat --no-pager 2>/dev/null >&2; exit 1; }"
)


@dataclass
class FakeHost:
    """A host with these files and facts."""

    files: dict[str, str] = field(default_factory=dict)
    engine: Engine = field(default_factory=Engine)
    data: dict[str, Data] = field(default_factory=dict)
    snap: bool = False
    people: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)
    noops: list[str] = field(default_factory=list)
    current_op_global_arguments = None

    def get_fact(self, kind: type, **kwargs: Any) -> Any:
        path = kwargs.get("path", "")
        facts = {
            DockerProgram: Program("/usr/bin/dockerd" if self.engine.version else "", {self.engine.due: "run"}),
            InstalledPackages: {"docker-ce": self.engine.version} if self.engine.version else {},
            OperatingSystem: System("debian", "13"),
            Units: {"docker.service": Unit(*self._unit())},
            DockerData: self.data.get(kwargs.get("root", ""), Data()),
            SnapDocker: self.snap,
            KnownUsers: [user for user in self.people if user in kwargs.get("users", ())],
            GroupMembers: self.group,
            FileContents: self.files[path].splitlines() if path in self.files else None,
            File: {"mode": 644} if path in self.files else None,
            Directory: {"mode": 755} if path == "/etc/docker" else None,
        }
        return facts.get(kind, "another sum")

    def _unit(self) -> tuple[str, str, str]:
        active = self.engine.active
        return "enabled" if self.engine.enabled else "", "active" if active else "", "run" if active else ""

    def noop(self, description: str) -> None:
        self.noops.append(description)

    def get_temp_filename(self, *args: Any, **kwargs: Any) -> str:
        return "temp"


def commands(host: FakeHost, operation: Any, **arguments: Any) -> list[str]:
    """What it runs on the host; an upload as its text."""
    state = FakeState()
    with ctx_state.use(state), ctx_host.use(host):
        found = list(operation._inner(**arguments))
    assert bool(found) != bool(host.noops), "an operation either does something or says why not"
    return [c.src.getvalue() if isinstance(c, FileUploadCommand) else c.get_raw_value() for c in found]


def test_on_a_bare_host_the_file_is_made_and_nothing_else_is_needed():
    note, mark, text, mode = commands(FakeHost(), operations.merged, wanted=WANTED)
    assert json.loads(text) == {"mtu": 1400, "live-restore": True}
    assert "/run/labprov/docker-restart" in mark
    assert "/var/lib/labprov/daemon.json.ledger" in note
    assert mode == "chmod 644 /etc/docker/daemon.json"


def test_the_new_text_is_validated_before_anything_is_written():
    host = FakeHost({operations.CONFIG: '{"debug": true}'}, RUNNING)
    first, *rest = commands(host, operations.merged, wanted=WANTED)
    assert "| dockerd --validate --config-file /dev/stdin" in first
    assert '"mtu": 1400' in first
    assert json.loads(rest[-1]) == {"debug": True, "mtu": 1400, "live-restore": True}, "mode and owner stay"


def test_an_engine_that_cannot_validate_is_not_asked_to():
    host = FakeHost({}, Engine("20.10.24", active=True))
    assert not [c for c in commands(host, operations.merged, wanted=WANTED) if "--validate" in c]


def test_what_a_person_may_keep_secret_is_not_shown():
    host = FakeHost({operations.CONFIG: '{"proxies": {"http-proxy": "http://u:hush@proxy"}}'}, RUNNING)
    with ctx_state.use(FakeState()), ctx_host.use(host):
        shown = [str(c) for c in operations.merged._inner(wanted=WANTED) if not isinstance(c, FileUploadCommand)]
    assert len(shown) == 3
    assert "hush" not in "".join(shown)


def test_a_key_taken_back_stays_in_the_ledger_until_the_file_is_written():
    before = {"docker": {("mtu",): 1400, ("debug",): True}}
    files = {operations.CONFIG: '{"mtu": 1400, "debug": true}', operations.LEDGER: ledger.write(before)}
    found = commands(FakeHost(files), operations.merged, wanted=Wanted("docker", {"mtu": 1500}))
    _mark, text, last = found
    assert json.loads(text) == {"mtu": 1500}
    assert '"debug"' not in last
    assert "daemon.json.ledger" in last


def test_an_invalid_file_is_refused_with_its_place():
    host = FakeHost({operations.CONFIG: '{\n    "mtu": 1400,\n}'}, RUNNING)
    with pytest.raises(OperationError, match=r"^/etc/docker/daemon.json: line 3, column 1: invalid JSON: .*corre"):
        commands(host, operations.merged, wanted=WANTED)


def test_a_second_time_nothing_is_done():
    files = {operations.CONFIG: '{"mtu": 1400, "live-restore": true}'}
    assert commands(FakeHost(files, RUNNING), operations.merged, wanted=WANTED) == []
    assert commands(FakeHost(files, RUNNING), operations.taken_up, wanted=WANTED) == []


@pytest.mark.parametrize(
    ("config", "due", "expected"),
    [
        ('{"mtu": 1400}', "", ["systemctl reload docker.service"]),
        ("{}", "", ["systemctl reload docker.service", RESTART]),
        ('{"mtu": 1400, "live-restore": true}', "restart", ["systemctl reload docker.service", RESTART]),
        ('{"mtu": 1400, "live-restore": true}', "reload", ["systemctl reload docker.service"]),
    ],
    ids=["planned reload", "planned restart", "restart left by an interrupted run", "reload left"],
)
def test_a_running_daemon_takes_up_what_is_new(config, due, expected):
    engine = Engine("26.1.5", active=True, due=due)
    found = commands(FakeHost({operations.CONFIG: config}, engine), operations.taken_up, wanted=WANTED)
    assert found[:-1] == expected
    assert found[-1] == "rm -f /run/labprov/docker-reload /run/labprov/docker-restart"


def test_a_daemon_that_does_not_run_is_not_restarted():
    assert commands(FakeHost(engine=Engine("26.1.5")), operations.taken_up, wanted=WANTED) == []


def test_docker_is_started_and_enabled_as_needed():
    assert commands(FakeHost(engine=RUNNING), operations.running) == []
    assert commands(FakeHost(engine=Engine("26", active=True)), operations.running) == [
        "systemctl enable docker.service"
    ]
    _, start = commands(FakeHost(), operations.running)
    assert start == RESTART.replace("systemctl restart", "systemctl start")


def refused(host: FakeHost, wanted: Wanted = WANTED, users: tuple[str, ...] = ()) -> str:
    with pytest.raises(OperationError) as error:
        commands(host, operations.checked, wanted=wanted, users=users)
    return str(error.value)


def test_a_host_in_whose_way_nothing_stands():
    assert commands(FakeHost(people=["ann"]), operations.checked, wanted=WANTED, users=["ann"]) == []


def test_dockers_snap_is_refused():
    assert "snap remove docker" in refused(FakeHost(snap=True))


def test_unknown_users_are_named():
    assert "docker.users names bob, eve" in refused(FakeHost(people=["ann"]), users=("eve", "ann", "bob"))


MOVE = Wanted("docker", {"data-root": "/srv/docker"})


def test_containers_are_not_left_behind_by_a_new_data_root():
    said = refused(FakeHost(data={"/var/lib/docker": Data(containers=3, images=1)}), MOVE)
    assert "/var/lib/docker holds 3 containers, 1 image" in said
    assert "/srv/docker" in said


def test_a_data_root_that_is_no_longer_named_is_refused_too():
    files = {
        operations.CONFIG: '{"data-root": "/srv/docker"}',
        operations.LEDGER: ledger.write({"docker": {("data-root",): "/srv/docker"}}),
    }
    said = refused(FakeHost(files, data={"/srv/docker": Data(volumes=2)}), Wanted("docker", {}))
    assert said.startswith("/srv/docker holds 2 volumes")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"/srv/docker": Data(containers=3)},
        {"/var/lib/docker": Data(images=2), "/srv/docker": Data(images=2)},
    ],
    ids=["nothing there yet", "moved", "copied"],
)
def test_a_data_root_may_change_where_nothing_is_lost(data):
    assert commands(FakeHost(data=data), operations.checked, wanted=MOVE, users=()) == []


def test_the_same_data_root_is_no_change():
    host = FakeHost({operations.CONFIG: '{"data-root": "/srv/docker/"}'}, data={"/srv/docker/": Data(containers=3)})
    assert commands(host, operations.checked, wanted=MOVE, users=()) == []


def test_a_swarm_excludes_live_restore():
    host = FakeHost(data={"/var/lib/docker": Data(swarm=True)})
    assert "live_restore: false" in refused(host)
    off = Wanted("docker", {"live-restore": False})
    assert commands(host, operations.checked, wanted=off, users=()) == []


def test_only_missing_members_are_added_and_nobody_is_removed():
    host = FakeHost(group=["ann", "old"])
    assert commands(host, operations.members, users=["ann", "bob"]) == ["gpasswd -a bob docker"]
    host = FakeHost(group=["ann", "old"])
    assert commands(host, operations.members, users=["ann"]) == []
    assert "so are old" in host.noops[0]
