"""The command line: options and errors. No logic: ``commands`` does what is asked, and is imported only then."""

from __future__ import annotations

import sys
from typing import Any

import click

from labprov import __version__
from labprov.mirrors_command import mirrors
from labprov.options import OUTPUT, SELECTION, confirm, options, output_of, selection_of


class Group(click.Group):
    """Commands in the order in which they are used, and ``LabprovError`` caught once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their definition."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a LabprovError becomes one line and its exit code."""
        from labprov.errors import LabprovError

        try:
            code = super().invoke(ctx)
        except LabprovError as error:
            from labprov.report.shown import harmless

            click.echo(f"labprov: {harmless(str(error))}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("labprov: interrupted", err=True)
            ctx.exit(130)
        ctx.exit(code or 0)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="labprov")
def main() -> None:
    """Turn bare lab servers into verified GPU nodes, as a YAML inventory says.

    Exit codes: 0 fine (also when you answered no), 1 something failed, 2 your mistake, 3 changes pending (plan
    --exit-code), 4 some hosts unreachable, 130 interrupted.
    """


@main.command("list")
@click.option("-i", "--inventory", default="sandbox", envvar="LABPROV_INVENTORY", show_default=True, help="See apply.")
@click.option("--no-color", is_flag=True, help="No colours.")
def list_(inventory: str, no_color: bool) -> int:
    """List deploys, roles and hosts."""
    from labprov import commands

    return commands.listing(inventory, output_of(False, False, no_color).console)


@main.command()
@options(*SELECTION, *OUTPUT)
@click.option("--exit-code", "pending", is_flag=True, help="Exit with 3 when something would change.")
def plan(pending: bool, as_json: bool, verbose: bool, no_color: bool, **selection: Any) -> int:
    """Show what DEPLOY would change, with diffs. Changes nothing."""
    from labprov import commands

    return commands.plan(selection_of(**selection), output_of(as_json, verbose, no_color), pending)


@main.command()
@options(*SELECTION, *OUTPUT)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before changing something.")
@click.option(
    "--reboot/--no-reboot",
    default=None,
    help="Reboot hosts that need it, whoever works there; or none. [default: as the inventory's 'reboot' says]",
)
@click.option("--retry-failed", is_flag=True, help="Only hosts that failed, or were not reached, last time.")
@click.option("--verify-batches", is_flag=True, help="Verify a batch (see serial) before the next one starts.")
@click.option("--wait", default=0.0, metavar="SECONDS", help="Wait for another labprov at work on a host.")
def apply(
    yes: bool,
    reboot: bool | None,
    verify_batches: bool,
    wait: float,
    as_json: bool,
    verbose: bool,
    no_color: bool,
    **selection: Any,
) -> int:
    """Bring the hosts to what DEPLOY says, then verify them.

    In a terminal it shows the plan and asks first. Reboots a host only if the inventory or --reboot says so; one that
    waits for a reboot is listed and not verified.
    """
    from labprov import commands

    asked = not yes and not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    question = confirm if asked else None
    return commands.apply(
        selection_of(**selection),
        output_of(as_json, verbose, no_color),
        commands.Options(reboot, verify_batches, wait),
        question,
    )


@main.command()
@options(*SELECTION, *OUTPUT)
def verify(as_json: bool, verbose: bool, no_color: bool, **selection: Any) -> int:
    """Prove that the hosts are what DEPLOY says. Changes nothing."""
    from labprov import commands

    return commands.verify(selection_of(**selection), output_of(as_json, verbose, no_color))


