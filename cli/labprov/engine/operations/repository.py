"""Package repositories: a key by its fingerprint, a source, what never comes from it. For apt and for dnf.

pyinfra's ``apt.repo`` appends a second line when options change, after which apt refuses everything ("Conflicting
values set for option Signed-By"); its ``apt.key`` checks no fingerprint (its issue 992). Hence ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO

from pyinfra import host
from pyinfra.api import FactBase, QuoteString, StringCommand, operation
from pyinfra.api.operation import OperationMeta
from pyinfra.operations import files

from labprov.engine.facts.rpm import RivalRepositories, VersionLocks
from labprov.engine.facts.system import OperatingSystem, System
from labprov.engine.operations import Commands, dnf, packages
from labprov.engine.operations.download import fetch
from labprov.engine.operations.repository_places import APT, DNF, SOURCES, Places, Signed, Source, deb822

__all__ = ["PREFERENCES", "SOURCES", "add", "deb822", "keep_version", "key", "pin", "set_aside"]

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


class ActiveSources(FactBase[dict[str, list[str]]]):
    """Apt's source files, and those of their lines that can name a repository. One question for all repositories."""

    default = dict

    def command(self) -> str:
        """Active lines only: comments and disabled files do not count."""
        files = f"/etc/apt/sources.list {SOURCES}/*.list {SOURCES}/*.sources"
        return f"grep -HsE '^[[:space:]]*[^#[:space:]].*:/' {files} || true"

    def process(self, output: list[str]) -> dict[str, list[str]]:
        """``/etc/apt/sources.list.d/docker.sources:URIs: https://...``."""
        found: dict[str, list[str]] = {}
        for path, _, line in (row.partition(":") for row in output):
            found.setdefault(path, []).append(line)
        return found


def rivals(sources: Mapping[str, Sequence[str]], url: str, ours: str) -> list[str]:
    """Files of ``sources`` other than ``ours`` that name the repository ``url``, or one below it."""
    named = re.compile(rf"{re.escape(url.rstrip('/'))}(/|\s|$)")
    return [path for path, lines in sources.items() if path != ours and any(map(named.search, lines))]


@operation()
def key(url: str, fingerprint: str, dest: str) -> Commands:
    """Fetch an OpenPGP key and keep it only when its one primary key has the pinned fingerprint.

    + url: where the key file is, armored or not
    + fingerprint: 40 hexadecimal digits in upper case
    + dest: for apt ``.asc`` for an armored file, ``.gpg`` for a binary one (it goes by the ending)
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
    sources: dict[str, list[str]] = host.get_fact(ActiveSources)
    others = rivals(sources, url, ours)
    if not others:
        host.noop("no other source names this repository")
    for path in others:
        if path.endswith(".sources"):
            yield StringCommand("mv", "-f", "--", QuoteString(path), QuoteString(f"{path}.save"))
        else:
            expression = f'\\"{_address(url)}"s|^[[:space:]]*deb|# disabled by labprov: &|'
            yield StringCommand("sed", "-i", "-e", QuoteString(expression), "--", QuoteString(path))


@operation()
def disable_rival_repositories(url: str, ours: str) -> Commands:
    """Disable other repositories of dnf at the same address: they may let in what nobody signed. Nothing is deleted."""
    others: list[str] = host.get_fact(RivalRepositories, url=url, ours=ours)
    if not others:
        host.noop("no other repository is at this address")
        return
    yield from packages.install._inner(packages=["dnf-plugins-core"])
    yield dnf.dnf("config-manager --set-disabled", *others)


def add(
    title: str,
    slug: str,
    url: str,
    suite: str,
    components: Sequence[str],
    key_url: str,
    fingerprint: str,
    signed: Signed = "packages",
    exclude: Sequence[str] = (),
) -> OperationMeta:
    """Make a signed repository usable: tools, key, source, fresh lists. Returns the operation that wrote the source.

    ``title`` is how people call it, ``slug`` its file name. ``suite`` and ``components`` are apt's; ``signed`` says
    what the vendor signs of an rpm repository, and ``exclude`` names packages that dnf never takes from there (for apt
    that is a ``pin``). Runs six operations; call it from a role's tasks.
    """
    places = _places()
    wanted = Source(title, slug, url, suite, tuple(components), signed, tuple(exclude))
    dest, source = places.key(slug, key_url), places.source(slug)
    packages.install(name=f"Install what fetches and checks the key of {title}", packages=[*places.tools])
    files.directory(name="Make the folder for repository keys", path=places.keys, mode="755", user="root", group="root")
    key(name=f"Trust the key of {title}", url=key_url, fingerprint=fingerprint, dest=dest)
    set_aside(f"Set aside other sources of {title}", url, slug)
    text = StringIO(places.text(wanted, dest))
    written = files.put(
        name=f"Add the repository of {title}", src=text, dest=source, mode="644", user="root", group="root"
    )
    packages.refresh_source(name=f"Fetch the package lists of {title}", source=source, keyring=dest)
    return written


def set_aside(title: str, url: str, slug: str) -> OperationMeta:
    """Set aside sources at ``url`` and below it, apart from the one that ``add`` writes for ``slug``."""
    places = _places()
    if places is DNF:
        return disable_rival_repositories(name=title, url=url, ours=places.source(slug))
    return disable_rivals(name=title, url=url, ours=places.source(slug))


def pin(title: str, slug: str, stanzas: str) -> OperationMeta:
    """Write apt preferences (``stanzas`` as in apt_preferences(5)) to a file of their own."""
    text = StringIO(f"# Managed by labprov.\n{stanzas.strip()}\n")
    return files.put(name=title, src=text, dest=f"{PREFERENCES}/{slug}.pref", mode="644", user="root", group="root")


@operation()
def lock_versions(names: Sequence[str], version: str | None) -> Commands:
    """Have dnf's versionlock keep packages, installed or not, at versions that fit a pattern.

    + names: of packages
    + version: like ``29.*`` or ``3:29.*``; None: any version
    """
    entries: list[str] = host.get_fact(VersionLocks)
    wanted = [dnf.pattern(name, version) for name in names] if version else []
    wrong = sorted({dnf.locked_name(entry) for entry in entries if entry not in wanted} & {*names})
    lost = [entry for entry in wanted if entry not in entries or dnf.locked_name(entry) in wrong]
    if not wrong and not lost:
        host.noop("versionlock's list says so" if wanted else "none of them is locked")
        return
    if lost:
        yield from packages.install._inner(packages=[dnf.VERSIONLOCK])
    if wrong:
        yield dnf.dnf("versionlock delete", *wrong)
    if lost:
        yield dnf.add_locks(lost)


def keep_version(titles: tuple[str, str], slug: str, names: Sequence[str], version: str | None) -> OperationMeta:
    """Keep packages at versions that fit a pattern, also in upgrades; None: any version.

    ``titles``: what the operation is called with a version, and without one. By apt's preferences or dnf's versionlock.
    """
    if _places() is DNF:
        return lock_versions(name=titles[version is None], names=[*names], version=version)
    if version is None:
        return files.file(name=titles[1], path=f"{PREFERENCES}/{slug}.pref", present=False)
    return pin(titles[0], slug, version_stanza(names, version))


def version_stanza(names: Sequence[str], version: str) -> str:
    """Apt preferences that keep packages at a version pattern; above 1000, so that a downgrade is one too."""
    return f"Package: {' '.join(names)}\nPin: version {version}\nPin-Priority: 1001\n"


def _places() -> Places:
    system: System = host.get_fact(OperatingSystem)
    return DNF if system.family == "rhel" else APT
