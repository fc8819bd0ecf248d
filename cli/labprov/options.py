"""Options that several commands share, and what they become; the question before something is changed."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:  # importing these costs more than `labprov --help` may take
    from labprov.running import Output, Selection

F = TypeVar("F", bound=Callable[..., Any])

SELECTION = (
    click.argument("deploy"),
    click.option(
        "-i", "--inventory", default="sandbox", envvar="LABPROV_INVENTORY", show_default=True, show_envvar=True,
        help="The inventory: a path, or NAME for inventories/NAME.yml.",
    ),
    click.option("-l", "--limit", multiple=True, help="Only these hosts: names, groups, patterns; '!x' leaves x out."),
    click.option("--role", "only", multiple=True, help="Only this role of the deploy; may be given again."),
    click.option("--parallel", default=50, show_default=True, type=click.IntRange(1), help="Hosts at the same time."),
    click.option("-K", "--ask-sudo-password", "ask", is_flag=True, help="Ask once for the password that sudo wants."),
)  # fmt: skip
OUTPUT = (
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else."),
    click.option("-v", "--verbose", is_flag=True, help="Show every operation, command and failed assertion."),
    click.option("--no-color", is_flag=True, help="No colours; the variable NO_COLOR does the same."),
)


def options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """All of them as one decorator, shown by ``--help`` in their order."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def output_of(as_json: bool, verbose: bool, no_color: bool) -> Output:
    """Where and how a command shows what it does, from the options in ``OUTPUT``."""
    from rich.console import Console

    from labprov.running import Output

    # The stream is bound now: pytest, which runs the checks, replaces sys.stdout while it runs.
    console = Console(
        file=sys.stdout,
        quiet=as_json,
        highlight=False,
        soft_wrap=True,
        no_color=no_color or bool(os.environ.get("NO_COLOR")),
    )
    return Output(console, as_json, verbose)


def selection_of(
    deploy: str,
    inventory: str,
    limit: tuple[str, ...],
    only: tuple[str, ...],
    parallel: int,
    ask: bool,
    retry_failed: bool = False,
) -> Selection:
    """What a command works on, from the options in ``SELECTION``; asks for the password of sudo if it is to."""
    from labprov.running import Selection

    password = click.prompt("sudo password", hide_input=True, err=True) if ask else ""
    return Selection(deploy, inventory, limit, only, parallel, password, retry_failed)


def confirm(question: str) -> bool:
    """Ask; no is the answer to a mere return. Raises KeyboardInterrupt for Ctrl-C, and when the terminal goes."""
    click.echo(f"{question} [y/N]: ", nl=False)
    try:
        # Waiting in turns: a read would sleep through a Ctrl-C that comes just before it.
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            pass
        if not (line := sys.stdin.readline()):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        click.echo(err=True)
        raise
    if (answer := line.strip().lower()) in ("", "n", "no", "y", "yes"):
        return answer.startswith("y")
    click.echo("Please answer y or n.")
    return confirm(question)
