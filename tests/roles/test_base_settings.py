"""Settings of the role base: what is accepted, what a hostile inventory cannot smuggle in, what files come of them."""

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from labprov.engine.facts.system import Container, System, Virtualization
from labprov.errors import HostError
from labprov.mirrors import Mirrors
from labprov_roles import epel
from labprov_roles.base.facts import Locales, LocaleState, SystemLocale, TimeZones
from labprov_roles.base.settings import Settings
from labprov_roles.base.systems import locale_packages, lock_text, platform, time_daemon, tools

DEBIAN = platform(System("debian", "12", "bookworm"))
ROCKY = platform(System("rocky", "9.6", "", ("rhel", "fedora")))


def test_defaults_hold_the_tools_that_the_issue_names() -> None:
    assert {"vim", "git"} <= set(Settings().wanted)


def test_extra_packages_come_after_and_once() -> None:
    settings = Settings(packages=("vim", "git"), extra_packages=("jq", "vim"))
    assert settings.wanted == ("vim", "git", "jq")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("packages", ["vim; reboot"]),
        ("packages", ["-o=APT::Get::AllowUnauthenticated=1"]),
        ("extra_packages", ["vim$(id)"]),
        ("timezone", "Europe/Berlin; reboot"),
        ("timezone", "../../etc/shadow"),
        ("timezone", "Europe/../../etc"),
        ("locale", "en_GB.UTF-8 UTF-8\nevil"),
        ("locale", "en_GB.ISO-8859-1"),
        ("ntp_servers", ["ntp.example.org\nFallbackNTP=evil"]),
        ("ntp_servers", ["ntp.example.org evil"]),
        ("ntp_servers", ["-x"]),
        ("apt_lock_timeout", -1),
        ("apt_lock_timeout", "60s"),
        ("unknown", 1),
    ],
)
def test_hostile_or_wrong_values_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({key: value})


def test_lock_text_is_what_apt_reads() -> None:
    assert lock_text(60).splitlines()[-1] == 'DPkg::Lock::Timeout "60";'


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ((), "systemd-timesyncd"),
        (("systemd-timesyncd",), "systemd-timesyncd"),
        (("chrony", "vim"), "chrony"),
        (("ntpsec", "systemd-timesyncd"), "ntpsec"),
        (("openntpd",), "openntpd"),
    ],
)
def test_time_daemon_that_is_there_stays(there: tuple[str, ...], chosen: str) -> None:
    assert time_daemon(DEBIAN, there).package == chosen


def test_timesyncd_drop_in_has_one_line_a_server() -> None:
    text = time_daemon(DEBIAN, ()).servers_text(["a.example.org", "192.0.2.1"])
    assert text == "# Managed by labprov.\n[Time]\nNTP=a.example.org\nNTP=192.0.2.1\n"


def test_chrony_drop_in_has_no_section() -> None:
    text = time_daemon(DEBIAN, ["chrony"]).servers_text(["a.example.org"])
    assert text == "# Managed by labprov.\nserver a.example.org iburst\n"


def test_ubuntu_is_of_debians_family_and_an_unknown_system_is_named() -> None:
    assert platform(System("ubuntu", "24.04", like=("debian",))) is DEBIAN
    with pytest.raises(HostError, match="arch"):
        platform(System("arch"))


def test_locales_are_read_from_literal_output() -> None:
    state = Locales().process(["C", "C.utf8", "en_GB.utf8", "POSIX", "LANG=en_GB.UTF-8"])
    assert state == LocaleState(("C", "C.utf8", "en_GB.utf8", "POSIX"), "en_GB.UTF-8")
    assert Locales().process([]) == LocaleState()


def test_both_places_of_the_time_zone_are_read() -> None:
    assert TimeZones().process(["Europe/Berlin", "Etc/UTC"]) == ["Europe/Berlin", "Etc/UTC"]


def test_a_machine_of_its_own_is_no_container() -> None:
    said = [Container().process(lines) for lines in (["none"], ["systemd-nspawn"], ["kvm"], ["vm-other"], [])]
    assert said == ["", "systemd-nspawn", "", "", ""]


