"""What can be set about Jupyter. Not what follows from it: the environment, the hub's configuration, its unit."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from labprov.role import RoleSettings
from labprov.types import AbsolutePath, BesideFile, IpAddress, MemorySize, Port, UnixName, Url
from labprov_roles.conda_envs.requirements import Explicit, Requirement
from labprov_roles.conda_envs.settings import PythonVersion
from labprov_roles.conda_envs.settings import Settings as Environments
from labprov_roles.miniconda.settings import Channel, Prefix

ENVIRONMENT = "labprov-jupyter"
"""The shared environment's name: one that no inventory would give an environment of its own."""

Seconds = Annotated[int, Field(ge=60, le=31_536_000)]
"""A time, from a minute to a year."""


class Hub(BaseModel):
    """JupyterHub."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    """Whether this server has a JupyterHub. Turned off again, its service goes; users' servers that run stay, and so
    does what it knows of them in `/var/lib/jupyterhub`."""
    address: IpAddress = "127.0.0.1"
    """Where it listens. From outside, the default is reached through an ssh tunnel; any other address needs a
    `certificate` (or `plain_http`). `0.0.0.0` is all of the server's addresses."""
    port: Port = 8000
    """Port that it listens on."""
    certificate: AbsolutePath | None = None
    """The TLS certificate with its chain, a file on the server (PEM). A new one there is taken up by the next apply."""
    certificate_key: AbsolutePath | None = None
    """The certificate's key, a file on the server (PEM), for root alone."""
    plain_http: bool = False
    """Whether passwords may come to other addresses than this server's own without TLS: behind a proxy of yours that
    adds it."""
    allowed_groups: tuple[UnixName, ...] = ()
    """Only members of these groups may log in; everybody with an account when empty. root never."""
    admin_groups: tuple[UnixName, ...] = ()
    """Members see who is there and may stop other people's servers. They may log in, too."""
    memory_limit: MemorySize | None = None
    """Memory for each user's server with all that runs in it, like `16G`, and no swap; beyond it the kernel ends what
    took it."""
    cpu_limit: Annotated[float, Field(ge=0.1, le=4096)] | None = None
    """CPUs for each user's server with all that runs in it, like `4` or `0.5`."""
    idle_kernels: Seconds | None = 43_200
    """Seconds after which a kernel that computed nothing is ended, and gives back its memory and GPU; also where its
    tab is still open. Never one that is computing. `null`: never."""
    idle_servers: Seconds | None = 86_400
    """Seconds after which a user's server without a kernel, terminal or visitor ends. `null`: never."""
    idle_culler: Seconds | None = None
    """Seconds after which jupyterhub-idle-culler ends a server that said nothing, **computing or not**: a cell that
    prints nothing while its tab is closed counts as idle. Off unless set."""
    packages: tuple[Requirement, ...] = (
        "jupyterhub>=5",
        "jupyterhub-systemdspawner>=1.0.2",
        "jupyterhub-idle-culler",
        Explicit(conda="configurable-http-proxy"),
    )
    """What the hub needs. The proxy is conda-forge's, which brings its nodejs. Replaces the whole list."""
    pam_service: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)] = "login"
    """The file in `/etc/pam.d` by which passwords are checked."""
    hub_port: Port = 8081
    """Port of this server's own address at which users' servers find the hub."""
    proxy_port: Port = 8001
    """Port of this server's own address at which the hub directs its proxy."""

    @property
    def local(self) -> bool:
        """Whether only this server itself reaches it."""
        return ip_address(self.address).is_loopback

    @model_validator(mode="after")
    def _safe(self) -> Hub:
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("certificate and certificate_key go together: one of them is missing")
        if not self.local and not self.certificate and not self.plain_http:
            raise ValueError(
                f"at {self.address} passwords would cross the network in the clear: name a certificate and its key, "
                "leave address out (and use an ssh tunnel), or say plain_http: true behind a proxy of yours with TLS"
            )
        if len({self.port, self.hub_port, self.proxy_port}) < 3:
            raise ValueError("port, hub_port and proxy_port must differ")
        return self


class Settings(RoleSettings):
    """JupyterLab for all users, and JupyterHub."""

    enabled: bool = False
    """Whether this server gets JupyterLab. Without it this role does nothing, and asks the server nothing."""
    packages: tuple[Requirement, ...] = ("jupyterlab", "ipykernel", "ipywidgets")
    """What the environment has, written as in `conda_envs`. Replaces the whole list; see `extra_packages`."""
    extra_packages: tuple[Requirement, ...] = ()
    """Packages in addition to `packages`: extensions like `jupyterlab-git`, language packs. What notebooks compute with
    belongs into environments with `jupyter_kernel: true` (role `conda_envs`)."""
    prefix: Prefix = "/opt/conda"
    """Where conda is: the role `miniconda`'s `prefix`."""
    python: PythonVersion = "3.12"
    """Python's version, in quotes."""
    channels: tuple[Channel, ...] = Field(("conda-forge",), min_length=1)
    """Conda channels, first preferred."""
    pip_index: Url | None = None
    """Where pip looks; what the server's pip is configured for (`/etc/pip.conf`) when not set."""
    locks: BesideFile = Field("labprov-envs", validate_default=True)
    """The folder on the controller where decisions are kept, as in `conda_envs`; beside the inventory when not set."""
    hub: Hub = Hub()
    """A JupyterHub, for those who shall not need ssh."""

    @field_validator("hub")
    @classmethod
    def _with_lab(cls, value: Hub, info: ValidationInfo) -> Hub:
        if value.enabled and not info.data.get("enabled"):
            raise ValueError("shows users JupyterLab: say enabled: true for the role, too")
        return value

    @model_validator(mode="after")
    def _can_be_made(self) -> Settings:
        self.environments()
        return self

    def environments(self) -> Environments:
        """The same as settings of the role `conda_envs`: one shared environment. Raises ValueError."""
        packages = (*self.packages, *self.extra_packages, *(self.hub.packages if self.hub.enabled else ()))
        return Environments(
            mirrors=self.mirrors,
            compat=self.compat,
            prefix=self.prefix,
            environments={ENVIRONMENT: {"packages": packages}},
            python=self.python,
            channels=self.channels,
            pip_index=self.pip_index,
            locks=self.locks,
        )
