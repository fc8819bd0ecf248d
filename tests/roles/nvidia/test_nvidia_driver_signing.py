"""Secure Boot: when a key is made, asked for and confirmed, and what is said until then."""

import pytest

from labprov.engine.facts.gpu import Gpu
from labprov_roles.nvidia_driver import operations, services, signing
from labprov_roles.nvidia_driver.facts import DriverLibrary, Module, ModulesOnDisk
from labprov_roles.nvidia_driver.facts_kernels import Kernel, Kernels
from labprov_roles.nvidia_driver.facts_secure_boot import PASSWORD, Certificate, SecureBoot, SecureBootState

MOK = {"certificate": "/var/lib/dkms/mok.pub"}
OWN = Certificate("00ff", "gpu-01 kernel module signing key")
OTHER = Certificate("11ee", "somebody else's")

OFF = SecureBoot()
BARE = SecureBoot(True, builtin=("Debian Secure Boot CA",))
MADE = SecureBoot(True, enrolled=(OTHER,), own=OWN)
ASKED = SecureBoot(True, asked=(OWN,), own=OWN, password="01234567")
TRUSTED = SecureBoot(True, enrolled=(OTHER, OWN), own=OWN)


@pytest.mark.parametrize(("state", "made"), [(OFF, 0), (BARE, 1), (MADE, 0), (TRUSTED, 0)])
def test_a_key_is_made_once_and_only_where_it_is_needed(commands, state, made):
    given = commands(signing.make_key, {SecureBootState: state}, key="/var/lib/dkms/mok.key", **MOK)
    assert len(given) == made
    for command in given:
        assert command.startswith("(umask 077; mkdir -p /var/lib/dkms && openssl req -new -x509 -nodes")
        # the certificate comes into its place last
        assert command.endswith(
            "&& mv -f /var/lib/dkms/mok.key.new /var/lib/dkms/mok.key "
            "&& mv -f /var/lib/dkms/mok.pub.new /var/lib/dkms/mok.pub )"
        )


@pytest.mark.parametrize(("state", "asks"), [(OFF, 0), (MADE, 1), (ASKED, 0), (TRUSTED, 0)])
def test_trust_is_asked_for_until_somebody_confirmed_it(commands, state, asks):
    given = commands(signing.enrol_key, {SecureBootState: state}, **MOK)
    assert len(given) == asks
    assert all("| mokutil --import /var/lib/dkms/mok.pub >/dev/null" in command for command in given)


def test_the_password_goes_when_it_was_used(commands):
    confirmed = SecureBoot(True, enrolled=(OWN,), own=OWN, password="01234567")
    assert commands(signing.enrol_key, {SecureBootState: confirmed}, **MOK) == [f"rm -f {PASSWORD}"]


RUNNING = Kernel("6.1.0-40-amd64", running=True, headers=True)


def module(signer):
    return Module(RUNNING.release, "580.178.04", "Dual MIT/GPL", signer)


@pytest.mark.parametrize(
    ("signer", "state", "said"),
    [
        ("", OFF, ""),
        (OWN.name, TRUSTED, ""),
        ("Debian Secure Boot CA", BARE, ""),
        (
            OWN.name,
            ASKED,
            "'Enroll MOK', 'Continue' and 'Yes' for the key 'gpu-01 kernel module signing key', type 01234567",
        ),
        (OWN.name, MADE, ""),  # nothing was asked: a reboot would change nothing
    ],
)
def test_what_to_do_at_the_console_is_said(signer, state, said):
    gpus = [Gpu("0000:21:00.0", "20b5", "")]
    reason = services.reboot_reason(gpus, ("", ""), [module(signer)], [RUNNING], state)
    assert said in reason and bool(reason) == bool(said)


@pytest.mark.parametrize(
    ("signer", "state", "again"),
    [("", OFF, 0), ("", MADE, 1), ("an older key", TRUSTED, 1), (OWN.name, MADE, 0), (OTHER.name, TRUSTED, 0)],
)
def test_a_module_that_was_built_without_the_key_is_built_again(commands, signer, state, again):
    facts = {
        Kernels: [RUNNING],
        ModulesOnDisk: [module(signer)],
        DriverLibrary: "580.178.04",
        SecureBootState: state,
    }
    given = commands(operations.build_modules, facts, **MOK)
    assert len(given) == again
    for command in given:
        assert command.startswith("for d in /var/lib/dkms/nvidia*/580.178.04 ; do")
        assert 'dkms build --force -m "$m" -v 580.178.04 -k 6.1.0-40-amd64' in command
        assert command.endswith('dkms install --force -m "$m" -v 580.178.04 -k 6.1.0-40-amd64 || exit 1; done')


def test_two_flavours_of_one_version_need_a_reboot():
    gpus = [Gpu("0000:21:00.0", "20b5", "nvidia")]
    reason = services.reboot_reason(gpus, ("580.178.04", "proprietary"), [module("")], [RUNNING])
    assert "the proprietary modules are loaded, the open ones are installed" in reason
    assert services.reboot_reason(gpus, ("580.178.04", "open"), [module("")], [RUNNING]) == ""


@pytest.mark.parametrize(
    ("spec", "version", "exact"),
    [
        ("nvidia-fabricmanager=580.*", "580.178.04", "nvidia-fabricmanager=580.178.04-*"),
        ("nvidia-fabricmanager=580.178.04-*", "580.178.04", "nvidia-fabricmanager=580.178.04-*"),
        ("nvidia-fabricmanager-570=570.*", "", "nvidia-fabricmanager-570=570.*"),
        ("nvlsm", "580.178.04", "nvlsm"),
    ],
)
def test_the_fabric_manager_has_exactly_the_version_of_the_driver(spec, version, exact):
    assert services.at_version(spec, version) == exact
