"""Operations for Secure Boot: a key of the machine's owner, with which DKMS signs the modules that it builds.

The key is made where DKMS looks for one, so that modules for later kernels are signed without labprov. A firmware takes
a key only from somebody at its console: the rest is asked for, and said (``services.at_the_console``).
"""

from __future__ import annotations

from pathlib import PurePosixPath

from pyinfra import host
from pyinfra.api import QuoteString, StringCommand, operation

from labprov.engine.operations import Commands
from labprov_roles.nvidia_driver.facts_secure_boot import PASSWORD, SecureBoot, SecureBootState

TOOLS = ("mokutil", "openssl")
YEARS = 30
"""A key that ends would leave a server without its cards at some boot in between."""


@operation()
def make_key(certificate: str, key: str) -> Commands:
    """Make the key that signs modules, where Secure Boot is on and there is none. The private half never leaves root.

    + certificate: path, DER
    + key: path of the private key
    """
    trust: SecureBoot = host.get_fact(SecureBootState, certificate=certificate)
    if not trust.enabled or trust.own:
        host.noop("there is a key" if trust.own else "Secure Boot is off")
        return
    cert, private, folder = (QuoteString(path) for path in (certificate, key, str(PurePosixPath(key).parent)))
    made = [StringCommand(path, ".new", _separator="") for path in (cert, private)]
    # The certificate comes last: with it the key counts as made.
    yield StringCommand(
        "(umask 077; mkdir -p", folder, "&& openssl req -new -x509 -nodes -sha256 -newkey rsa:2048",
        f"-days {YEARS * 365}", '-subj "/CN=$(uname -n) kernel module signing key"',
        "-keyout", made[1], "-outform DER -out", made[0], "2>/dev/null",
        "&& chmod 644", made[0], "&& mv -f", made[1], private, "&& mv -f", made[0], cert, ")",
    )  # fmt: skip


@operation()
def enrol_key(certificate: str) -> Commands:
    """Ask the firmware to trust the key: whoever is at the console of the next boot confirms it, with a password.

    + certificate: path, DER

    The password is for that once, made by chance, and kept on the host until the key is trusted. Asked again when
    nobody confirmed it: the firmware forgets a request at the boot that it was for.
    """
    trust: SecureBoot = host.get_fact(SecureBootState, certificate=certificate)
    if trust.enabled and not trust.own_is_enrolled and not trust.own_is_asked:
        yield StringCommand(
            "umask 077; p=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') && p=$(printf %08d $((p % 100000000))) &&",
            "mkdir -p", str(PurePosixPath(PASSWORD).parent), "&&", f'printf "%s\\n" "$p" >{PASSWORD} &&',
            'printf "%s\\n" "$p" "$p" | mokutil --import', QuoteString(certificate), ">/dev/null",
        )  # fmt: skip
        return
    if trust.own_is_enrolled and trust.password:
        yield StringCommand("rm -f", PASSWORD)
        return
    host.noop(
        "Secure Boot is off"
        if not trust.enabled
        else "it is trusted"
        if trust.own_is_enrolled
        else "the next boot asks"
    )
