"""A pytest plugin that lets stock pytest and testinfra run a role's verify.py, without labprov's own run.

    pytest -p labprov.verify.stock --hosts=ssh://admin@gpu-01 --sudo --labprov-inventory=inventories/lab.yml \
        roles/labprov_roles/docker/verify.py

testinfra gives ``host``; here comes ``settings``: the role's on that host as the inventory says, else its defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labprov import inventory as inventories
from labprov import role as roles
from labprov.errors import Where
from labprov.plan import settings_of
from labprov.role import RoleSettings


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the inventory from the command line."""
    parser.addoption("--labprov-inventory", help="inventory (a path) that the settings of the hosts come from")


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest, host: Any) -> RoleSettings:
    """The settings of the role that the checks belong to, on testinfra's host."""
    role = roles.load(request.path.parent.name)
    given = request.config.getoption("--labprov-inventory")
    name = host.backend.get_hostname()
    for known in inventories.load(Path(given)).hosts.values() if given else ():
        if name in (known.name, known.connection.address):
            return settings_of(role, known)
    return role.settings({}, lambda *path: Where(role.folder, key=".".join(map(str, path))))
