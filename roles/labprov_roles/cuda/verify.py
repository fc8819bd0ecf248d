"""Whether ``nvcc`` is there and CUDA stays out of the way: behaviour, by another route than the tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from testinfra.host import Host

from labprov_roles import package_checks
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import Toolkits, toolkits

_DRAGS = re.compile(r"^cuda(-[0-9]+-[0-9]+)?$|^cuda-(runtime|demo-suite)-|^cuda-drivers")
"""NVIDIA's packages that depend on a driver."""
_DRIVER = re.compile(r"cuda-drivers|nvidia-(driver|open|kernel)|libcuda1|kmod-nvidia")
"""Packages that are one."""


def test_nvcc_of_a_login_shell_is_the_default_toolkit(host: Host, settings: Settings) -> None:
    said = _as_ordinary_user(host, "nvcc --version")
    assert _release(said) == _wanted(host, settings).default


def test_every_toolkit_has_its_own_compiler(host: Host, settings: Settings) -> None:
    wanted = _wanted(host, settings)
    compilers = [f"{wanted.prefix.format(v)}/bin/nvcc" if wanted.prefix else "/usr/bin/nvcc" for v in wanted.versions]
    found = {path: _release(host.run("%s --version", path).stdout) for path in compilers}
    assert found == dict(zip(compilers, wanted.versions, strict=True))


def test_login_shells_get_no_library_path(host: Host, settings: Settings) -> None:
    path = _as_ordinary_user(host, 'printf %s "$LD_LIBRARY_PATH"')
    assert path == "", "a global LD_LIBRARY_PATH overrides the CUDA of Python environments: " + _who_sets_it(host)


def test_no_package_that_brings_a_driver(host: Host, settings: Settings) -> None:
    installed = package_checks.installed(host, "cuda*")
    # The driver's own role may have installed cuda-drivers: it is dragged in only when a CUDA package depends on it.
    dragging = [name for name in installed if _DRAGS.match(name) and not name.startswith("cuda-drivers")]
    assert dragging == [], "these packages upgrade the driver along with CUDA"
    assert settings.source == "distro" or any(name.startswith("cuda-toolkit-") for name in installed)


def test_upgrades_bring_no_other_driver(host: Host, settings: Settings) -> None:
    drivers = [name for name in package_checks.news_of_an_upgrade(host) if _DRIVER.match(name)]
    assert drivers == [], "an upgrade would install a driver"


def _wanted(host: Host, settings: Settings) -> Toolkits:
    return toolkits(settings, package_checks.system_of(host))


def _release(said: str) -> str:
    found = re.search(r"release ([0-9]+\.[0-9]+)", said)
    return found.group(1) if found else said


def _as_ordinary_user(host: Host, command: str) -> str:
    """Run a command in a login shell of nobody, with the environment that PAM gives (``/etc/environment``)."""
    return str(host.run("su -s /bin/bash -l nobody -c %s", command).stdout)


def _who_sets_it(host: Host) -> str:
    places: Sequence[str] = (
        "/etc/environment",
        "/etc/security/pam_env.conf",
        "/etc/profile",
        "/etc/profile.d",
        "/etc/bash.bashrc",
    )
    found = host.run(f"grep -rslE LD_LIBRARY_PATH= {' '.join(places)}").stdout.split()
    return ", ".join(found) or "nothing under /etc names it"
