"""The mirror's OpenPGP key: made once, used in a throw-away keyring. Not trusted by anything outside a sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USER_ID = "labprov sandbox vendor mirror (simulation) <sandbox@labprov.invalid>"


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key on disk: ``secret`` (mode 0600) and ``public`` are armored, ``fingerprint`` has 40 digits."""

    secret: Path
    public: Path
    fingerprint: str


def ensure_key(folder: Path) -> Key:
    """Return the key kept in ``folder``, made at the first call. ed25519 satisfies gpgv as well as sqv."""
    key = Key(folder / "secret.asc", folder / "public.asc", "")
    if not (folder / "fingerprint").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _keyring() as home:
            _gpg(home, "--quick-generate-key", _USER_ID, "ed25519", "sign", "never")
            listing = _gpg(home, "--with-colons", "--list-secret-keys")
            fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
            key.secret.touch(mode=0o600)
            key.secret.write_text(_gpg(home, "--armor", "--export-secret-keys"))
            key.public.write_text(_gpg(home, "--armor", "--export"))
        (folder / "fingerprint").write_text(fingerprint)  # last: its presence says that the key is whole
    return Key(key.secret, key.public, (folder / "fingerprint").read_text())


@contextmanager
def keyring(key: Key) -> Iterator[Path]:
    """Give a GnuPG home that holds the secret key; the agent and the home are gone afterwards."""
    with _keyring() as home:
        _gpg(home, "--import", str(key.secret))
        yield home


def sign_release(home: Path, release: Path) -> None:
    """Write ``InRelease`` and ``Release.gpg`` beside ``release``, each replaced at once."""
    for name, how in (("InRelease", ["--clearsign"]), ("Release.gpg", ["--armor", "--detach-sign"])):
        fresh = release.with_name(f".{name}.new")
        _gpg(home, "--digest-algo", "SHA512", *how, "--output", str(fresh), "--yes", str(release))
        fresh.replace(release.with_name(name))


@contextmanager
def _keyring() -> Iterator[Path]:
    # In the temporary folder rather than in the cache: the agent's socket path must stay under 108 bytes.
    home = Path(tempfile.mkdtemp(prefix="labprov-gpg-"))
    try:
        yield home
    finally:
        environment = {**os.environ, "GNUPGHOME": str(home)}
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def _gpg(home: Path, *arguments: str) -> str:
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--passphrase", "", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
