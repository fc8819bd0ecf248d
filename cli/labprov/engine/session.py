"""A session: connections to hosts for the life of one command. plan, apply and verify share it. Knows no role.

Work runs on all hosts at once, each in its own greenlet with its own error handling: a host never waits for another,
and one host's failure never stops another. One session at a time in a process: pyinfra's State is global.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import gevent
from gevent.event import Event
from gevent.pool import Pool
from paramiko import BadHostKeyException
from pyinfra import context, logger
from pyinfra.api import Config, Host, Inventory
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host as HostClass
from pyinfra.api.state import StateStage
from pyinfra.api.util import FILE_SHAS, TEMPLATES
from pyinfra.connectors.sshuserclient import client as ssh_client

from labprov.engine import arguments
from labprov.engine.connection import Connection
from labprov.engine.facts.reboot import BootId
from labprov.engine.hostkeys import UnknownHostKey, WrongHostKey
from labprov.engine.interrupt import interruptible
from labprov.engine.local import ADDRESS, LocalConnection
from labprov.engine.lock import Lock, take_lock
from labprov.engine.questions import Questions
from labprov.engine.recorder import LogCatcher, RecordingState
from labprov.engine.ssh import SshConnection
from labprov.engine.target import Target, pyinfra_data
from labprov.errors import HostError, Interrupted, Unreachable

T = TypeVar("T")

WHO = "id -u"
PARALLEL = 50
"""Hosts worked on at the same time."""


def _nothing(_name: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why work on a host ended early."""

    error: HostError

    @property
    def unreachable(self) -> bool:
        """Whether the host could not be worked on at all."""
        return isinstance(self.error, Unreachable)


