"""Package repositories: a key by its fingerprint, a deb822 source, a pin. Other families than Debian's join here.

pyinfra's ``apt.repo`` appends a second line when options change, after which apt refuses everything ("Conflicting
values set for option Signed-By"); its ``apt.key`` checks no fingerprint (its issue 992). Hence ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from pyinfra import host
from pyinfra.api import FactBase, QuoteString, StringCommand, operation
from pyinfra.api.operation import OperationMeta
from pyinfra.operations import files

from labprov.engine.operations import Commands, packages
from labprov.engine.operations.download import fetch

KEYRINGS = "/etc/apt/keyrings"
SOURCES = "/etc/apt/sources.list.d"
PREFERENCES = "/etc/apt/preferences.d"

_FINGERPRINTS = (
    # A home of its own: gpg refuses to work without one, and root's is none of our business.
    '{{ h=$(mktemp -d) && gpg --homedir "$h" --batch --no-options --with-colons --show-keys {path} 2>/dev/null; '
    'rm -rf -- "$h"; }} '
    """| awk -F: '$1=="pub"{{p=1}} $1=="fpr"&&p{{print $10; p=0}}'"""
)
_CHECK_KEY = (
    'got=$({fingerprints}); [ "$got" = {fingerprint} ] || '
    '{{ echo "the key at "{url}" has the fingerprint "${{got:-none}}", expected "{fingerprint} >&2; exit 1; }}; '
    'chmod 644 "$t"; mv -fT -- "$t" "$d"'
)


def _address(url: str) -> str:
    """A basic regular expression for ``url``, with or without the slash at its end, and for what is below it."""
    escaped = "".join(f"\\{char}" if char in r"\.[]*^$" else char for char in url.rstrip("/"))
    return rf"{escaped}\(/\|[[:space:]]\|$\)"


class KeyFingerprints(FactBase[list[str]]):
    """Fingerprints of the primary keys in an OpenPGP key file; empty when there is no such file."""

    default = list

    def command(self, path: str) -> str:
        """Read by gpg."""
        quoted = str(StringCommand(QuoteString(path)))
        return f"[ ! -f {quoted} ] || {_FINGERPRINTS.format(path=quoted)}"

    def process(self, output: list[str]) -> list[str]:
        """One fingerprint a line."""
        return [line.strip() for line in output if line.strip()]


class RivalSources(FactBase[list[str]]):
    """Files of sources other than ``ours`` that actively name the repository ``url``, or one below it."""

    default = list

    def command(self, url: str, ours: str) -> str:
        """Active lines only: comments and disabled files do not count."""
        text, mine = (str(StringCommand(QuoteString(word))) for word in (_address(url), ours))
        found = f"grep -ls -- {text} /etc/apt/sources.list {SOURCES}/*.list {SOURCES}/*.sources"
        active = f'grep -v "^[[:space:]]*#" "$f" | grep -q -- {text}'
        return f'for f in $({found}); do [ "$f" = {mine} ] || ! {active} || echo "$f"; done'

    def process(self, output: list[str]) -> list[str]:
        """One path a line."""
        return [line.strip() for line in output if line.strip()]


def deb822(url: str, suite: str, components: Sequence[str], key_path: str, architectures: Sequence[str] = ()) -> str:
    """Text of a deb822 source. A flat repository has the suite ``/`` or ``./`` and no component."""
    lines = ["# Managed by labprov.", "Types: deb", f"URIs: {url}", f"Suites: {suite}"]
    lines += [f"Components: {' '.join(components)}"] if components else []
    lines += [f"Architectures: {' '.join(architectures)}"] if architectures else []
    return "\n".join([*lines, f"Signed-By: {key_path}", ""])


@operation()
def key(url: str, fingerprint: str, dest: str) -> Commands:
    """Fetch an OpenPGP key and keep it only when its one primary key has the pinned fingerprint.

    + url: where the key file is, armored or not
    + fingerprint: 40 hexadecimal digits in upper case
    + dest: ``.asc`` for an armored file, ``.gpg`` for a binary one (apt goes by the ending)
    """
    if host.get_fact(KeyFingerprints, path=dest) == [fingerprint]:
        host.noop(f"{dest} holds the key {fingerprint}")
        return
    word, pinned = (str(StringCommand(QuoteString(text))) for text in (url, fingerprint))
    listed = _FINGERPRINTS.format(path='"$t"')
    script = fetch(url, dest) + _CHECK_KEY.format(fingerprints=listed, fingerprint=pinned, url=word)
    yield StringCommand("sh", "-c", QuoteString(script))


@operation()
def disable_rivals(url: str, ours: str) -> Commands:
    """Set aside other sources of the same repository: with another Signed-By they would stop apt altogether.

    A one-line source is commented out, a deb822 file is renamed to ``.save`` (apt ignores it); nothing is deleted.
    """
    rivals = host.get_fact(RivalSources, url=url, ours=ours)
    if not rivals:
        host.noop("no other source names this repository")
    for path in rivals:
        if path.endswith(".sources"):
            yield StringCommand("mv", "-f", "--", QuoteString(path), QuoteString(f"{path}.save"))
        else:
            expression = f'\\"{_address(url)}"s|^[[:space:]]*deb|# disabled by labprov: &|'
            yield StringCommand("sed", "-i", "-e", QuoteString(expression), "--", QuoteString(path))


def add(
    title: str, slug: str, url: str, suite: str, components: Sequence[str], key_url: str, fingerprint: str
) -> OperationMeta:
    """Make a signed repository usable: tools, key, source, fresh lists. Returns the operation that wrote the source.

    ``title`` is how people call it, ``slug`` its file name. Runs six operations; call it from a role's tasks.
    """
    dest, source = f"{KEYRINGS}/{slug}.{'asc' if not key_url.endswith('.gpg') else 'gpg'}", f"{SOURCES}/{slug}.sources"
    packages.install(
        name=f"Install what fetches and checks the key of {title}", packages=["ca-certificates", "curl", "gnupg"]
    )
    files.directory(name="Make the folder for repository keys", path=KEYRINGS, mode="755", user="root", group="root")
    key(name=f"Trust the key of {title}", url=key_url, fingerprint=fingerprint, dest=dest)
    disable_rivals(name=f"Set aside other sources of {title}", url=url, ours=source)
    text = StringIO(deb822(url, suite, components, dest))
    written = files.put(
        name=f"Add the repository of {title}", src=text, dest=source, mode="644", user="root", group="root"
    )
    packages.refresh_source(name=f"Fetch the package lists of {title}", source=source, keyring=dest)
    return written


def pin(title: str, slug: str, stanzas: str) -> OperationMeta:
    """Write apt preferences (``stanzas`` as in apt_preferences(5)) to a file of their own."""
    text = StringIO(f"# Managed by labprov.\n{stanzas.strip()}\n")
    return files.put(name=title, src=text, dest=f"{PREFERENCES}/{slug}.pref", mode="644", user="root", group="root")
