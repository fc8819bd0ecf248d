"""cuDNN and NCCL: which packages for which toolkit, cards and system; what cannot be had; held and locked."""

import pytest
from pydantic import ValidationError

from labprov.compat import libraries as compat
from labprov.compat import tables
from labprov.engine.facts.board import Machine
from labprov.engine.facts.gpu import Gpu
from labprov.engine.facts.system import System
from labprov.engine.operations import apt, dnf
from labprov.errors import HostError, UserError
from labprov.lock.profile import Profile
from labprov_roles.cuda.libraries import libraries
from labprov_roles.cuda.lock import lock
from labprov_roles.cuda.settings import Settings
from labprov_roles.cuda.toolkits import toolkits

BOOKWORM = System("debian", "12", "bookworm")
ROCKY = System("rocky", "9.6", "", ("rhel",))
A100, P100 = Gpu("0000:21:00.0", "20b5", ""), Gpu("0000:31:00.0", "15f8", "")


def decided(system=BOOKWORM, gpus=(A100,), **given):
    settings = Settings(**given)
    return libraries(settings, toolkits(settings, system), system, gpus)


@pytest.mark.parametrize(
    ("system", "default", "packages"),
    [
        (BOOKWORM, "12.8", ["libcudnn9-cuda-12", "libcudnn9-headers-cuda-12", "libcudnn9-dev-cuda-12"]),
        (BOOKWORM, "13.0", ["libcudnn9-cuda-13", "libcudnn9-headers-cuda-13", "libcudnn9-dev-cuda-13"]),
        (ROCKY, "12.8", ["libcudnn9-cuda-12", "libcudnn9-headers-cuda-12", "libcudnn9-devel-cuda-12"]),
    ],
)
def test_cudnn_goes_by_the_major_version_of_the_default_toolkit(system, default, packages):
    found = decided(system, default=default, cudnn=True)
    assert list(found.packages) == packages
    assert [name for name in found.instead if "cudnn" in name] == [
        name.replace(f"cuda-{default[:2]}", f"cuda-{25 - int(default[:2])}") for name in packages
    ]


@pytest.mark.parametrize(
    ("gpus", "default", "pattern"),
    [
        ((A100,), "12.8", ""),
        ((P100,), "12.8", "9.10.*"),  # the last with code for Pascal
        ((A100, P100), "12.8", "9.10.*"),  # one for every card
        ((A100, P100), "13.0", ""),  # that toolkit does not build for the P100 anyway
        ((), "12.8", ""),
        ((Gpu("0000:21:00.0", "ffff", ""),), "12.8", ""),
    ],
)
def test_cudnn_has_code_for_every_card(gpus, default, pattern):
    versions = {spec.partition("=")[2] for spec in decided(gpus=gpus, default=default, cudnn=True).packages}
    assert versions == {pattern}


@pytest.mark.parametrize(
    ("system", "names"), [(BOOKWORM, ["libnccl2", "libnccl-dev"]), (ROCKY, ["libnccl", "libnccl-devel"])]
)
def test_nccl_is_not_newer_than_the_default_toolkit(system, names):
    found = decided(system, default="12.8", nccl=True)
    assert list(found.packages) == [f"{name}=*-*+cuda12.[012345678]" for name in names]
    assert (list(found.names), found.instead) == (names, ())


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("2.27.3-1+cuda12.8", True),
        ("2.27.3-1+cuda12.0", True),
        ("2.29.7-1+cuda12.9", False),
        ("2.29.7-1+cuda13.0", False),
        ("2.29.7-1+cuda11.8", False),
        ("2.22.3-1-1", False),  # Debian's own
    ],
)
def test_installed_versions_of_nccl_are_told_apart(version, fits):
    spec = decided(default="12.8", nccl=True).packages[0]
    assert (apt.missing([spec], {"libnccl2": version}) == []) == fits
    assert dnf.fits(version, spec.partition("=")[2]) == fits


