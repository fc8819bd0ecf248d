"""Docker's repository, made of Debian's own binaries under the upstream names. Not Docker's builds, and it says so.

The engine is real: Debian 13's dockerd, containerd and command line need no newer C library than Debian 12 has,
so both releases get the same engine (26.1, which knows CDI). Only runc and tini come from the release itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labprov.sandbox.mirror.package import File, Package
from labprov.sandbox.mirror.scripts import with_units

ENGINE = "trixie"
"""The Debian release whose engine both releases get."""

FROM_ENGINE = ("docker.io", "docker-cli", "containerd", "docker-buildx", "docker-compose")
FROM_SUITE = ("runc", "tini")
"""The Debian packages that are repackaged, from the engine's release and from the node's own."""

FILES = Path(__file__).parent / "files/docker"
_UNITS = "/usr/lib/systemd/system"
_PLUGINS = "/usr/libexec/docker/cli-plugins"

_MAKE_GROUP = """
if [ "$1" = configure ] && ! getent group docker >/dev/null; then
    groupadd --system docker
fi
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A Debian release as Docker names it in versions: ``debian.12`` and ``bookworm``."""

    number: str
    codename: str

    def version(self, debian_version: str, *, epoch: str = "") -> str:
        """Return the upstream-like version of a Debian package's version.

        >>> Release("12", "bookworm").version("26.1.5+dfsg1-9+deb13u1", epoch="5:")
        '5:26.1.5-1~debian.12~bookworm+labprov1'
        """
        plain = re.match(r"[0-9.]+", debian_version)
        number = plain.group().rstrip(".") if plain else debian_version
        return f"{epoch}{number}-1~debian.{self.number}~{self.codename}+labprov1"


def packages(release: Release, trees: Mapping[str, Path], versions: Mapping[str, str]) -> list[Package]:
    """Return the repository's packages for one release.

    ``trees`` holds the unpacked files of each Debian package, ``versions`` its version.
    """
    engine = release.version(versions["docker.io"], epoch="5:")
    return [
        _docker_ce(engine, trees),
        _docker_ce_cli(engine, trees),
        _containerd(release.version(versions["containerd"]), trees),
        _plugin("buildx", release.version(versions["docker-buildx"]), trees),
        _plugin("compose", release.version(versions["docker-compose"]), trees),
    ]


def _docker_ce(version: str, trees: Mapping[str, Path]) -> Package:
    files = {
        "/usr/bin/dockerd": File(trees["docker.io"] / "usr/sbin/dockerd", 0o755),
        "/usr/bin/docker-proxy": File(trees["docker.io"] / "usr/sbin/docker-proxy", 0o755),
        "/usr/bin/docker-init": File(trees["tini"] / "usr/bin/tini-static", 0o755),
        f"{_UNITS}/docker.service": File(FILES / "docker.service"),
        f"{_UNITS}/docker.socket": File(FILES / "docker.socket"),
    }
    relations = {
        "Depends": "libc6 (>= 2.34), libsystemd0, containerd.io (>= 1.7.24), docker-ce-cli, iptables, passwd",
        "Recommends": "ca-certificates, procps, xz-utils",
        "Conflicts": "docker (<< 1.5~), docker-engine, docker.io, docker-ce-cs, docker-ee",
        "Replaces": "docker-engine",
    }
    scripts = with_units(["docker.service", "docker.socket"], {"postinst": _MAKE_GROUP})
    return Package(
        "docker-ce", version, "Docker: the open-source application container engine", relations, files, scripts
    )


def _docker_ce_cli(version: str, trees: Mapping[str, Path]) -> Package:
    files = {"/usr/bin/docker": File(trees["docker-cli"] / "usr/bin/docker", 0o755)}
    relations = {
        "Depends": "libc6 (>= 2.34)",
        "Recommends": "docker-buildx-plugin, docker-compose-plugin",
        "Conflicts": "docker (<< 1.5~), docker-engine, docker.io, docker-cli, docker-ee-cli",
        "Replaces": "docker-ce (<< 5:0)",
    }
    return Package(
        "docker-ce-cli", version, "Docker CLI: the open-source application container engine", relations, files
    )


def _containerd(version: str, trees: Mapping[str, Path]) -> Package:
    binaries = {
        name: trees["containerd"] / "usr/bin" / name for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    }
    files = {
        **{f"/usr/bin/{name}": File(path, 0o755) for name, path in binaries.items()},
        "/usr/bin/runc": File(trees["runc"] / "usr/sbin/runc", 0o755),
        "/etc/containerd/config.toml": File(FILES / "config.toml"),
        f"{_UNITS}/containerd.service": File(FILES / "containerd.service"),
    }
    relations = {
        "Depends": "libc6 (>= 2.34), libseccomp2 (>= 2.5.0)",
        "Conflicts": "containerd, runc",
        "Replaces": "containerd, runc",
        "Provides": "containerd, runc",
    }
    return Package(
        "containerd.io",
        version,
        "An open and reliable container runtime",
        relations,
        files,
        with_units(["containerd.service"]),
    )


def _plugin(name: str, version: str, trees: Mapping[str, Path]) -> Package:
    binary = trees[f"docker-{name}"] / f"usr/libexec/docker/cli-plugins/docker-{name}"
    relations = {"Depends": "libc6 (>= 2.34)", "Conflicts": f"docker-{name}", "Replaces": f"docker-{name}"}
    files = {f"{_PLUGINS}/docker-{name}": File(binary, 0o755)}
    return Package(f"docker-{name}-plugin", version, f"Docker {name.capitalize()} cli plugin", relations, files)
