"""Does what the base role promises hold? Tools are tried by an ordinary user, the clock is asked, apt is asked."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

from labprov_roles import package_checks
from labprov_roles.base import archives
from labprov_roles.base.settings import Settings
from labprov_roles.base.systems import platform, tools

# How a tool shows that it runs; a package that is not named here is looked up in the package database.
_TRIES = {
    "ca-certificates": 'test "$(cat /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt 2>/dev/null'
    " | grep -c 'BEGIN CERTIFICATE')\" -gt 20",
    "curl": "curl --version",
    "git": "git --version",
    "gnupg": "gpg --version",
    "gnupg2": "gpg --version",
    "htop": "htop --version",
    "less": "less --version",
    "lsof": "lsof -v",
    "pciutils": "PATH=$PATH:/usr/sbin:/sbin lspci --version",
    "rsync": "rsync --version",
    "tmux": "tmux -V",
    "unzip": "unzip -v",
    "vim": "vim --version",
    "vim-enhanced": "vim --version",
    "wget": "wget --version",
}
_QEMU = ("qemu-guest-agent", "qemu-guest-agent", "/dev/virtio-ports/org.qemu.guest_agent.0")
# By systemd-detect-virt: package, service, and what must be there for the service to have anything to do.
_AGENTS = {
    "kvm": _QEMU,
    "qemu": _QEMU,
    "vmware": ("open-vm-tools", "open-vm-tools", "/usr/bin/vmtoolsd"),
    "microsoft": ("hyperv-daemons", "hv-kvp-daemon", "/dev/vmbus/hv_kvp"),
}
# Seconds that a clock that was just told to follow a server may take to do so.
_SYNC_SECONDS = 60


def test_tools_answer_to_an_ordinary_user(host: Host, settings: Settings) -> None:
    """Each package asked for is there, and each tool known here runs as the user nobody."""
    broken = {}
    for package in tools(platform(package_checks.system_of(host)), settings):
        tried = (
            host.run("runuser -u nobody -- env HOME=/nonexistent sh -c %s", _TRIES[package])
            if package in _TRIES
            else None
        )
        if tried is not None and tried.rc != 0:
            broken[package] = (tried.stderr or tried.stdout).strip()
        elif tried is None and not host.package(package).is_installed:
            broken[package] = "is not installed"
    assert not broken


def test_apt_waits_for_its_lock(host: Host, settings: Settings) -> None:
    """Apt itself says how long it waits, after reading all of its configuration; dnf waits unless told not to."""
    if platform(package_checks.system_of(host)).lock_file is None:
        told = host.run("grep -ihE '^exit_on_lock *= *(1|yes|true)' /etc/dnf/dnf.conf").stdout
        assert told == "", "dnf gives up at once when another one is at work"
        return
    said = host.check_output("apt-config dump DPkg::Lock::Timeout").strip()
    assert said == f'DPkg::Lock::Timeout "{settings.apt_lock_timeout}";'


def test_packages_come_from_the_mirror_named(host: Host, settings: Settings) -> None:
    """What apt and dnf themselves say they fetch lists from: the mirrors, and the archive's own location no more."""
    system = package_checks.system_of(host)
    wanted = archives.of_system(system, settings.mirrors)
    if not wanted:
        pytest.skip("not set: a mirror of this system's archive")
    ask = "dnf -q repoinfo --enabled" if system.family == "rhel" else "apt-get indextargets --format '$(REPO_URI)'"
    told = set(re.findall(r"(?:https?://|mirror\+file:)[^\s,]+", host.run("sh -c %s", ask).stdout))
    for name, url in wanted.items():
        assert [each for each in told if each.rstrip("/") == url or each.startswith(f"{url}/")], (
            f"nothing is from {url}"
        )
        assert not [each for each in told if archives.is_own(name, each) and not each.startswith(url)]


