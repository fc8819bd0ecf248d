"""``labprov explain HOST``: asks live hosts for their cards and systems, and explains with the inventory's settings."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import click
from pyinfra.api import Host as EngineHost

from labprov import apply, explain, explain_lock, explain_state, inventory, plan, role
from labprov.commands import inventory_path
from labprov.compat import cards, tables
from labprov.compat.answer import Decision, Refusal
from labprov.compat.request import Request, Wishes
from labprov.compat.resolve import resolve
from labprov.compat.tables import Tables
from labprov.engine.facts.board import Board, Machine
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.session import Failure, Session
from labprov.inventory import Host
from labprov.mirrors import origins
from labprov.report import text
from labprov.running import Output

Found = tuple[System, list[Gpu], Machine]


def explain_hosts(names: tuple[str, ...], path: str, asked: Wishes, ask: bool, output: Output) -> int:
    """Ask and answer. Returns the exit code: 2 for a refusal, 4 when a host was not reached. Raises UserError."""
    loaded = inventory.load(inventory_path(path))
    known = tables.load().with_overrides(loaded.compat.plain(), loaded.compat.where)
    hosts = loaded.select(names)
    wishes = {
        host.name: _wishes(host, asked) for host in hosts
    }  # a mistake in the settings shows before any connection
    environments = {host.name: _settings("conda_envs", host) for host in hosts}
    lock = explain_lock.locking(loaded, hosts)
    password = click.prompt("sudo password", hide_input=True, err=True) if ask else ""
    text.banner(output.console, loaded.simulation)
    with Session(apply.targets(hosts), sudo_password=password) as session:
        failures = dict(session.connect())
        stands = explain_state.states(session)
        found = session.each(_facts)
        built = session.each(lambda host: _environments(host, environments[host.name]))
        held = explain_lock.held(lock, session)
    answers: dict[str, Decision | Refusal] = {}
    for name, facts in found.items():
        if isinstance(facts, Failure):
            failures[name] = facts
        else:
            answers[name] = resolve(_request(facts, wishes[name], known), known)
    told = {name: _told(held.get(name), _lines(built.get(name)), _lines(stands.get(name))) for name in answers}
    code = explain.show(answers, output.console, output.json, output.verbose, told)
    for name, about in told.items():
        for line in _text(held.get(name), about):
            output.console.print(f"{name}: {line}", highlight=False, markup=False)
    text.notes(output.console, origins.told({host.name: host.mirrors.plain() for host in hosts}))
    for name, failure in failures.items():
        click.echo(f"labprov: {name}: {failure.error}", err=True)
    return 4 if failures else code


def _lines(said: list[str] | Failure | None) -> list[str]:
    return said if isinstance(said, list) else []


def _told(held: explain_lock.Held | None, environments: list[str], state: list[str]) -> dict[str, Any]:
    """What is said of a host beside the decision, as plain values."""
    return {"lock": held.data() if held else None, "environments": environments, "state": state}


def _text(held: explain_lock.Held | None, told: Mapping[str, Any]) -> Iterator[str]:
    """The same as lines."""
    yield from held.lines() if held else ()
    yield from (f"environment {line}" for line in told["environments"])
    yield from told["state"]


def _facts(host: EngineHost) -> Found:
    return host.get_fact(OperatingSystem), host.get_fact(NvidiaGpus), host.get_fact(Board)


def _environments(host: EngineHost, settings: Any) -> list[str]:
    """Which builds of PyTorch and TensorFlow the host's environments get, and why."""
    del host  # it is the one in context
    role_ = importlib.import_module(f"{role.PACKAGE}.conda_envs.explain")
    told: list[str] = role_.lines(settings) if settings.environments else []
    return told


def _request(facts: Found, wishes: Wishes, known: Tables) -> Request:
    system, gpus, machine = facts
    return Request(
        cards=tuple(known.card(gpu.device) or cards.unknown(gpu.device) for gpu in gpus),
        system=system.name,
        policy=replace(explain.policy(), chosen_on=known.collected),
        machine=system.machine,
        kernel=machine.kernel,
        nvswitches=bool(machine.nvswitches),
        secure_boot=machine.secure_boot,
        wishes=wishes,
    )


def _wishes(host: Host, asked: Wishes) -> Wishes:
    """What the inventory sets for the host, and what the command line names instead."""
    driver, cuda = (_settings(name, host) for name in ("nvidia_driver", "cuda"))
    written = Wishes(
        source=driver.source,
        branch=driver.branch,
        version=driver.version,
        flavour=driver.flavour,
        scope=driver.packages,
        cuda=cuda.versions or ((cuda.default,) if cuda.default else ()),
        cuda_source=cuda.source,
    )
    if asked.wanted_branch:
        written = replace(written, branch=None, version=None)
    fields = ("source", "branch", "version", "flavour", "cuda", "torch", "tensorflow")
    return replace(written, **{name: getattr(asked, name) for name in fields if getattr(asked, name)})


def _settings(name: str, host: Host) -> Any:
    return plan.settings_of(role.load(name), host)
