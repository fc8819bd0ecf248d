"""What driver packages are called, by the way in which a repository names them (NVIDIA's guides r590/r595; Ubuntu)."""

# ruff: noqa: E501  # rows of a table
import pytest

from labprov.compat.packages import Driver, fabric_manager, packages


@pytest.mark.parametrize(
    ("scheme", "driver", "install", "remove"),
    [
        ("debian_vendor", Driver(580, None, "open"), "nvidia-driver-cuda=580.* nvidia-kernel-open-dkms=580.* nvidia-persistenced=580.*", "nvidia-kernel-dkms cuda-drivers"),
        ("debian_vendor", Driver(580, "580.95.05", "proprietary", "full"), "nvidia-driver-cuda=580.95.05-* nvidia-kernel-dkms=580.95.05-* nvidia-persistenced=580.95.05-* cuda-drivers=580.95.05-*", "nvidia-kernel-open-dkms nvidia-open"),
        ("debian_distro", Driver(550, None, "open"), "nvidia-open-kernel-dkms=550.* libcuda1=550.* nvidia-smi=550.* libnvidia-cfg1=550.* nvidia-persistenced", "nvidia-kernel-dkms"),
        ("debian_distro", Driver(470, None, "proprietary", legacy="nvidia-tesla-470-driver"), "nvidia-tesla-470-kernel-dkms=470.* libnvidia-tesla-470-cuda1=470.* nvidia-tesla-470-smi=470.* libnvidia-tesla-470-cfg1=470.* nvidia-persistenced", ""),
        ("ubuntu_vendor", Driver(580, None, "open"), "libnvidia-compute-580=580.* nvidia-dkms-580-open=580.* nvidia-utils-580=580.*", "nvidia-dkms-580 cuda-drivers-580"),
        ("ubuntu_vendor", Driver(590, None, "open"), "libnvidia-compute=590.* nvidia-dkms-open=590.*", "nvidia-dkms cuda-drivers"),
        ("ubuntu_vendor", Driver(595, None, "open"), "libnvidia-compute=595.* nvidia-dkms-open=595.*", "nvidia-dkms cuda-drivers"),
        ("ubuntu_vendor", Driver(595, None, "proprietary", "full"), "cuda-drivers=595.*", "nvidia-dkms-open nvidia-open"),
        ("ubuntu_distro", Driver(580, None, "open"), "linux-modules-nvidia-580-server-open-generic nvidia-headless-no-dkms-580-server-open=580.* nvidia-utils-580-server=580.* nvidia-compute-utils-580-server=580.*", "nvidia-headless-no-dkms-580-server nvidia-driver-580-server linux-modules-nvidia-580-server-*"),
        ("ubuntu_distro", Driver(580, None, "proprietary", "full"), "linux-modules-nvidia-580-server-generic nvidia-driver-580-server=580.*", "nvidia-headless-no-dkms-580-server-open nvidia-driver-580-server-open linux-modules-nvidia-580-server-open-*"),
        ("rhel_streams", Driver(580, None, "open", release="9"), "kmod-nvidia-open-dkms=3:580.* nvidia-driver-cuda=3:580.*", "kmod-nvidia-latest-dkms"),
        ("rhel_streams", Driver(580, "580.95.05", "proprietary", "full", release="8"), "kmod-nvidia-latest-dkms=3:580.95.05 nvidia-driver-cuda=3:580.95.05 nvidia-driver=3:580.95.05", "kmod-nvidia-open-dkms"),
        ("rhel_versionlock", Driver(595, None, "open", release="10"), "kmod-nvidia-open-dkms=3:595.* nvidia-driver-cuda=3:595.*", "kmod-nvidia-latest-dkms"),
    ],
)  # fmt: skip
def test_names(scheme, driver, install, remove):
    found = packages(scheme, driver)
    assert (" ".join(found.install), " ".join(found.remove)) == (install, remove)


@pytest.mark.parametrize(
    ("scheme", "flavour", "stream", "lock"),
    [
        ("rhel_streams", "open", "nvidia-driver:580-open", "nvidia-driver:580-open"),
        ("rhel_streams", "proprietary", "nvidia-driver:580-dkms", "nvidia-driver:580-dkms"),
        ("rhel_versionlock", "open", "", "*nvidia*580*"),
        ("ubuntu_vendor", "open", "", "nvidia-driver-pinning-580"),
        ("debian_vendor", "open", "", "580.*"),
    ],
)
def test_what_keeps_the_branch(scheme, flavour, stream, lock):
    found = packages(scheme, Driver(580, None, flavour))
    assert (found.stream, found.lock) == (stream, lock)


@pytest.mark.parametrize(
    ("kernel", "modules"),
    [
        ("", ["generic"]),
        ("6.8.0-41-generic", ["generic", "6.8.0-41-generic"]),
        ("6.17.0-19-generic", ["generic-hwe-24.04", "6.17.0-19-generic"]),
        ("6.8.0-1015-aws", ["aws", "6.8.0-1015-aws"]),
    ],
)
def test_signed_modules_of_ubuntu_follow_the_kernel(kernel, modules):
    driver = Driver(580, None, "open", kernel=kernel, own_kernel="6.8", release="24.04")
    found = [name for name in packages("ubuntu_distro", driver).install if name.startswith("linux-modules")]
    assert found == [f"linux-modules-nvidia-580-server-open-{ending}" for ending in modules]


@pytest.mark.parametrize(
    ("release", "headers"),
    [("8", ("kernel-devel-{}", "kernel-headers")), ("9", ("kernel-devel-matched", "kernel-headers"))],
)
def test_headers_of_rhel(release, headers):
    assert packages("rhel_streams", Driver(580, None, "open", release=release)).headers == headers


@pytest.mark.parametrize(
    ("scheme", "driver", "nvlink5", "names"),
    [
        ("debian_vendor", Driver(580, "580.95.05", "open"), False, "nvidia-fabricmanager=580.95.05-*"),
        ("debian_vendor", Driver(570, None, "open"), False, "nvidia-fabricmanager-570=570.*"),
        ("ubuntu_vendor", Driver(580, None, "open"), False, "nvidia-fabricmanager-580=580.*"),
        ("ubuntu_vendor", Driver(590, None, "open"), False, "nvidia-fabricmanager=590.*"),
        ("ubuntu_vendor", Driver(595, None, "open"), True, "nvidia-fabricmanager=595.* nvlsm infiniband-diags libibumad3"),
        ("ubuntu_distro", Driver(595, None, "open"), False, "nvidia-fabricmanager-595=595.*"),
        ("rhel_streams", Driver(575, None, "open"), False, "nvidia-fabric-manager=575.*"),
        ("rhel_versionlock", Driver(580, "580.95.05", "open"), True, "nvidia-fabricmanager=580.95.05 nvlsm infiniband-diags libibumad"),
    ],
)  # fmt: skip
def test_the_fabric_manager_has_the_drivers_version(scheme, driver, nvlink5, names):
    assert " ".join(fabric_manager(scheme, driver, nvlink5)) == names
