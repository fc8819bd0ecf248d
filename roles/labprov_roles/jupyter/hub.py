"""The hub's files, from its settings. Pure: touches no host.

Every value in jupyterhub_config.py is written as a Python literal, whatever it holds. The unit and the command hold
paths only, whose type lets nothing through that systemd or a shell would read as anything but itself.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from labprov_roles.jupyter.settings import ENVIRONMENT, Hub, Settings

CONFIG = "/etc/jupyterhub/jupyterhub_config.py"
OWN = "/etc/jupyterhub/conf.d"
"""The admin's own configuration, read after ours."""
UNIT = "/etc/systemd/system/jupyterhub.service"
STATE = "/var/lib/jupyterhub"
SECRET = f"{STATE}/jupyterhub_cookie_secret"
STARTED = "/run/jupyterhub/started"
"""What the running hub was started from, as ``record`` tells it."""
COMMAND = "/usr/local/bin/jupyter"

_TEMPLATES = Path(__file__).parent / "templates"


def environment(settings: Settings) -> str:
    """The environment's path, by its name."""
    return f"{settings.prefix}/envs/{ENVIRONMENT}"


def config(settings: Settings) -> str:
    """The text of jupyterhub_config.py."""
    hub = settings.hub
    return _render(
        CONFIG,
        ascii,
        hub=hub,
        env=environment(settings),
        bind_url=url(hub, hub.address),
        allowed=sorted({*hub.allowed_groups, *hub.admin_groups} if hub.allowed_groups else ()),
        server_args=_server_args(hub),
        own=OWN,
        secret=SECRET,
        state=STATE,
    )


def unit(settings: Settings) -> str:
    """The text of jupyterhub.service."""
    return _render(UNIT, str, env=environment(settings), record=record(settings), config=CONFIG, started=STARTED)


def command(settings: Settings) -> str:
    """The text of the command ``jupyter``."""
    return _render(COMMAND, str, env=environment(settings))


def record(settings: Settings) -> str:
    """Shell text that tells what a hub that starts now is made of: its files by checksum, the environment's build."""
    certificate = [path for path in (settings.hub.certificate, settings.hub.certificate_key) if path]
    files = " ".join([CONFIG, UNIT, *certificate])
    return f"sha256sum {files} {OWN}/*.py 2>/dev/null; readlink {environment(settings)}"


def url(hub: Hub, address: str) -> str:
    """The hub's URL at an address."""
    scheme = "https" if hub.certificate else "http"
    host = f"[{address}]" if ip_address(address).version == 6 else address
    return f"{scheme}://{host}:{hub.port}/"


def own_url(hub: Hub) -> str:
    """The hub's URL as the server itself reaches it."""
    address = ip_address(hub.address)
    loopback = "::1" if address.version == 6 else "127.0.0.1"
    return url(hub, loopback if address.is_unspecified else hub.address)


def limits(hub: Hub) -> dict[str, int]:
    """The limits of a user's server by systemd's names: bytes, and microseconds of CPU a second."""
    found = {}
    if hub.memory_limit:
        found["MemoryMax"] = memory(hub.memory_limit)
    if hub.cpu_limit:
        found["CPUQuotaPerSecUSec"] = int(hub.cpu_limit * 100) * 10_000
    return found


def memory(size: str) -> int:
    """``16G`` in bytes."""
    return int(size[:-1]) << {"M": 20, "G": 30, "T": 40}[size[-1]]


def _server_args(hub: Hub) -> list[str]:
    """What users' servers are told about idle ones: they know best what computes."""
    found = []
    if hub.idle_kernels:
        found += [
            f"--MappingKernelManager.cull_idle_timeout={hub.idle_kernels}",
            f"--MappingKernelManager.cull_interval={min(300, hub.idle_kernels)}",
            "--MappingKernelManager.cull_connected=True",
            "--MappingKernelManager.cull_busy=False",
        ]
    if hub.idle_servers:
        found.append(f"--ServerApp.shutdown_no_activity_timeout={hub.idle_servers}")
    return found


def _render(target: str, literal: object, **values: object) -> str:
    environment = Environment(  # noqa: S701  (no HTML)
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        finalize=literal,  # type: ignore[arg-type]
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{target[1:]}.j2").render(**values)
