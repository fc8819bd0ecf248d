"""The options of ``labprov mirrors``. Not in the package ``mirrors``, which costs more than ``--help`` may take."""

from __future__ import annotations

from typing import Any

import click

from labprov.options import output_of


@click.group()
def mirrors() -> None:
    """Where servers download from: presets of public mirrors, and how mirrors do as the servers see them."""


@mirrors.command("presets")
@click.option("--no-color", is_flag=True, help="No colours.")
def presets(no_color: bool) -> int:
    """List the presets that an inventory's 'mirrors' can name."""
    from labprov.mirrors.check import command

    return command.listing(output_of(False, False, no_color))


@mirrors.command("check")
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("-i", "--inventory", default="sandbox", envvar="LABPROV_INVENTORY", show_default=True, help="See apply.")
@click.option("--preset", "named", multiple=True, metavar="NAME", help="Compare with this preset; may be given again.")
@click.option("--all", "every", is_flag=True, help="Compare with every preset.")
@click.option(
    "--seconds", default=5, show_default=True, type=click.IntRange(1, 120), help="At most so long for each download."
)
@click.option(
    "--megabytes", default=8, show_default=True, type=click.IntRange(1, 1000), help="At most so much of each file."
)
@click.option(
    "--max-age", type=click.IntRange(0), metavar="DAYS", help="An older index is stale. [default: by its kind]"
)
@click.option("--parallel", default=50, show_default=True, type=click.IntRange(1), help="Hosts at the same time.")
@click.option("-K", "--ask-sudo-password", "ask", is_flag=True, help="Ask once for the password that sudo wants.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON, and nothing else.")
@click.option("--no-color", is_flag=True, help="No colours; the variable NO_COLOR does the same.")
def check(named: tuple[str, ...], every: bool, as_json: bool, no_color: bool, **asked: Any) -> int:
    """Measure, from each HOST (default: all), every mirror that it would use; changes nothing there.

    Says whether it answers, how long the first byte takes, how fast it is and how old its index; and of what does not
    work, whether it is down, refuses by policy (403), does not have it (404), is stale, or TLS is to blame, with what
    to do. Exits with 1 when a mirror that the inventory chose does not work, and with 4 when hosts were not reached.
    """
    from labprov.mirrors import presets as known
    from labprov.mirrors.check import command

    compared = tuple(sorted(known.load().presets)) if every else named
    return command.check(command.Asked(presets=compared, **asked), output_of(as_json, False, no_color))