def test_virtual_machines_get_the_agent_of_what_carries_them() -> None:
    agents = DEBIAN.guest_agents
    found = {word: agents.get(word) for word in ("kvm", "qemu", "vmware", "microsoft", "oracle", "systemd-nspawn", "")}
    assert found == {
        "kvm": "qemu-guest-agent",
        "qemu": "qemu-guest-agent",
        "vmware": "open-vm-tools",
        "microsoft": "hyperv-daemons",
        "oracle": None,  # VirtualBox: not in Debian's archive
        "systemd-nspawn": None,
        "": None,
    }


def test_what_a_host_runs_on_is_systemds_word_for_it() -> None:
    said = [Virtualization().process(lines) for lines in (["vmware"], ["none"], [])]
    assert said == ["vmware", "", ""]


def test_rhels_names_of_the_tools() -> None:
    names = tools(ROCKY, Settings(extra_packages=("jq",)))
    assert {"vim-enhanced", "gnupg2", "git", "tmux", "jq"} <= set(names)
    assert not {"vim", "gnupg", "htop"} & set(names)
    assert tools(DEBIAN, Settings(extra_packages=("jq",))) == Settings(extra_packages=("jq",)).wanted


@pytest.mark.parametrize("asked", [{"packages": ("htop", "vim")}, {"extra_packages": ("htop",)}])
def test_what_only_epel_has_is_refused_when_it_was_named(asked: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(HostError, match=r"htop: only EPEL has it .*base\.epel: true"):
        tools(ROCKY, Settings.model_validate(asked))
    assert "htop" in tools(ROCKY, Settings.model_validate({**asked, "epel": True}))
    assert "htop" in tools(DEBIAN, Settings.model_validate(asked))


@pytest.mark.parametrize(
    ("there", "service"),
    [((), "chronyd"), (("chrony",), "chronyd"), (("ntpsec",), "ntpd"), (("ntpsec", "chrony"), "chronyd")],
)
def test_rhel_keeps_time_by_chrony_unless_something_else_is_there(there: tuple[str, ...], service: str) -> None:
    daemon = time_daemon(ROCKY, there)
    assert daemon.service == service
    assert (daemon.include is not None) == (service == "chronyd")


@pytest.mark.parametrize(
    ("locale", "packages"),
    [("en_GB.UTF-8", ["glibc-langpack-en"]), ("de_DE.UTF-8", ["glibc-langpack-de"]), ("C.UTF-8", [])],
)
def test_rhels_locales_are_packages(locale: str, packages: list[str]) -> None:
    assert locale_packages(ROCKY, locale) == packages
    assert locale_packages(DEBIAN, locale) == ["locales"]


def test_dnf_needs_no_patience_from_us() -> None:
    assert (ROCKY.lock_file, DEBIAN.lock_file) == (None, "/etc/apt/apt.conf.d/80labprov")


@pytest.mark.parametrize("line", ["LANG=en_GB.UTF-8", 'LANG="en_GB.UTF-8"'])
def test_the_systems_locale_is_read_with_and_without_quotes(tmp_path: Path, line: str) -> None:
    conf = tmp_path / "locale.conf"
    conf.write_text(f'# LANG=no\n{line}\nLC_TIME="C"\n')
    command = SystemLocale().command().replace("/etc/locale.conf", str(conf))
    shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert SystemLocale().process(shown.splitlines()) == "en_GB.UTF-8"
    assert SystemLocale().process([]) == ""


@pytest.mark.parametrize(
    ("system", "folder", "key"),
    [
        (System("rocky", "8.10", "", ("rhel",)), "8", "94E279EB8D8F25B21810ADF121EA45AB2F86D6A1"),
        (System("rhel", "9.6"), "9", "FF8AD1344597106ECE813B918A3872BF3228467C"),
        (System("almalinux", "10.1", "", ("rhel",)), "10.1", "7D8D15CBFC4E62688591FB2633D98517E37ED158"),
    ],
)
def test_epel(system: System, folder: str, key: str) -> None:
    assert epel.url(system, Mirrors().epel) == f"https://dl.fedoraproject.org/pub/epel/{folder}/Everything/x86_64/"
    assert epel._KEYS[system.name.removeprefix("rhel")] == key


def test_epel_is_for_rhel_alone() -> None:
    with pytest.raises(HostError, match="not for debian 12"):
        epel.url(System("debian", "12"), Mirrors().epel)
