"""The miniconda role's operations, in order."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.api import deploy
from pyinfra.operations import files

from labprov.engine.facts.system import OperatingSystem
from labprov.engine.operations import packages
from labprov_roles.miniconda import operations as conda
from labprov_roles.miniconda.channels import channel_urls, condarc, terms_to_accept
from labprov_roles.miniconda.installers import Installer, choose
from labprov_roles.miniconda.settings import Settings
from labprov_roles.miniconda.systems import Platform, platform

TEMPLATES = Path(__file__).parent / "templates"
PROFILE = "/etc/profile.d/labprov-conda.sh"
CONDARC = "condarc.d/labprov.yml"
"""Below the prefix. Not in /etc/conda: that would also rule the condas that people have in their homes."""


@deploy("Miniconda")
def tasks(settings: Settings) -> None:
    """Install conda for all users, say where packages come from, give people at a prompt the command."""
    system = host.get_fact(OperatingSystem)
    known = platform(system)
    wanted = _installer(settings, system.machine)
    prefix = settings.prefix
    conda.check(name="Check that the prefix is free or ours", prefix=prefix, installer=wanted, adopt=settings.adopt)
    packages.install(name="Install what fetches the installer", packages=["ca-certificates", "curl"])
    conda.install(name="Install conda", prefix=prefix, installer=wanted, adopt=settings.adopt)
    files.put(
        name="Set channels and defaults",
        src=StringIO(_condarc(settings)),
        dest=f"{prefix}/{CONDARC}",
        mode="644",
        user="root",
        group="root",
    )
    conda.protect(name="Keep the base environment root's", prefix=prefix)
    if settings.accept_anaconda_terms:
        urls = channel_urls(
            settings.channels, settings.mirrors.conda.url, settings.custom_channels, settings.anacondas_channels
        )
        terms = terms_to_accept(urls)
        conda.accept_terms(name="Record that Anaconda's terms are accepted", prefix=prefix, channels=terms)
    _shells(settings, known)


def _installer(settings: Settings, machine: str) -> Installer:
    mirrors = {"miniforge": settings.mirrors.miniforge, "miniconda": settings.mirrors.miniconda}
    return choose(
        settings.distribution,
        settings.version,
        machine,
        mirrors[settings.distribution].url,
        settings.installer_url,
        settings.sha256,
    )


def _condarc(settings: Settings) -> str:
    return condarc(
        channels=settings.channels,
        alias=settings.mirrors.conda.url,
        custom=settings.custom_channels,
        default_channels=settings.anacondas_channels,
        terms_accepted=settings.accept_anaconda_terms,
        auto_activate=settings.auto_activate,
    )


def _shells(settings: Settings, known: Platform) -> None:
    files.template(
        name="Give login shells the command conda",
        src=str(TEMPLATES / "etc/profile.d/labprov-conda.sh.j2"),
        dest=PROFILE,
        mode="644",
        user="root",
        group="root",
        prefix=settings.prefix,
        auto_activate=settings.auto_activate,
    )
    if known.interactive_rc:
        # One line at the end of the admin's file. A commented-out line counts as there: whoever does that means it.
        files.line(
            name="Give other interactive shells the command conda",
            path=known.interactive_rc,
            line=f"[ ! -r {PROFILE} ] || . {PROFILE}",
            escape_regex_characters=True,
            ensure_newline=True,
        )
