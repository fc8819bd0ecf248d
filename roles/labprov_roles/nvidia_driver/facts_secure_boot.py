"""Facts about Secure Boot: whether it is on, which keys it trusts, and this host's own key. They never fail.

Read from the firmware's variables as the kernel shows them: mokutil shows the same, and is often not installed.
Formats: UEFI 2.10, 32.4.1 (signature lists); shim's MokVars.txt (``MokListRT``, ``MokNew``; owner 605dab50-...).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from pyinfra.api import FactBase, QuoteString, StringCommand

_VARIABLES = "/sys/firmware/efi/efivars"
_SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
"""EFI_CERT_X509_GUID as it is stored."""
_COMMON_NAME = bytes.fromhex("0603550403")
"""The object identifier 2.5.4.3 in DER."""
PASSWORD = "/var/lib/labprov/machine-owner-key-password"  # noqa: S105  # where it lies, readable by root
"""What the console asks for once, to prove that whoever confirms a key knows that it was asked for."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate in DER."""

    fingerprint: str
    """SHA-1, as mokutil shows it, without colons."""
    name: str
    """The subject's common name, which modinfo shows as the signer; empty when it has none."""


@dataclass(frozen=True, slots=True)
class SecureBoot:
    """What the firmware and the kernel trust."""

    enabled: bool = False
    enrolled: tuple[Certificate, ...] = ()
    """Keys that the machine's owner enrolled (MOK)."""
    asked: tuple[Certificate, ...] = ()
    """Keys whose enrolment waits for somebody at the console of the next boot."""
    own: Certificate | None = None
    """The key with which this host signs modules that it builds."""
    builtin: tuple[str, ...] = ()
    """Names of the keys in the kernel's keyrings, the distribution's among them."""
    password: str = ""
    """What the console will ask for."""

    def trusts(self, signer: str) -> bool:
        """Whether a module that this key signed can be loaded."""
        return bool(signer) and (signer in self.builtin or signer in {key.name for key in self.enrolled})

    @property
    def own_is_enrolled(self) -> bool:
        """Whether what this host builds will be trusted."""
        return self.own is not None and self.own in self.enrolled

    @property
    def own_is_asked(self) -> bool:
        """Whether the console of the next boot asks for this host's key."""
        return self.own is not None and self.own in self.asked


class SecureBootState(FactBase[SecureBoot]):
    """The host's ``SecureBoot``."""

    default = SecureBoot

    def command(self, certificate: str) -> str:
        """Lines of a keyword and a value; certificates in base64. Nothing is started where Secure Boot is off.

        + certificate: where this host's own key is
        """
        own = str(StringCommand(QuoteString(certificate)))
        sb, new = f"{_VARIABLES}/SecureBoot-{_GLOBAL}", f"{_VARIABLES}/MokNew-{_SHIM}"
        return (
            f'[ ! -r {own} ] || echo "own $(base64 -w0 {own})"; '
            # the first four bytes of a variable are its attributes; mok-variables (Linux 5.10) has none
            f'[ -r {sb} ] && [ "$(od -An -t u1 -j 4 -N 1 {sb} | tr -d " ")" = 1 ] || exit 0; echo "on 1"; '
            "m=/sys/firmware/efi/mok-variables/MokListRT; "
            'if [ -r $m ]; then echo "enrolled $(base64 -w0 $m)"; else '
            f"for m in {_VARIABLES}/MokListRT*-{_SHIM}; do "
            '[ ! -r "$m" ] || echo "enrolled $(tail -c +5 "$m" | base64 -w0)"; done; fi; '
            f'[ ! -r {new} ] || echo "asked $(tail -c +5 {new} | base64 -w0)"; '
            f'[ ! -r {PASSWORD} ] || echo "password $(cat {PASSWORD})"; '
            "sed -n 's/^.* asymmetri \\(.*\\): [0-9a-f]*: .*/builtin \\1/p' /proc/keys 2>/dev/null; true"
        )

    def process(self, output: list[str]) -> SecureBoot:
        """Parse the lines; what cannot be read is not there."""
        rows = [line.partition(" ")[::2] for line in output]
        lists = {word: [_decoded(value) for key, value in rows if key == word] for word in ("enrolled", "asked", "own")}
        certificates = {word: tuple(key for data in lists[word] for key in signature_list(data)) for word in lists}
        return SecureBoot(
            enabled=("on", "1") in rows,
            enrolled=certificates["enrolled"],
            asked=certificates["asked"],
            own=certificate(lists["own"][0]) if lists["own"] and lists["own"][0] else None,
            builtin=tuple(value for key, value in rows if key == "builtin"),
            password=next((value for key, value in rows if key == "password"), ""),
        )


def signature_list(data: bytes) -> list[Certificate]:
    """The X.509 certificates of EFI signature lists; the rest of what cannot be read is left out."""
    found, start = [], 0
    while start + 28 <= len(data):
        size, header, each = struct.unpack_from("<III", data, start + 16)
        end = start + size
        if size < 28 + header or end > len(data):
            break
        if data[start : start + 16] == _X509 and each > 16:
            first = start + 28 + header
            found += [certificate(data[at + 16 : at + each]) for at in range(first, end - each + 1, each)]
        start = end
    return found


def certificate(der: bytes) -> Certificate:
    """Fingerprint and name of one certificate. The issuer's name stands before the subject's, and may be missing."""
    names = []
    at = der.find(_COMMON_NAME)
    while at >= 0 and at + 7 <= len(der):
        length = der[at + 6]
        names.append(der[at + 7 : at + 7 + length].decode("utf-8", "replace"))
        at = der.find(_COMMON_NAME, at + 7)
    return Certificate(
        hashlib.sha1(der, usedforsecurity=False).hexdigest(), names[min(1, len(names) - 1)] if names else ""
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