@main.command()
@click.argument("journal", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Show commands and diffs.")
@click.option("--no-color", is_flag=True, help="No colours.")
def report(journal: str | None, form: str, verbose: bool, no_color: bool) -> int:
    """Show a run again: the last one, or that of JOURNAL."""
    from pathlib import Path

    from labprov import commands

    return commands.report(Path(journal) if journal else None, form, output_of(False, verbose, no_color))


@main.command()
@options(*SELECTION, *OUTPUT)
@click.option(
    "--upgrade",
    multiple=True,
    is_flag=False,
    flag_value="everything",
    metavar="[WHAT]",
    help="Move to what is newest: a role, a package, a host or a group; without a name all.",
)
def lock(upgrade: tuple[str, ...], as_json: bool, verbose: bool, no_color: bool, **selection: Any) -> int:
    """Write down in labprov.lock what DEPLOY decides for the hosts; changes nothing on them.

    From then on each, and every new one like it, gets exactly that. --upgrade takes the next word as its WHAT.
    """
    from labprov.lock import command

    return command.lock(selection_of(**selection), upgrade, output_of(as_json, verbose, no_color))


@main.command()
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help="A card, as 'RTX 5090', 'A100:8' or a PCI device id."
)
@click.option("--os", "system", metavar="NAME", help="Its system: debian-13, ubuntu-24.04, rocky-9, ...")
@click.option("--arch", "machine", default="x86_64", show_default=True, help="x86_64 or aarch64.")
@click.option("--kernel", default="", help="Its kernel (uname -r). [default: the distribution's own]")
@click.option("--nvswitch", "nvswitches", is_flag=True, help="An HGX or DGX board, with NVSwitches.")
@click.option("--secure-boot", is_flag=True, help="Secure Boot is on: prefer signed modules.")
@click.option("--source", type=click.Choice(["vendor", "distro"]), help="Only this source of drivers.")
@click.option("--branch", type=click.IntRange(300, 999), help="This driver branch.")
@click.option("--driver", "version", help="This driver version.")
@click.option("--flavour", type=click.Choice(["open", "proprietary"]), help="These kernel modules.")
@click.option("--full", is_flag=True, help="With graphics, not for computing only.")
@click.option("--cuda", multiple=True, help="This CUDA toolkit, as 12.8; given again: several.")
@click.option("--torch", help="This PyTorch, as 2.14.")
@click.option("--tensorflow", help="This TensorFlow.")
@click.option("--newest", is_flag=True, help="Prefer the newest branch to a long-term one.")
@click.option("--end-of-life", is_flag=True, help="Allow branches that are past their end of life.")
@click.option(
    "-i", "--inventory", envvar="LABPROV_INVENTORY", help="Where HOST is [default: sandbox]; its compat rows count."
)
@click.option("-K", "--ask-sudo-password", "ask", is_flag=True, help="Ask once for the password that sudo wants.")
@options(*OUTPUT)
def explain(as_json: bool, verbose: bool, no_color: bool, **asked: Any) -> int:
    """Say which driver and CUDA a server gets, and why.

    For HOSTs of the inventory, as they are and with its settings, or without any host for a --gpu and an --os. Exits
    with 2 when nothing works; it then says what would.
    """
    from labprov import explain_command

    return explain_command.run(asked, output_of(as_json, verbose, no_color))


main.add_command(mirrors)


@main.group()
def sandbox() -> None:
    """Throw-away hosts on this machine, to try labprov on (needs root on Linux).

    The hosts are real (systemd, sshd, apt, Docker); their GPUs and the vendors' packages are simulations.
    """


@sandbox.command("up")
@click.option("--nodes", default=2, show_default=True, type=click.IntRange(1, 50), help="How many hosts.")
@click.option("--os", "systems", multiple=True, help="debian-12 or debian-13; given again: in turn. [default: both]")
@click.option("--gpu", "gpus", multiple=True, help="MODEL:COUNT or 'none'; given again: in turn. [default: A100:1]")
def sandbox_up(nodes: int, systems: tuple[str, ...], gpus: tuple[str, ...]) -> int:
    """Bring up hosts and write inventories/sandbox.yml. Hosts that run already stay."""
    from labprov.sandbox import commands

    return commands.up(nodes, systems, gpus)


@sandbox.command("down")
def sandbox_down() -> int:
    """Remove all that the sandbox made, also after a crash. The image and mirror caches stay."""
    from labprov.sandbox import commands

    return commands.down()


@sandbox.command("list")
def sandbox_list() -> int:
    """List the sandbox's hosts."""
    from labprov.sandbox import commands

    return commands.listing()


@sandbox.command("ssh", context_settings={"ignore_unknown_options": True})
@click.argument("node")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def sandbox_ssh(node: str, command: tuple[str, ...]) -> int:
    """Log in to NODE, or run COMMAND there."""
    from labprov.sandbox import commands

    return commands.ssh(node, command)
