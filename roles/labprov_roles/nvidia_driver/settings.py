"""What can be set about the NVIDIA driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from labprov.role import RoleSettings

DriverVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}\.[0-9]{1,3}(\.[0-9]{1,2})?$")]
"""A driver version, like ``580.178.04``."""

Source = Literal["vendor", "distro"]
Flavour = Literal["open", "proprietary"]
Scope = Literal["compute", "full"]


MigGpu = Annotated[str, StringConstraints(pattern=r"^GPU-([0-9]{1,2}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
"""A card, by its index (``GPU-0``) or its UUID, as ``nvidia-smi -L`` shows them."""

MigProfile = Annotated[str, StringConstraints(pattern=r"^[1-7]g\.[0-9]{1,3}gb(\+me|\+gfx|\+me\.all|-me)?$")]
"""A GPU instance profile: ``3g.20gb``."""


class Settings(RoleSettings):
    """The NVIDIA driver."""

    source: Source | None = None
    """``vendor``: NVIDIA's own repository. ``distro``: the distribution's packages (fewer branches, older). Not set:
    NVIDIA's, but the distribution's where Secure Boot is on and it has signed modules, or where it alone has a branch
    for the cards that is still cared for. A driver that labprov installed from the other one is replaced in place."""

    branch: Annotated[int, Field(ge=470, le=999)] | None = None
    """The driver branch, like ``580``. Not set: one that drives every card of the server and is still cared for,
    long-term ones first; ``labprov explain HOST`` says which, and why."""

    version: DriverVersion | None = None
    """One exact driver version, like ``580.178.04``. Not set: the newest of the branch when the driver is first
    installed; it then stays until the branch or this is changed."""

    flavour: Flavour | None = None
    """The kernel modules: ``open`` (Turing and newer; the only ones for Blackwell) or ``proprietary`` (the only ones
    before Turing). Not set: what fits the cards, open where both do."""

    packages: Scope = "compute"
    """``compute``: what CUDA needs, for servers without a screen. ``full``: graphics (X, OpenGL, Vulkan) as well."""

    headers: bool = True
    """Install the kernel headers for every installed kernel, and the metapackages that bring them with new kernels.
    Without headers the driver silently misses the next kernel."""

    persistence: bool = True
    """Run NVIDIA's persistence daemon, which keeps the cards initialised while nobody uses them."""

    hold: bool = True
    """Hold the driver's packages, so that unattended upgrades cannot replace the libraries under a loaded module
    ("driver/library version mismatch")."""

    replace_other_installations: bool = False
    """Replace a driver that somebody else installed another way (NVIDIA's .run file, the other source's packages). Not
    set: such a server is refused and nothing is touched."""

    mig: Mapping[MigGpu, tuple[MigProfile, ...]] = {}
    """Cards to divide (MIG), by index or UUID: ``{GPU-0: [3g.20gb, 3g.20gb]}``; ``[]``: not divided. Cards that are not
    named are left as they are. Divided anew at each boot; a card that somebody uses is never changed: the host fails,
    saying who."""

    dcgm: bool = False
    """Install and run DCGM 4, NVIDIA's daemon for monitoring and diagnosing cards (``dcgmi``). It is not part of
    ``cuda``: its packages go by the CUDA version of the driver, and cards from before Turing need two of them. Always
    from NVIDIA's repository, also where the driver is the distribution's. Taken off again it stays installed."""

    force: bool = False
    """Install even where no NVIDIA GPU is found, for an image or a card that is still to be put in."""

    @model_validator(mode="after")
    def _version_is_of_the_branch(self) -> Self:
        if self.version and self.branch and self.version.split(".")[0] != str(self.branch):
            raise ValueError(f"version {self.version} is not of branch {self.branch}")
        return self

    @model_validator(mode="after")
    def _instances_fit_into_a_card(self) -> Self:
        for gpu, profiles in self.mig.items():
            if (slices := sum(int(profile[0]) for profile in profiles)) > 7:
                raise ValueError(f"mig: {gpu} has 7 slices, {', '.join(profiles)} are {slices}")
        return self