class Session:
    """Open connections to ``targets``; use as a context manager.

    ``sudo_password``: asked of the user before, for hosts whose sudo wants one.
    ``expected(name)``: the fact commands that will likely be asked of that host; they go out in the first round trip.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        parallel: int = PARALLEL,
        expected: Callable[[str], Sequence[str]] = _nothing,
        sudo_password: str = "",
    ) -> None:
        _forget_process_caches()
        arguments.install()
        self.expected, self.sudo_password = expected, sudo_password
        self.targets = {target.name: target for target in targets}
        inventory = Inventory(([(t.name, pyinfra_data(t)) for t in targets], {}))
        for host in inventory:
            local = self.targets[host.name].address == ADDRESS
            host.connector_cls = LocalConnection if local else SshConnection
        config = Config()
        config.PARALLEL, config.FAIL_PERCENT = max(1, min(parallel, len(targets) or 1)), None
        self.parallel = config.PARALLEL
        self.state = RecordingState(inventory, config, check_for_changes=False)
        # Without a position of its own, the n-th operation of every host would be the same operation to pyinfra.
        questions = Questions()
        for index, host in enumerate(inventory):
            host.loop_position = [index]
            self.connection(host).begin(self.targets[host.name], questions)
        self.hosts: dict[str, Host] = {host.name: host for host in inventory}
        self.failures: dict[str, Failure] = {}
        self.locks: dict[str, Lock] = {}

    def __enter__(self) -> Session:
        self._logs = LogCatcher(self.state)
        logger.addHandler(self._logs)
        logger.propagate = False
        self._interruptible = interruptible()
        self._interruptible.__enter__()
        self._contexts = contextlib.ExitStack()
        self._contexts.enter_context(context.ctx_inventory.use(self.state.inventory))
        self._contexts.enter_context(context.ctx_state.use(self.state))
        self.state.set_stage(StateStage.Connect)
        return self

    def __exit__(self, *exc: object) -> None:
        logger.removeHandler(self._logs)
        # All at once: each takes a moment, one that hangs for ever is left behind.
        gevent.joinall([gevent.spawn(self.connection(host).disconnect) for host in self.hosts.values()], timeout=2)
        for manager in (context.ctx_state, context.ctx_inventory, context.ctx_host, context.ctx_config):
            manager.reset()
        self._interruptible.__exit__(None, None, None)

    @staticmethod
    def connection(host: Host) -> Connection:
        """The host's connection."""
        return cast(Connection, host.connector)

    def connect(self, meanwhile: Sequence[Callable[[], object]] = ()) -> Mapping[str, Failure]:
        """Connect to all hosts at once and become root where asked. Returns the hosts that failed, and why.

        ``meanwhile``: what can be done beforehand, such as imports, while the first host works on its answer. It is
        only a chance: what is not begun by then, or fails, is left to whoever needs it.
        """
        asked = Event()
        for host in self.hosts.values():
            self.connection(host).fed = asked.set
        worker = gevent.spawn(_when, asked, meanwhile)
        try:
            for name, result in self.each(self._connect_one).items():
                if isinstance(result, Failure):
                    self.failures[name] = result
        finally:
            worker.kill()
        self.state.set_stage(StateStage.Prepare)
        return dict(self.failures)

    def alive(self) -> list[str]:
        """Names of hosts that are connected and have not failed."""
        return [name for name in self.hosts if name not in self.failures]

    @contextlib.contextmanager
    def locked(self, host: Host, wait: float) -> Iterator[None]:
        """Within it no other labprov changes the host. Raises HostError when one does for longer than ``wait`` s."""
        connection = self.connection(host)
        self._lock(host, wait)
        connection.knowledge.forget()  # another labprov may have been at work until now
        try:
            yield
        finally:
            connection.guard = None
            self.locks.pop(host.name).close()

    def _lock(self, host: Host, wait: float) -> None:
        self.locks[host.name] = lock = take_lock(self.connection(host), wait)
        self.connection(host).guard = lock.check

    def asked(self) -> dict[str, list[str]]:
        """Host name -> the fact commands asked of it, in order."""
        return {name: list(self.connection(host).knowledge.asked) for name, host in self.hosts.items()}

    def start_over(self, host: Host) -> None:
        """Forget the operations that a rehearsal of the host's roles called."""
        for op_hash in host.op_hash_order:
            self.state.op_meta.pop(op_hash, None)
        host.op_hash_order.clear()
        self.state.ops[host].clear()

    def each(self, work: Callable[[Host], T], names: Sequence[str] | None = None) -> dict[str, T | Failure]:
        """Run ``work(host)`` on hosts that have not failed, all at once. A HostError becomes that host's Failure."""
        pool = Pool(self.parallel)
        chosen = [name for name in (self.alive() if names is None else names) if name not in self.failures]
        running = {name: pool.spawn(self._guarded, work, self.hosts[name]) for name in chosen}
        try:
            gevent.joinall(list(running.values()))
        except KeyboardInterrupt:
            busy = {name: self._doing(name) for name, greenlet in running.items() if not greenlet.ready()}
            done = {name: greenlet.value for name, greenlet in running.items() if greenlet.successful()}
            gevent.killall(list(running.values()), block=True, timeout=2)
            raise Interrupted(busy, done) from None
        return {name: greenlet.get() for name, greenlet in running.items()}

    def _doing(self, name: str) -> str:
        """What is being done on a host right now, in words."""
        progress = self.state.progress.get(name)
        if progress is None or progress.planning or not progress.busy:
            return "nothing was being changed"
        return f"half done: {progress.role}: {progress.operation}; its command may still run there"

    def _guarded(self, work: Callable[[Host], T], host: Host) -> T | Failure:
        try:
            with context.ctx_config.use(self.state.config.copy()), _in_host(host):
                return work(host)
        except HostError as error:
            return Failure(error)
        except (PyinfraError, OSError, TimeoutError) as error:
            told = self.state.warnings[host.name]
            return Failure(HostError(str(error) or (told[-1] if told else type(error).__name__)))
        except Exception as error:  # a bug, of ours or of a lab's own role: it ends this host, no other
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{frame.filename}:{frame.lineno}"
            return Failure(HostError(f"bug: {type(error).__name__}: {error} (at {place}, in {frame.name})"))

    def reconnect(self, host: Host) -> None:
        """Connect again, after a reboot. Raises Unreachable, or WrongHostKey when waiting will not help."""
        ssh_client.get_host_keys.cache.clear()  # a key that changed meanwhile must be noticed
        self.connection(host).guard = None  # the lock went with the boot
        self._connect_one(host)
        if host.name in self.locks:
            self._lock(host, 60)

    def _connect_one(self, host: Host) -> None:
        try:
            host.connect(show_errors=False, raise_exceptions=True)
        except PyinfraError as error:
            refused = isinstance(error.__cause__, (BadHostKeyException, UnknownHostKey))
            raise (WrongHostKey if refused else Unreachable)(str(error)) from error
        self.state.activate_host(host)
        self._become_root(host)

    def _become_root(self, host: Host) -> None:
        """The first round trip: shows that we are root there, and brings all facts that are expected."""
        knowledge, user = self.connection(host).knowledge, self.targets[host.name].user or "the login user"
        knowledge.forget()
        try:
            try:
                knowledge.fetch([WHO, *self.expected(host.name)])
            except HostError:
                if not self.sudo_password:
                    raise
                self.connection(host).sudo_password = self.sudo_password
                knowledge.fetch([WHO, *self.expected(host.name)])
        except HostError as error:
            hint = "; -K asks for one" if "password is required" in str(error) else ""
            raise Unreachable(f"{user} may not become root by sudo ({error}{hint})") from error
        if knowledge.raw(WHO).stdout.strip() != b"0":
            raise Unreachable(f"{user} is not root there: log in as root or set 'sudo: true'")


def _when(asked: Event, tasks: Sequence[Callable[[], object]]) -> None:
    asked.wait()
    for task in tasks:
        with contextlib.suppress(Exception):
            task()
        gevent.sleep(0)  # what the hosts said meanwhile is read


def boot_id(host: Host) -> str:
    """Which boot the host is in."""
    return str(host.get_fact(BootId))


@contextlib.contextmanager
def _in_host(host: Host) -> Iterator[None]:
    """Make ``host`` the one in context; unlike pyinfra's own, also leaves it after an exception."""
    context.ctx_host.set(host)
    try:
        yield
    finally:
        context.ctx_host.reset()


def _forget_process_caches() -> None:
    """Forget what pyinfra memoizes for the life of the process: a second run would see old files, keys, templates."""
    FILE_SHAS.clear()
    TEMPLATES.clear()
    for function in (HostClass._get_temp_directory, ssh_client.get_host_keys, ssh_client.get_ssh_config):
        function.cache.clear()
