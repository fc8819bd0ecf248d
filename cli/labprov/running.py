"""One run over live hosts: connect, find out, apply batch by batch, verify; the console and the journal are told.

It follows the stages and decides nothing about a host. ``commands`` puts runs together and shows the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeGuard

import click
from rich.console import Console
from rich.markup import escape

from labprov import apply as stage
from labprov import rollout
from labprov.apply import HostResult, Policy, Status, Waiting
from labprov.engine.learned import Learned
from labprov.engine.outcome import Outcome
from labprov.engine.session import Failure, Session
from labprov.errors import Interrupted, UserError
from labprov.lock.run import LOOK, Locking
from labprov.plan import Plan
from labprov.rebooting import presence
from labprov.reboots import Mode
from labprov.report import text
from labprov.report.journal import Journal
from labprov.report.live import Collector, Live
from labprov.report.summary import Run, changes, failed_in_checks
from labprov.verify.checks import Check

_OFFERS = "offers"
"""Under which name a run remembers how it asked what repositories offer: only a plan does."""


@dataclass(frozen=True)
class Selection:
    """What a command is about."""

    deploy: str
    inventory: str
    limit: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    """Roles of the deploy; empty: all."""
    parallel: int = 50
    sudo_password: str = field(default="", repr=False)
    retry_failed: bool = False
    """Only hosts that did not come out well last time."""


@dataclass(frozen=True)
class Output:
    """How a command speaks."""

    console: Console
    """Quiet when JSON is wanted."""
    json: bool = False
    verbose: bool = False


class Running:
    """A run that goes on; ``record`` is what it found out so far."""

    def __init__(
        self, session: Session, locking: Locking, record: Run, output: Output, journal: Journal | None, learned: Learned
    ) -> None:
        self.session, self.locking, self.record, self.console = session, locking, record, output.console
        self.plan = locking.followed.plan
        self.asked_of_offers: dict[str, list[str]] = {}
        """Host -> what ``find_stale`` asked of it."""
        self.verbose, self.learned = output.verbose, learned
        self.verifying, self.verified = False, set[str]()
        self.keep_planned: Callable[[Outcome], None] = record.planned.append
        self.keep_applied: Callable[[Outcome], None] = record.applied.append
        self.keep_check: Callable[[Check], None] = record.checks.append
        if journal:
            self.keep_planned = journal.keep("planned", record.planned)
            self.keep_applied = journal.keep("applied", record.applied)
            self.keep_check = journal.keep("check", record.checks)

    def connect(self) -> None:
        """Connect to all hosts; nothing is asked but who waits for a reboot."""
        self._greet()
        self.record.hosts = stage.connect(self.session, self.plan)
        self._follow_lock()

    def preview(self) -> None:
        """Connect, and find out what would change."""
        self._greet()
        with self.console.status("connecting, and finding out what would change"):
            roles = [partial(getattr, step.role, "tasks") for step in self.plan.steps]
            self.session.connect(meanwhile=[partial(getattr, self.locking, "tables"), *roles])
            self._follow_lock()
            self.record.hosts = stage.preview(self.session, self.plan, Collector(self.keep_planned))

    def apply(self, policy: Policy, confirm: Callable[[str], bool] | None = None) -> None:
        """Apply batch by batch where something would change; a host whose plan failed is left as it is.

        On a host where nothing would change, what the plan found out a moment ago is the outcome. ``confirm`` asks
        about reboots, where a rule says so.
        """
        rules = policy.reboots.rules
        busy = {outcome.host for outcome in changes(self.record.planned)}
        busy |= {host.name for host in self.record.hosts if host.reboot and rules[host.name].mode is not Mode.NEVER}
        self.record.hosts = [replace(h, held=rules[h.name].text) if h.reboot else h for h in self.record.hosts]
        for outcome in self.record.planned:
            if outcome.host not in busy:
                self.keep_applied(outcome)
        lines = rollout.lines(self.plan.hosts)
        rounds = max(len(line.batches) for line in lines)
        for number in range(rounds):
            names = self._batch(lines, number)
            title = f"Applying, batch {number + 1} of {rounds}" if rounds > 1 else "Applying"
            self._apply_batch(policy, confirm, [name for name in names if name in busy], title)
            if policy.verify_batches:
                self.verify(names)
        self._record_lock()

    def find_stale(self) -> None:
        """Say where the lock is behind the times; asks the hosts what their repositories offer."""
        from labprov.lock import stale  # an apply has no use for it

        before = self.session.asked()
        self.record.lock = stale.lines(self.locking, self.session)
        now = self.session.asked()
        self.asked_of_offers = {name: [c for c in commands if c not in before[name]] for name, commands in now.items()}

    def in_use(self) -> dict[str, str]:
        """What a reboot would end now, in words, for each host where it would end anything; one round trip."""
        told = self.session.each(lambda host: presence(self.session, host).told)
        return {name: words for name, words in told.items() if isinstance(words, str) and words}

    def verify(self, names: Sequence[str] | None = None) -> None:
        """Check the hosts that are as the plan wants them; one that waits for a reboot cannot be verified yet."""
        done = {check.host for check in self.record.checks}
        wanted = [h.name for h in self.record.hosts if h.status is Status.OK and not h.reboot and h.name not in done]
        ready = [name for name in wanted if names is None or name in names]
        if not ready:
            return
        from labprov.verify.run import verify as verify_stage  # brings pytest, which a plan has no use for

        self.console.print("\n[bold]Verifying[/]")
        live = self._live(ready)

        def record(check: Check) -> None:
            self.keep_check(check)
            live.check(check)

        self.verifying = True
        with self.console.status("checking"):
            verify_stage(self.session, self.plan, ready, record, self.learned)
        live.checks_ended()
        self.verifying, self.verified = False, self.verified | set(ready)

    def cut_off(self, stopped: Interrupted) -> None:
        """Note how far each host got when Ctrl-C came."""
        known = {host.name: host for host in self.record.hosts}
        known |= {name: stage.result(name, {}, {name: value}) for name, value in stopped.done.items() if _ended(value)}
        begun = {outcome.host for outcome in self.record.applied}
        for name in self.record.targets:
            host = known.get(name, HostResult(name, Status.OK))
            if name in stopped.busy:
                known[name] = replace(host, status=Status.FAILED, reason=f"interrupted; {stopped.busy[name]}")
            elif host.status is not Status.OK or name in self.verified:
                known[name] = host
            elif name in begun or self.verifying:
                known[name] = replace(host, status=Status.FAILED, reason="interrupted before it was verified")
            else:
                known[name] = replace(host, status=Status.NOT_STARTED, reason="interrupted before its turn")
        self.record.hosts = [known[name] for name in self.record.targets]
        self.record.interrupted = True

    def _batch(self, lines: Sequence[rollout.Line], number: int) -> list[str]:
        """The hosts of the batch with that number, without those that had to stop; these are marked."""
        failed = {host.name for host in self.record.hosts if host.status is not Status.OK}
        failed |= failed_in_checks(self.record)
        starting = [line for line in lines if number < len(line.batches)]
        stopped = {n for line in starting if number and not line.may_go_on(failed) for n in line.batches[number]}
        self.record.hosts = [stage.not_started(h) if h.name in stopped else h for h in self.record.hosts]
        return [name for line in starting for name in line.batches[number] if name not in stopped]

    def _apply_batch(
        self, policy: Policy, confirm: Callable[[str], bool] | None, names: Sequence[str], title: str
    ) -> None:
        ready = {host.name: 0 for host in self.record.hosts if host.status is Status.OK and host.name in names}
        if not ready:
            return
        self.console.print(f"\n[bold]{title}[/]")
        live = self._live(list(ready))
        while ready:
            results = stage.apply(self.session, self.plan, policy, live, ready)
            done = {result.name: result for result in results if isinstance(result, HostResult)}
            self.record.hosts = [done.get(host.name, host) for host in self.record.hosts]
            waiting = [result for result in results if isinstance(result, Waiting)]
            if waiting and confirm:
                policy.reboots.answers.update(self._ask(waiting, confirm))
            ready = {result.name: result.done for result in waiting}

    def _ask(self, waiting: Sequence[Waiting], confirm: Callable[[str], bool]) -> Mapping[str, frozenset[str] | None]:
        """Ask once for all hosts that stand before a reboot, saying what it would end."""
        text.reboot_question(self.console, [(w.name, w.asking.reasons, w.asking.there.told) for w in waiting])
        yes = confirm(f"Reboot {text.names([w.name for w in waiting])}?")
        return {w.name: w.asking.there.busy if yes else None for w in waiting}

    def _follow_lock(self) -> None:
        self.locking.look(self.session)
        self.plan = self.locking.followed.plan

    def _record_lock(self) -> None:
        """Write down what the hosts that came out well have got, where the lock has less than that."""
        fine = [host.name for host in self.record.hosts if host.status is Status.OK]
        try:
            into = self.locking.record(self.locking.resolve(self.session, fine)[0])
        except UserError as error:
            self.console.print(f"\n[yellow]The lock was not written:[/] {escape(str(error))}")
            return
        text.locked(self.console, self.locking.lock.path, into)

    def _live(self, hosts: list[str]) -> Live:
        roles = [step.role.name for step in self.plan.steps]
        return Live(self.console, hosts, roles, self.verbose, self.keep_applied)

    def _greet(self) -> None:
        text.banner(self.console, self.plan.inventory.simulation)
        if left_out := self.plan.inventory.left_out:
            self.console.print(f"[dim]{left_out}[/]")
        names = " > ".join(step.role.name for step in self.plan.steps)
        hosts = f"{len(self.plan.hosts)} host{'' if len(self.plan.hosts) == 1 else 's'}"
        self.console.print(f"[bold]{self.plan.deploy.name}[/] on {hosts} of {self.plan.inventory.path}: {names}\n")


def _warn(message: str) -> None:
    click.echo(f"labprov: warning: {message}", err=True)


def _ended(value: object) -> TypeGuard[HostResult | Failure]:
    return isinstance(value, HostResult | Failure)


@contextmanager
def running(plan: Plan, selection: Selection, output: Output, journal: str | None) -> Iterator[Running]:
    """Connections to the plan's hosts, with what earlier runs learned to ask; ``journal``: the command's name in it.

    Raises UserError for a lock that is damaged or contradicts the inventory, before any connection.
    """
    locking = Locking(plan)
    learned = Learned(f"{plan.inventory.path.resolve()} {plan.deploy.path.resolve()}")

    # Other roles ask other facts, and a verification asks few: what each asks is remembered apart.
    asking = "-".join(["facts", *(["verify"] if journal == "verify" else []), *sorted(selection.only)])

    def expected(name: str) -> Sequence[str]:
        return [*learned.get(name, asking), *(learned.get(name, _OFFERS) if journal is None else ())]

    names = tuple(host.name for host in plan.hosts)
    record = Run(plan.deploy.name, plan.inventory.simulation, str(plan.inventory.path.resolve()), names)
    diary = Journal(record, journal, _warn) if journal else None
    with Session(stage.targets(plan.hosts), selection.parallel, expected, selection.sudo_password) as session:
        run = Running(session, locking, record, output, diary, learned)
        try:
            yield run
        except (Interrupted, KeyboardInterrupt) as stopped:
            run.cut_off(stopped if isinstance(stopped, Interrupted) else Interrupted({}))
            if diary:
                diary.end(record)
            raise
        for name, commands in session.asked().items():
            if commands:
                offers = run.asked_of_offers.get(name, [])
                learned.put(name, asking, [c for c in dict.fromkeys([*LOOK, *commands]) if c not in offers])
                if journal is None:
                    learned.put(name, _OFFERS, offers)
    learned.save()
    if diary:
        diary.end(record)
