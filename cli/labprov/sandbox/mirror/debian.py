"""Packages of Debian releases other than this machine's, by a private apt. Not this machine's package management."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from labprov.errors import LabprovError

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_CODENAMES = ("bullseye", "bookworm", "trixie", "forky")


def sources_for(suite: str, sources: Iterable[str]) -> str:
    """Return deb822 sources for the Debian release ``suite``, derived from the texts of a machine's own sources.

    Only entries of Debian itself are taken (a release's code name, alone or with ``-updates`` or ``-security``),
    so that the archive, mirror or proxy that the machine uses is used, and nobody else's repository is.
    """
    entries = [entry for text in sources for entry in _entries(text)]
    found: dict[str, None] = {}
    for uris, suites, signed_by in entries:
        wanted = sorted({renamed for name in suites if (renamed := _rename(name, suite))})
        if wanted:
            found[_stanza(uris, wanted, signed_by)] = None
    if not found:
        raise LabprovError("no entry of Debian's own archive was found in /etc/apt: the mirror cannot be built from it")
    return "\n".join(found)


def machine_sources(etc: Path = Path("/etc/apt")) -> list[str]:
    """Return the texts of this machine's apt sources."""
    files = [
        etc / "sources.list",
        *sorted(etc.glob("sources.list.d/*.list")),
        *sorted(etc.glob("sources.list.d/*.sources")),
    ]
    return [path.read_text() for path in files if path.is_file()]


def download(suite: str, names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Download the newest packages ``names`` of ``suite`` into ``folder``; returns the .deb of each name."""
    state = folder / ".apt"
    for part in ("lists/partial", "cache/archives/partial", "sources"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources/debian.sources").write_text(sources_for(suite, machine_sources()))
    (state / "apt.conf").write_text(_configuration(state))
    _apt(["update"], state, folder)
    _apt(["download", *names], state, folder)
    return {name: next(folder.glob(f"{name}_*.deb")) for name in names}


def unpack(deb: Path, folder: Path) -> Path:
    """Unpack a .deb's files into ``folder`` and return it."""
    subprocess.run(["dpkg-deb", "-x", str(deb), str(folder)], check=True)
    return folder


def version_of(deb: Path) -> str:
    """Return the version of a .deb."""
    command = ["dpkg-deb", "--field", str(deb), "Version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _apt(arguments: Sequence[str], state: Path, folder: Path) -> None:
    command = ["apt-get", "-q", "-c", str(state / "apt.conf"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["apt-get said nothing"])[-1]
        raise LabprovError(f"apt-get {arguments[0]} for the vendor mirror failed: {last}")


def _configuration(state: Path) -> str:
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": state / "sources",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return "".join(f'{key} "{value}";\n' for key, value in settings.items())


def _rename(name: str, suite: str) -> str:
    codename, _, rest = name.partition("-")
    return name.replace(codename, suite, 1) if codename in _CODENAMES and rest in ("", "updates", "security") else ""


def _stanza(uris: str, suites: Sequence[str], signed_by: str) -> str:
    return (
        f"Types: deb\nURIs: {uris}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {signed_by or _KEYRING}\n"
    )


def _entries(text: str) -> list[tuple[str, list[str], str]]:
    """Return (URIs, suites, Signed-By) of each entry, in either of apt's two formats."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    if any(line.startswith("Types:") for line in lines):
        paragraphs = "\n".join(lines).split("\n\n")
        return [_deb822(part) for part in paragraphs if "URIs:" in part and "deb" in part]
    return [entry for line in lines if (entry := _one_line(line))]


def _deb822(paragraph: str) -> tuple[str, list[str], str]:
    fields = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in paragraph.splitlines())
    }
    return fields["uris"], fields.get("suites", "").split(), fields.get("signed-by", "")


def _one_line(line: str) -> tuple[str, list[str], str] | None:
    words = line.split("]", 1)[-1].split() if "[" in line else line.split()[1:]
    options = line[line.find("[") + 1 : line.find("]")].split() if "[" in line else []
    signed_by = next((option.partition("=")[2] for option in options if option.startswith("signed-by=")), "")
    return (words[0], [words[1]], signed_by) if line.startswith("deb ") and len(words) >= 2 else None
