"""Whether the driver drives every card, and still will after the next kernel, upgrade and boot."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

from labprov.engine.facts.board import Board
from labprov.engine.facts.gpu import Gpu, NvidiaGpus
from labprov.engine.facts.system import OperatingSystem
from labprov_roles.nvidia_driver.choice import Choice, choose
from labprov_roles.nvidia_driver.facts import MODULES
from labprov_roles.nvidia_driver.mig import named
from labprov_roles.nvidia_driver.settings import Settings

_LICENCES = {"open": "Dual MIT/GPL", "proprietary": "NVIDIA"}
_HELD = r"libcuda1|libnvidia-(compute|tesla-[0-9]+-cuda1)|nvidia.*-dkms"
_NUMBER = r"[0-9]{3}\.[0-9]+(?:\.[0-9]+)?"


def test_module_is_there_for_every_kernel(host: Host, settings: Settings) -> None:
    choice = _choice(host, settings)
    versions = {kernel: _modinfo(host, kernel, "version") for kernel in _kernels(host)}
    wanted = re.compile(re.escape(choice.version) if choice.version else rf"{choice.branch}\.[0-9.]+")
    missing = {kernel: version for kernel, version in versions.items() if not wanted.fullmatch(version)}
    assert versions and missing == {}, f"no module of {choice.version or choice.branch} for these kernels: {missing}"


def test_secure_boot_lets_the_module_load(host: Host, settings: Settings) -> None:
    if not _secure_boot(host):
        pytest.skip("not needed: Secure Boot is off")
    signer = _modinfo(host, host.run("uname -r").stdout.strip(), "signer")
    assert signer, "Secure Boot is on, and the module is not signed"
    builtin = host.run("grep -qF %s /proc/keys", f" {signer}: ").rc == 0
    enrolled = host.run("mokutil --list-enrolled").stdout.replace("CN = ", "CN=")
    assert builtin or f"CN={signer}\n" in enrolled, (
        f"Secure Boot is on, and the key {signer!r}, which signed the module, is not enrolled: apply the role again, "
        "and confirm the key at the console of the boot that it asks for"
    )


def test_module_has_the_flavour_that_fits_the_cards(host: Host, settings: Settings) -> None:
    licences = {_modinfo(host, kernel, "license") for kernel in _kernels(host)} - {""}
    assert licences == {_LICENCES[_choice(host, settings).flavour]}


def test_every_gpu_of_the_bus_answers(host: Host, settings: Settings) -> None:
    gpus = _gpus(host)
    listed = host.run("nvidia-smi -L")
    names = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    assert len(names) == len(gpus), f"{len(gpus)} on the PCI bus; nvidia-smi says: {listed.stdout or listed.stderr}"


def test_ordinary_users_can_use_the_gpus(host: Host, settings: Settings) -> None:
    gpus = _gpus(host)
    listed = host.run("runuser -u nobody -- nvidia-smi -L")
    assert listed.rc == 0 and listed.stdout.count("GPU ") >= len(gpus), listed.stdout or listed.stderr


def test_module_and_libraries_have_one_version(host: Host, settings: Settings) -> None:
    _gpus(host)
    loaded = re.findall(_NUMBER, host.run("head -n 1 /proc/driver/nvidia/version").stdout)[:1]
    library = re.findall(_NUMBER, host.run("readlink -f $(ldconfig -p | sed -n 's/.*libcuda.so.1 .*=> //p')").stdout)
    asked = host.run("nvidia-smi --query-gpu=driver_version --format=csv,noheader").stdout.split()
    on_disk = _modinfo(host, host.run("uname -r").stdout.strip(), "version")
    assert {*loaded, *library, *asked} == {on_disk}, "the loaded module, the libraries and the module on disk differ"


def test_no_other_driver_holds_a_card(host: Host, settings: Settings) -> None:
    holders = {gpu.slot: gpu.driver for gpu in _bus(host) if gpu.driver not in ("nvidia", "vfio-pci", "")}
    loaded = [name for name in ("nouveau", "nova_core") if host.file(f"/sys/module/{name}").exists]
    assert (holders, loaded) == ({}, [])


def test_no_other_driver_takes_a_card_at_boot(host: Host, settings: Settings) -> None:
    config = host.run("modprobe --showconfig").stdout.splitlines()
    assert {"blacklist nouveau", "blacklist nova_core"} <= set(config)
    for kernel in _kernels(host):
        image = f"/boot/initramfs-{kernel}.img" if _rhel(host) else f"/boot/initrd.img-{kernel}"
        if not host.file(image).exists:
            continue
        script = _UNPACK_RHEL if _rhel(host) else _UNPACK
        inside = host.run("sh -c %s %s", script, image).stdout.splitlines()
        assert {"blacklist nouveau", "blacklist nova_core"} <= set(inside), f"{image} was built without the blacklist"


def test_packages_are_held(host: Host, settings: Settings) -> None:
    if not settings.hold:
        pytest.skip("hold: false")
    if _rhel(host):
        locked = host.run("cat /etc/dnf/plugins/versionlock.list").stdout
        assert "kmod-nvidia-" in locked and "nvidia-driver-cuda-" in locked, locked
        return
    selections = [line.split() for line in host.run("dpkg --get-selections").stdout.splitlines()]
    ours = {row[0].partition(":")[0]: row[1] for row in selections if re.match(_HELD, row[0])}
    installed = {name: state for name, state in ours.items() if state != "deinstall"}
    assert len(installed) >= 2 and set(installed.values()) == {"hold"}, installed


def test_an_upgrade_leaves_the_driver_alone(host: Host, settings: Settings) -> None:
    if not settings.hold:
        pytest.skip("hold: false")
    if _rhel(host):
        planned, before = host.run("LC_ALL=C dnf -C --assumeno upgrade").stdout, r"^ "
    else:
        planned, before = host.run("apt-get -s -q -o Debug::NoLocking=1 dist-upgrade").stdout, r"^(?:Inst|Remv) "
    names = r"((?:kmod-nvidia|nvidia-(?!container)|libcuda|libnvidia-(?!container))\S*)"
    touched = re.findall(before + names, planned, re.M)
    assert touched == []


def test_persistence_daemon_keeps_the_cards_awake(host: Host, settings: Settings) -> None:
    if not settings.persistence:
        pytest.skip("persistence: false")
    _gpus(host)
    modes = host.run("nvidia-smi --query-gpu=persistence_mode --format=csv,noheader").stdout.split()
    assert set(modes) == {"Enabled"}
    assert host.run("systemctl is-active nvidia-persistenced").stdout.strip() == "active"


def test_cards_are_divided_as_asked_for(host: Host, settings: Settings) -> None:
    if not settings.mig:
        pytest.skip("not set: mig")
    said = host.run("nvidia-smi -L").stdout
    cards = re.findall(r"^GPU (\d+):.*\(UUID: (GPU-[^)]+)\)\n((?:\s+MIG .*\n?)*)", said, re.M)
    found = {key: sorted(re.findall(r"MIG (\S+)", below)) for index, uuid, below in cards for key in (index, uuid)}
    wanted = {named(key): sorted(profiles) for key, profiles in settings.mig.items()}
    assert {key: found.get(key) for key in wanted} == wanted, said


def test_fabric_manager_runs_at_the_version_of_the_driver(host: Host, settings: Settings) -> None:
    if not _choice(host, settings).fabric_manager:
        pytest.skip("not needed: this server has no NVSwitch")
    assert host.run("systemctl is-active nvidia-fabricmanager").stdout.strip() == "active"
    owner = "dpkg-query -W -f '${Version}' $(dpkg -S /usr/bin/nv-fabricmanager | cut -d: -f1)"
    version = host.run(f"if command -v dpkg >/dev/null; then {owner}; else rpm -qf --qf '%{{VERSION}}' {_FABRIC}; fi")
    loaded = re.findall(_NUMBER, host.run("head -n 1 /proc/driver/nvidia/version").stdout)[:1]
    assert re.findall(_NUMBER, version.stdout)[:1] == loaded


def test_dcgm_finds_every_card(host: Host, settings: Settings) -> None:
    if not settings.dcgm:
        pytest.skip("not set: dcgm")
    cards = len(_gpus(host))
    said = host.run("dcgmi discovery -l")
    found = re.search(r"(\d+) GPUs? found", said.stdout)
    assert found and int(found[1]) == cards, said.stdout or said.stderr
    assert host.run("systemctl is-enabled nvidia-dcgm").stdout.strip() == "enabled"


_FABRIC = "/usr/bin/nv-fabricmanager"


def _bus(host: Host) -> list[Gpu]:
    fact = NvidiaGpus()
    return fact.process(host.run(fact.command()).stdout.splitlines())


def _gpus(host: Host) -> list[Gpu]:
    """The cards of the server; the check is skipped when there is none (``force``)."""
    found = _bus(host)
    if not found:
        pytest.skip("this server has no NVIDIA GPU")
    return found


def _choice(host: Host, settings: Settings) -> Choice:
    lines = [host.run("uname -m").stdout, *host.file("/etc/os-release").content_string.splitlines()]
    board = Board()
    machine = board.process(host.run(board.command()).stdout.splitlines())
    return choose(settings, OperatingSystem().process(lines), _bus(host), machine)


def _secure_boot(host: Host) -> bool:
    """The last byte of the firmware's variable."""
    said = host.run("od -An -t u1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
    return bool(said.stdout.split()[-1:] == ["1"])


_UNPACK = 'd=$(mktemp -d); unmkinitramfs "$0" "$d"; cat $(find "$d" -path "*/modprobe.d/*.conf"); rm -rf "$d"'
_UNPACK_RHEL = (
    'for f in $(lsinitrd "$0" | sed -n "s/.* \\(etc\\/modprobe.d\\/.*conf\\)$/\\1/p"); do lsinitrd -f "$f" "$0"; done'
)


def _rhel(host: Host) -> bool:
    """Whether packages are asked of rpm and dnf."""
    return bool(host.run("command -v rpm && [ ! -e /etc/debian_version ]").rc == 0)


def _kernels(host: Host) -> list[str]:
    """The kernels that are installed as packages, and the one that runs."""
    if _rhel(host):
        said = host.run("rpm -q --qf '%{VERSION}-%{RELEASE}.%{ARCH}\n' kernel-core").stdout.split()
        return sorted({host.run("uname -r").stdout.strip(), *said})
    images = host.run("dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 'linux-image-[0-9]*'").stdout.splitlines()
    names = [line.split()[1].removeprefix("linux-image-") for line in images if line.startswith("ii ")]
    return sorted({host.run("uname -r").stdout.strip(), *(name.removesuffix("-unsigned") for name in names)})


def _modinfo(host: Host, kernel: str, field: str) -> str:
    said = host.run(f"for m in {' '.join(MODULES)}; do modinfo -k %s -F %s $m && break; done", kernel, field)
    return str(said.stdout).strip()