def test_pip_of_an_ordinary_user_uses_the_index_named(host: Host, settings: Settings) -> None:
    """As pip itself reads its configuration, or, where there is no pip yet, as Python reads such files."""
    if settings.mirrors.pip is None:
        pytest.skip("not set: mirrors.pip")
    pips = "for p in /opt/conda/bin/python3 /usr/bin/python3; do $p -m pip config get global.index-url && exit; done"
    parse = "import configparser as c; f = c.ConfigParser(); f.read('/etc/pip.conf'); print(f['global']['index-url'])"
    script = f'({pips}) 2>/dev/null; python3 -c "{parse}" || sed -n "s/^index-url *= *//p" /etc/pip.conf'
    shown = host.run("runuser -u nobody -- env -i PATH=/usr/bin:/bin HOME=/nonexistent sh -c %s", script).stdout.split()
    assert shown[:1] == [settings.mirrors.pip]


def test_virtual_machine_runs_its_guest_agent(host: Host, settings: Settings) -> None:
    """The agent that fits the machine is there; it runs where the machine that carries this one gives it a way out."""
    if not settings.guest_agent:
        pytest.skip("guest_agent: false")
    agent = _AGENTS.get(host.run("systemd-detect-virt").stdout.strip())
    if agent is None:
        pytest.skip("not needed: no virtual machine with an agent in the distribution's archive")
    package, service, way = agent
    assert host.package(package).is_installed
    if host.file(way).exists:
        assert host.run("systemctl is-active -- %s", service).stdout.strip() == "active"


def test_clock_follows_a_time_server(host: Host, settings: Settings) -> None:
    """The kernel's clock is marked as synchronised, by whichever program does it."""
    if not settings.ntp:
        pytest.skip("ntp is false: the clock is not labprov's here")
    container = host.run("systemd-detect-virt --container").stdout.strip()
    if container not in ("", "none"):
        pytest.skip(f"a {container} container has no clock of its own: its machine keeps the time")
    synchronised = "timedatectl show --property=NTPSynchronized --value | grep -qx yes"
    wait = f"for _ in $(seq {_SYNC_SECONDS}); do {synchronised} && exit 0; sleep 1; done; exit 1"
    assert host.run("sh -c %s", wait).rc == 0, (
        f"not synchronised after {_SYNC_SECONDS} s: does the network let time servers through? "
        f"{host.run('timedatectl show-timesync --property=ServerName --property=ServerAddress').stdout.strip()}"
    )


def test_time_servers_are_the_ones_named(host: Host, settings: Settings) -> None:
    """The configuration in force, drop-ins included, names those of the inventory, and of labprov's no others."""
    if not settings.ntp:
        pytest.skip("ntp is false: the clock is not labprov's here")
    shown = "systemd-analyze cat-config systemd/timesyncd.conf; tail -n +1 /etc/chrony/sources.d/*.sources"
    text = host.run("sh -c %s", f"({shown}) 2>/dev/null").stdout
    words = " ".join(line for line in text.splitlines() if not line.startswith("#")).replace("=", " ").split()
    assert set(settings.ntp_servers) <= set(words)
    assert bool(settings.ntp_servers) == ("# Managed by labprov." in text)


def test_time_zone(host: Host, settings: Settings) -> None:
    """A fresh process of an ordinary user lives in the time zone asked for."""
    if settings.timezone is None:
        pytest.skip("not set: timezone")
    offsets = "date +%z; TZ=" + settings.timezone + " date +%z"
    local, asked = host.check_output("env -u TZ sh -c %s", offsets).split()
    assert local == asked
    named = host.run("cat /etc/timezone 2>/dev/null; timedatectl show --property=Timezone --value").stdout.split()
    assert set(named) == {settings.timezone}, "programs find more than one time zone"


def test_locale(host: Host, settings: Settings) -> None:
    """A session with the default locale speaks UTF-8, and the C library knows that locale."""
    if settings.locale is None:
        pytest.skip("not set: locale")
    set_in = "if [ -e /etc/default/locale ]; then . /etc/default/locale; else . /etc/locale.conf; fi"
    session = f"set -a; {set_in}; locale charmap; echo $LANG"
    shown = host.run("env -i PATH=/usr/bin:/bin sh -c %s", session)
    assert shown.stdout.split() == ["UTF-8", settings.locale]
    assert not shown.stderr
