"""Questions that checks ask of the package manager, whichever it is. Not a role: ``verify`` modules call these.

Other commands than those of the operations: a check must not believe what the tasks believe.
"""

from __future__ import annotations

import re

from testinfra.host import Host

from labprov.engine.facts.system import OperatingSystem, System

_DNF_SECTION = re.compile(r"^(Installing|Installing (weak )?dependencies):$")


def system_of(host: Host) -> System:
    """The host's system."""
    lines = [host.run("uname -m").stdout, *host.file("/etc/os-release").content_string.splitlines()]
    return OperatingSystem().process(lines)


def installed(host: Host, *patterns: str) -> dict[str, str]:
    """Version of each installed package whose name fits one of the patterns (``*`` allowed).

    rpm's versions are ``version-release`` without the epoch, Debian's as dpkg has them.
    """
    words = " ".join(f"'{pattern}'" for pattern in patterns)
    if system_of(host).family == "rhel":
        lines = host.run(f"rpm -qa --qf '%{{NAME}} %{{VERSION}}-%{{RELEASE}}\n' {words}").stdout.splitlines()
    else:
        shown = host.run(f"dpkg-query -W -f '${{db:Status-Abbrev}} ${{Package}} ${{Version}}\n' {words}").stdout
        lines = [line[4:] for line in shown.splitlines() if line[1:2] == "i"]
    return {name: version for name, _, version in (line.partition(" ") for line in lines)}


def held(host: Host) -> set[str]:
    """Names of the packages that are held back from upgrades."""
    if system_of(host).family == "rhel":
        entries = host.run("cat /etc/dnf/plugins/versionlock.list").stdout.splitlines()
        return {entry.rsplit("-", 2)[0] for entry in entries if entry.strip() and entry[0] not in "#!"}
    selections = (line.split() for line in host.run("dpkg --get-selections").stdout.splitlines())
    return {row[0].partition(":")[0] for row in selections if row[1:] == ["hold"]}


def news_of_an_upgrade(host: Host) -> list[str]:
    """Packages that a full upgrade would newly install, by what the package manager knows now; nothing is changed."""
    if system_of(host).family != "rhel":
        planned = host.run("apt-get -s -q -o Debug::NoLocking=1 dist-upgrade").stdout
        return re.findall(r"^Inst (\S+) (?!\[)", planned, re.MULTILINE)
    return dnf_news(host.run("LC_ALL=C dnf -C --assumeno upgrade").stdout)


def dnf_news(table: str) -> list[str]:
    """Names in those sections of dnf's table of a transaction that are about new packages."""
    found, within = [], False
    for line in table.splitlines():
        if not line.startswith(" "):
            within = bool(_DNF_SECTION.match(line))
        elif within and line[1:2].strip():  # a long name has a line of its own: what follows is indented further
            found.append(line.split()[0])
    return found


def candidate_comes_from(host: Host, package: str, url: str, repository: str) -> str:
    """Say why what would be installed as ``package`` now does not come from ``url``; empty when it does.

    ``repository``: dnf's id for it.
    """
    if system_of(host).family == "rhel":
        asked = host.run("dnf -q -C repoquery --latest-limit 1 --qf '%%{repoid}' %s", package)
        named = asked.stdout.split()
        return "" if named == [repository] else f"dnf takes {package} from {', '.join(named) or 'nowhere'}"
    table = host.run("apt-cache policy %s", package).stdout
    candidate = re.search(r"Candidate: (\S+)", table)
    if not candidate:
        return f"apt knows no {package}"
    listed = table.partition("Version table:")[2]
    entry = re.search(rf"^[ *]+{re.escape(candidate[1])} .*\n((?:\s+-?\d+ \S*/.*\n?)+)", listed, re.MULTILINE)
    return "" if entry and url in entry[1] else f"the candidate {candidate[1]} does not come from {url}"