def test_nothing_is_decided_for_whom_asks_for_nothing():
    assert decided(default="12.8").packages == ()


@pytest.mark.parametrize(
    ("given", "gpus", "message"),
    [
        (
            {"versions": ["11.8"], "cudnn": True},
            (A100,),
            r"no cuDNN 9 goes with CUDA 11\.8: it is packaged for CUDA 12 and 13",
        ),
        ({"default": "12.8", "cudnn": True}, (Gpu("", "102d", ""),), r"no cuDNN 9 has code for Tesla K80"),
    ],
)
def test_what_is_not_to_be_had_is_refused(given, gpus, message, monkeypatch):
    system = System("ubuntu", "22.04", "jammy", ("debian",))
    known = tables.load()
    kept = [card for gpu in gpus if (card := known.card(gpu.device))]
    if "K80" in message:  # every toolkit of cuDNN 9 dropped it: asked of the table alone
        monkeypatch.setattr("labprov.compat.toolkits.dropped", lambda card, toolkit: False)
        with pytest.raises(HostError, match=message):
            compat.with_toolkit("cudnn", "12.8", kept, False, known)
        return
    with pytest.raises(HostError, match=message):
        decided(system, gpus, **given)


@pytest.mark.parametrize("name", ["cudnn", "nccl"])
def test_the_distributions_own_are_refused_with_the_settings(name):
    with pytest.raises(ValidationError, match=rf"{name}: only NVIDIA's repository has what fits"):
        Settings(source="distro", **{name: True})


def test_several_majors_have_one_library_and_a_warning():
    found = decided(versions=["12.8", "13.0"], default="12.8", cudnn=True, nccl=True)
    assert "libcudnn9-cuda-12" in found.names and "libcudnn9-cuda-13" in found.instead
    said = " ".join(found.warnings)
    assert "cudnn and nccl are for CUDA 12" in said and "CUDA 13.0" in said
    assert decided(versions=["12.8", "12.4"], default="12.8", cudnn=True).warnings == ()


def test_where_it_was_never_seen_is_said():
    trixie = System("debian", "13", "trixie")
    assert decided(trixie, cudnn=True).warnings == ("cuDNN 9 was not seen in NVIDIA's repository for Debian 13 yet",)


def test_the_lock_has_versions_that_fit_and_the_role_takes_them():
    settings = Settings(default="12.8", cudnn=True, nccl=True)
    found = lock(settings, Profile(BOOKWORM, (P100,), Machine()), {})
    assert {"cuda-toolkit-12-8", "libcudnn9-cuda-12=9.10.*", "libnccl2=*-*+cuda12.[012345678]"} <= set(found.packages)
    exact = {"libnccl2": "2.27.3-1+cuda12.4", "libnccl-dev": "2.29.7-1+cuda13.0"}  # the second is of another toolkit
    held = Settings(default="12.8", nccl=True, locked_packages=exact)
    assert held.exact(found.packages[-2:]) == ("libnccl2=2.27.3-1+cuda12.4", "libnccl-dev=*-*+cuda12.[012345678]")


def test_an_inventory_may_add_a_major_version():
    more = {"libraries": {"cudnn": {"majors": ["11", "12", "13"]}}}
    found = compat.with_toolkit("cudnn", "11.8", (), False, tables.of(more))
    assert found[0] == "libcudnn9-cuda-11"
    with pytest.raises(UserError, match=r"compat\.libraries\.cudnn\.major"):
        tables.of({"libraries": {"cudnn": {"major": "11"}}})


def test_the_rows_are_consistent():
    known = tables.load()
    for name, library in known.libraries.items():
        assert set(library.majors) <= set(known.rows.majors), name
        assert set(library.unseen) <= set(known.systems), name
        assert len(library.deb) == len(library.rpm)
        assert list(library.versions)[:1] in ([], ["newest"])
