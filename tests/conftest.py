"""For all tests: keep threads as they are, and let the dearest files begin first.

pyinfra-testing imports pyinfra's command line, which patches threads, sockets and more when it is imported, and
pytest-xdist's workers stop at that. Nothing in these tests needs the patch: the engine is run as a process of its own.
"""

from pathlib import Path

import pytest
from gevent import monkey

monkey.patch_all = lambda *args, **kwargs: None

DEAREST = ("nvidia", "gpu_node", "docker_toolkit", "conda_envs", "faults_interrupt", "faults_connection", "reboot")
"""Files of tests on hosts, ``tests/sandbox/**/test_NAME.py``, that take minutes."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests on hosts before all others, the dearest files first: two workers then end at the same time."""
    order = {f"test_{name}": number for number, name in enumerate(DEAREST)}

    def cost(item: pytest.Item) -> tuple[bool, int]:
        return "sandbox" not in item.path.parts, order.get(Path(item.path).stem, len(order))

    items.sort(key=cost)
