"""What is done where Jupyter is asked for, in order: its environment, the command, the hub."""

from __future__ import annotations

from io import StringIO

from pyinfra import host
from pyinfra.operations import files

from labprov.engine.facts.system import OperatingSystem
from labprov_roles.conda_envs import steps as environments
from labprov_roles.conda_envs.request import Request
from labprov_roles.jupyter import hub, operations, systems
from labprov_roles.jupyter.settings import Settings


def bring_about(settings: Settings) -> None:
    """Make the environment, give everybody the command, run the hub or have none."""
    if settings.hub.enabled:
        systems.check_hub(host.get_fact(OperatingSystem))
    _check(settings)
    (request,) = environments.bring_about(settings.environments())
    _put("Give everybody the command jupyter", hub.COMMAND, hub.command(settings), "755")
    if settings.hub.enabled:
        _hub(settings, request)
    else:
        operations.absent(name="Run no JupyterHub")


def _check(settings: Settings) -> None:
    wanted = settings.hub
    on = wanted.enabled
    operations.check(
        name="Check that nothing stands in Jupyter's way",
        ours=(hub.COMMAND, hub.CONFIG, hub.UNIT) if on else (hub.COMMAND,),
        needed=[path for path in (wanted.certificate, wanted.certificate_key) if path and on],
        groups=sorted({*wanted.allowed_groups, *wanted.admin_groups}) if on else (),
        pam=[f"{folder}/{wanted.pam_service}" for folder in ("/etc/pam.d", "/usr/lib/pam.d")] if on else (),
    )


def _hub(settings: Settings, request: Request) -> None:
    files.directory(
        name="Make a folder for the hub's data", path=hub.STATE, mode="700", user="root", group="root", present=True
    )
    operations.secret(name="Have a secret that signs logins")
    files.directory(
        name="Make a folder for your own configuration of the hub",
        path=hub.OWN,
        mode="755",
        user="root",
        group="root",
        present=True,
    )
    config, unit = hub.config(settings), hub.unit(settings)
    _put("Configure JupyterHub", hub.CONFIG, config)
    _put("Describe JupyterHub to systemd", hub.UNIT, unit)
    operations.running(
        name="Run JupyterHub with this configuration (users' servers keep running)",
        prefix=settings.prefix,
        request=request,
        locks=settings.locks,
        config=config,
        unit=unit,
        record=hub.record(settings),
        url=hub.own_url(settings.hub),
    )


def _put(name: str, path: str, text: str, mode: str = "644") -> None:
    files.put(name=name, src=StringIO(text), dest=path, mode=mode, user="root", group="root")
