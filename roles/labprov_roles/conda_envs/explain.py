"""Why a host's environments get the builds of PyTorch and TensorFlow that they get. Asks the host, changes nothing."""

from __future__ import annotations

from pyinfra import host

from labprov.engine.facts.system import OperatingSystem
from labprov.errors import LabprovError
from labprov_roles.conda_envs.request import request
from labprov_roles.conda_envs.settings import Settings
from labprov_roles.conda_envs.steps import hardware_of


def lines(settings: Settings) -> list[str]:
    """One line for each framework of the host in context: environment, what it gets, why."""
    present = [name for name, declared in settings.environments.items() if declared.state == "present"]
    system = host.get_fact(OperatingSystem)
    hardware = hardware_of(system, settings) if present else None
    found: list[str] = []
    for name in present:
        assert hardware is not None
        try:
            items = request(name, settings, system, hardware).data["items"]
        except LabprovError as error:
            found.append(f"{name}: refused: {error}")
            continue
        found += [f"{name}: {item['pip']} by pip: {item['why']}" for item in items if item.get("why")]
    return found
