"""What the node of tests/sandbox/test_nvidia_switch.py is given: Debian's driver, a hanging ldconfig, Secure Boot.

All of it is stand-ins. The shell texts are run on the node, never on the machine that runs the tests.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from labprov.sandbox.mirror.driver import Driver, Programs
from labprov.sandbox.mirror.package import Package, build, stanza

DISTRO = "535.999.01"
"""Newer than what Debian has of its branch, so that apt takes the stand-ins."""
_DEBIAN = {"Maintainer": "Debian NVIDIA Maintainers <pkg-nvidia-devel@lists.alioth.debian.org>"}


def distribution(folder: Path) -> Path:
    """A repository with the driver as Debian packages it: nvidia-smi apart, and some packages of its own."""
    made = {package.name: package for package in Driver(DISTRO, Programs()).packages()}
    needs = {"Depends": f"libcuda1 (= {DISTRO}-1), libnvidia-ml1 (= {DISTRO}-1), nvidia-alternative"}
    smi = replace(made["nvidia-driver-cuda"], name="nvidia-smi", relations=needs)
    modules = replace(made["nvidia-kernel-dkms"], relations={"Depends": "kmod, nvidia-alternative"})
    own = [Package(name, f"{DISTRO}-1", "a stand-in of a test") for name in ("nvidia-alternative", "libnvidia-cfg1")]
    same = [made[name] for name in ("libcuda1", "libnvidia-ml1", "nvidia-modprobe", "nvidia-persistenced")]
    stanzas = []
    for package in (smi, modules, *own, *same):
        package = replace(package, relations={**package.relations, **_DEBIAN})
        deb = build(package, folder)
        stanzas.append(stanza(package, deb, f"./{deb.name}"))
    index = "\n".join(stanzas).encode()
    (folder / "Packages").write_bytes(index)
    sums = f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n"
    date = "Date: Mon, 01 Jan 2024 00:00:00 UTC\n"
    (folder / "Release").write_text(f"Origin: Debian\nLabel: Debian\nCodename: bookworm\n{date}{sums}")
    return folder


HOOK = """rm -f /run/at-work
mv /sbin/ldconfig /sbin/ldconfig.real
cat >/sbin/ldconfig <<'X'
#!/bin/sh
[ "$1" = -p ] || [ -e /run/at-work ] || { touch /run/at-work; sleep 300; }
exec /sbin/ldconfig.real "$@"
X
chmod 755 /sbin/ldconfig"""
"""The first maintainer script that calls ldconfig hangs: a library's, while its files are being replaced."""

COUNTING = HOOK.replace(
    "[ -e /run/at-work ] || { touch",
    '[ -e /run/at-work ] || { n=$(cat /run/calls); echo $((n - 1)) >/run/calls; [ "$n" -gt 0 ]; } || { touch',
)
"""As ``HOOK``, but so many calls of ldconfig later as /run/calls says."""

SECURE_BOOT = r"""set -e
mount -o remount,rw /sys
vars=/sys/firmware/efi/efivars
mkdir -p $vars /run/firmware
printf '\006\0\0\0\001' >$vars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
cat >/usr/local/bin/mokutil <<'X'
#!/bin/sh
vars=/sys/firmware/efi/efivars shim=605dab50-e046-4300-abb6-3dd810dd8b23
case $1 in
    --import)
        cat >/run/firmware/password
        cp "$2" /run/firmware/asked.der
        perl -e 'local $/; open F, $ARGV[0]; $d = <F>;
            print pack("VH*", 7, "a159c0a5e494a74a87b5ab155c2bf072"),
            pack("VVV", 44 + length $d, 0, 16 + length $d), "\0" x 16, $d' "$2" >$vars/MokNew-$shim ;;
    --list-enrolled)
        cd /run/firmware
        [ ! -e enrolled.der ] || openssl x509 -inform DER -in enrolled.der -noout -subject ;;
esac
X
cat >/usr/local/bin/confirm-mok <<'X'
#!/bin/sh
mv /run/firmware/asked.der /run/firmware/enrolled.der
cd /sys/firmware/efi/efivars && mv MokNew-* MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23
X
cat >/usr/local/sbin/dkms <<'X'
#!/bin/sh
[ "$1" = install ] || exit 0
for k in /lib/modules/$(uname -r)/updates/dkms/nvidia*.ko; do
    openssl cms -sign -binary -noattr -nosmimecap -md sha256 -outform DER -in "$k" -out /run/firmware/sig \
        -inkey /var/lib/dkms/mok.key -signer /run/firmware/pem || exit 1
    cat /run/firmware/sig >>"$k"
    perl -e 'print pack("x2Cx5N", 2, -s $ARGV[0]), "~Module signature appended~\n"' /run/firmware/sig >>"$k"
done
X
sed -i '2a openssl x509 -inform DER -in /var/lib/dkms/mok.pub -out /run/firmware/pem' /usr/local/sbin/dkms
chmod 755 /usr/local/bin/mokutil /usr/local/bin/confirm-mok /usr/local/sbin/dkms
"""
"""Secure Boot, switched on; ``confirm-mok`` is somebody at the console."""
