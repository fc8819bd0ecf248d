"""Settings of the role base: what is accepted, what a hostile inventory cannot smuggle in, what files come of them."""

import pytest
from pydantic import ValidationError

from labprov.engine.facts.system import Container, System, Virtualization
from labprov.errors import HostError
from labprov_roles.base.facts import Locales, LocaleState, TimeZones
from labprov_roles.base.settings import Settings
from labprov_roles.base.systems import lock_text, platform, time_daemon

DEBIAN = platform(System("debian", "12", "bookworm"))


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
    assert [Container().process(lines) for lines in (["none"], ["systemd-nspawn"], [])] == ["", "systemd-nspawn", ""]


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
