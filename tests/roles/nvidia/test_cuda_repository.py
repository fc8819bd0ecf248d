"""Where NVIDIA's repository is for a system, and whose key must have signed it."""

import pytest

from labprov.engine.facts.system import System
from labprov.errors import HostError
from labprov.mirrors import Mirror, Mirrors
from labprov_roles.cuda_repository import cuda_repository

VENDOR = Mirrors().cuda
BASE = "https://developer.download.nvidia.com/compute/cuda/repos"


@pytest.mark.parametrize(
    ("system", "url", "key", "fingerprint"),
    [
        (
            System("debian", "12"),
            f"{BASE}/debian12/x86_64/",
            "3bf863cc.pub",
            "EB693B3035CD5710E231E123A4B469963BF863CC",
        ),
        (
            System("debian", "13"),
            f"{BASE}/debian13/x86_64/",
            "8793F200.pub",
            "02182E60104FCDC26EAE1B8597A5D4CB8793F200",
        ),
        (
            System("debian", "13", machine="aarch64"),
            f"{BASE}/debian13/sbsa/",
            "8793F200.pub",
            "02182E60104FCDC26EAE1B8597A5D4CB8793F200",
        ),
    ],
)
def test_the_vendors_own(system, url, key, fingerprint):
    where = cuda_repository(system, VENDOR)
    assert (where.url, where.key_url, where.fingerprint) == (url, f"{url}{key}", fingerprint)


def test_a_mirror_with_a_key_of_its_own():
    mirror = Mirror(url="http://m/cuda/", fingerprint="A" * 40, key="http://m/key.asc")
    where = cuda_repository(System("debian", "12"), mirror)
    assert where.url == "http://m/cuda/debian12/x86_64/"
    assert (where.key_url, where.fingerprint) == ("http://m/key.asc", "A" * 40)


@pytest.mark.parametrize("system", [System("arch"), System("debian", "11"), System("debian", "12", machine="riscv64")])
def test_a_system_without_one_is_refused(system):
    with pytest.raises(HostError, match="known: debian12, debian13, rhel10, rhel8, rhel9, ubuntu2204"):
        cuda_repository(system, VENDOR)


@pytest.mark.parametrize(
    ("system", "folder", "key", "fingerprint"),
    [
        (System("ubuntu", "22.04"), "ubuntu2204/x86_64", "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        (System("ubuntu", "24.04"), "ubuntu2404/x86_64", "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        (
            System("ubuntu", "24.04", machine="aarch64"),
            "ubuntu2404/sbsa",
            "3bf863cc.pub",
            "EB693B3035CD5710E231E123A4B469963BF863CC",
        ),
        (System("rocky", "8.10"), "rhel8/x86_64", "D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"),
        (System("rhel", "9.6"), "rhel9/x86_64", "D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"),
        (
            System("almalinux", "9.6", machine="aarch64"),
            "rhel9/sbsa",
            "D42D0685.pub",
            "610C7B14E068A878070DA4E99CD0A493D42D0685",
        ),
    ],
)
def test_other_distributions(system, folder, key, fingerprint):
    where = cuda_repository(system, VENDOR)
    assert where.url == f"{BASE}/{folder}/"
    assert (where.key_url, where.fingerprint) == (f"{BASE}/{folder}/{key}", fingerprint)


@pytest.mark.parametrize(
    ("system", "lacking"),
    [
        (System("almalinux", "10.1"), r"mirrors\.cuda\.fingerprint into"),
        (System("ubuntu", "26.04"), r"mirrors\.cuda\.key and mirrors\.cuda\.fingerprint into"),
    ],
)
def test_a_key_that_no_source_tells_must_be_in_the_inventory(system, lacking):
    """Nothing is trusted on sight: NVIDIA's keys for these were not found in any source that shows all of them."""
    with pytest.raises(HostError, match=lacking):
        cuda_repository(system, VENDOR)
    mirror = Mirror(url=BASE, fingerprint="A" * 40, key=f"{BASE}/key.pub")
    assert cuda_repository(system, mirror).fingerprint == "A" * 40
