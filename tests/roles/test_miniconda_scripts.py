"""The role miniconda's operations, carried out on this machine in a temporary folder with an installer made for it.

What a fresh installation, a killed one, an upgrade and an adoption leave behind is looked at in the file system.
"""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import OperationError, StringCommand
from pyinfra.context import ctx_host

from labprov_roles.miniconda import operations
from labprov_roles.miniconda.facts import CondaAt
from labprov_roles.miniconda.installers import Installer

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="installs as root, as on a server")

INSTALLER = """
while [ $# -gt 0 ]; do case $1 in -p) prefix=$2; shift ;; -u) update=1 ;; esac; shift; done
[ -n "$update" ] || [ ! -e "$prefix" ] || exit 1
[ -z "$PYTHONPATH$CONDA_PREFIX" ] || exit 2
mkdir -p "$prefix/conda-meta" "$prefix/bin" "$prefix/envs"
rm -f "$prefix"/conda-meta/conda-[0-9]*.json
echo "channels: [defaults]" > "$prefix/.condarc"
echo "half" > "$prefix/half"
[ ! -e @KILL ] || kill -9 $$
echo '{}' > "$prefix/conda-meta/conda-@VERSION-py313_0.json"
"""


@dataclass
class LocalHost:
    """Enough of a pyinfra host for an operation: facts are read from this machine."""

    noops: list[str] = field(default_factory=list)

    def get_fact(self, kind: type, **arguments: Any) -> Any:
        """Run the fact's command here."""
        fact = kind()
        lines = run(str(StringCommand(fact.command(**arguments)))).stdout.splitlines()
        return fact.process(lines) if lines else fact.default()

    def noop(self, description: str) -> None:
        """Remember why nothing is to be done."""
        self.noops.append(description)


def run(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command line as pyinfra would, in a session that has things which must not leak into an installation."""
    environment = {**os.environ, "PYTHONPATH": "/nowhere", "CONDA_PREFIX": "/nowhere"}
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=environment)


@dataclass
class Lab:
    """A web server with installers, a prefix, and a switch that kills an installer half-way."""

    folder: Path
    url: str
    host: LocalHost = field(default_factory=LocalHost)

    @property
    def prefix(self) -> Path:
        return self.folder / "opt/conda"

    @property
    def kill(self) -> Path:
        return self.folder / "kill"

    def installer(self, version: str, distribution: str = "miniforge") -> Installer:
        """Put an installer of that version on the web server."""
        text = INSTALLER.replace("@VERSION", version).replace("@KILL", str(self.kill))
        file = self.folder / f"web/{distribution}-{version}.sh"
        file.write_text(text)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return Installer(distribution, f"{version}-0", f"{self.url}/{file.name}", sha256)

    def install(self, installer: Installer, adopt: bool = False) -> int:
        """Carry the operation out; how many commands it took. Stops at the first one that fails."""
        count = 0
        with ctx_host.use(self.host):
            for command in operations.install._inner(prefix=str(self.prefix), installer=installer, adopt=adopt):
                count += 1
                done = run(command.get_raw_value())
                if done.returncode:
                    raise ChildProcessError(done.stderr)
        return count

    def files(self) -> set[str]:
        """What lies directly in the prefix."""
        return {path.name for path in self.prefix.iterdir()}

    def conda(self) -> list[str]:
        """The condas that the prefix's metadata lists."""
        return [path.name.split("-")[1] for path in self.prefix.glob("conda-meta/conda-*.json")]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(operations, "CACHE", str(tmp_path / "cache"))
    (tmp_path / "web").mkdir()
    handler: Callable[..., SimpleHTTPRequestHandler] = partial(Quiet, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield Lab(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """A web server that does not report its requests."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_fresh_installation_leaves_a_marker_and_no_channels_of_the_installers(lab: Lab) -> None:
    wanted = lab.installer("26.3.2")
    assert lab.install(wanted) > 0
    assert lab.files() == {"bin", "conda-meta", "envs", "half", ".labprov-complete"}
    assert (lab.prefix / ".labprov-complete").read_text() == f"miniforge 26.3.2-0 {wanted.sha256}\n"
    assert not list((lab.folder / "cache").iterdir()), "the installer stayed behind"
    assert (lab.folder / "cache").stat().st_mode & 0o777 == 0o700
    assert lab.install(wanted) == 0
    assert lab.host.noops[-1].endswith("holds miniforge 26.3.2-0")


def test_killed_installation_converges_at_the_next_run(lab: Lab) -> None:
    wanted = lab.installer("26.3.2")
    lab.kill.touch()
    with pytest.raises(ChildProcessError):
        lab.install(wanted)
    assert {"half", ".labprov-installing"} <= lab.files()
    (lab.prefix / "debris/deep").mkdir(parents=True)
    lab.kill.unlink()
    assert lab.install(wanted) > 0
    assert "debris" not in lab.files() and ".labprov-installing" not in lab.files()
    assert lab.conda() == ["26.3.2"]
    assert lab.install(wanted) == 0


def test_wrong_installer_never_runs(lab: Lab) -> None:
    wanted = replace(lab.installer("26.3.2"), sha256="0" * 64)
    with pytest.raises(ChildProcessError, match=f"expected {'0' * 64}"):
        lab.install(wanted)
    assert not lab.prefix.exists()
    assert not list((lab.folder / "cache").iterdir())


def test_upgrade_keeps_environments_and_the_admins_condarc(lab: Lab) -> None:
    lab.install(lab.installer("25.1.1"))
    (lab.prefix / "envs/shared").mkdir()
    (lab.prefix / ".condarc").write_text("proxy_servers: {}\n")
    newer = lab.installer("26.3.2")
    assert lab.install(newer) > 0
    assert lab.conda() == ["26.3.2"]
    assert (lab.prefix / "envs/shared").is_dir()
    assert (lab.prefix / ".condarc").read_text() == "proxy_servers: {}\n"
    assert lab.install(newer) == 0


def test_killed_upgrade_keeps_the_admins_condarc_at_the_next_run(lab: Lab) -> None:
    lab.install(lab.installer("25.1.1"))
    (lab.prefix / ".condarc").write_text("proxy_servers: {}\n")
    lab.kill.touch()
    newer = lab.installer("26.3.2")
    with pytest.raises(ChildProcessError):
        lab.install(newer)
    assert (lab.prefix / ".condarc").read_text() == "channels: [defaults]\n", "the installer was not killed half-way"
    lab.kill.unlink()
    assert lab.install(newer) > 0
    assert (lab.prefix / ".condarc").read_text() == "proxy_servers: {}\n"
    assert ".condarc.labprov-kept" not in lab.files()


def test_upgrade_without_an_admins_condarc_leaves_none(lab: Lab) -> None:
    lab.install(lab.installer("25.1.1"))
    lab.install(lab.installer("26.3.2"))
    assert not {".condarc", ".condarc.labprov-kept"} & lab.files()


def test_newer_conda_is_kept(lab: Lab) -> None:
    lab.install(lab.installer("26.3.2"))
    assert lab.install(lab.installer("25.1.1")) == 0
    assert "newer" in lab.host.noops[-1]


def test_foreign_files_are_refused_untouched(lab: Lab) -> None:
    lab.prefix.mkdir(parents=True)
    (lab.prefix / "thesis.tex").write_text("years of work")
    for adopt in (False, True):
        with pytest.raises(OperationError, match="holds files and no conda"):
            lab.install(lab.installer("26.3.2"), adopt)
    assert lab.files() == {"thesis.tex"}


def test_admins_own_conda_is_refused_and_adopted_when_told(lab: Lab) -> None:
    older = lab.installer("25.1.1")
    run(f"env -u PYTHONPATH -u CONDA_PREFIX bash {lab.folder}/web/miniforge-25.1.1.sh -b -p {lab.prefix}")
    (lab.prefix / "envs/shared").mkdir()
    before = lab.files()
    with pytest.raises(OperationError, match="adopt: true"):
        lab.install(older)
    assert lab.files() == before
    newer = lab.installer("26.3.2")
    assert lab.install(newer, adopt=True) > 0
    assert lab.conda() == ["26.3.2"]
    assert (lab.prefix / "envs/shared").is_dir()
    assert lab.install(newer) == 0


def test_link_in_the_place_of_the_prefix_is_refused(lab: Lab) -> None:
    (lab.folder / "opt").mkdir()
    (lab.folder / "elsewhere").mkdir()
    lab.prefix.symlink_to(lab.folder / "elsewhere")
    with pytest.raises(OperationError, match="symbolic link"):
        lab.install(lab.installer("26.3.2"))


def test_other_distribution_is_refused(lab: Lab) -> None:
    lab.install(lab.installer("26.3.2"))
    with pytest.raises(OperationError, match="holds miniforge and the inventory says miniconda"):
        lab.install(lab.installer("26.3.2", "miniconda"))


def test_protect_takes_base_back_and_leaves_environments(lab: Lab) -> None:
    lab.install(lab.installer("26.3.2"))
    secret, loose, shared = lab.prefix / "half", lab.prefix / "bin/tool", lab.prefix / "envs/shared"
    loose.write_text("")
    shared.mkdir()
    for path, mode in ((secret, 0o600), (loose, 0o777), (shared, 0o2775)):
        path.chmod(mode)
    os.chown(loose, 65534, 65534)
    (lab.prefix / "bin/link").symlink_to("tool")
    with ctx_host.use(lab.host):
        for command in operations.protect._inner(prefix=str(lab.prefix)):
            assert run(command.get_raw_value()).returncode == 0
        assert list(operations.protect._inner(prefix=str(lab.prefix))) == []
    assert (loose.stat().st_uid, loose.stat().st_mode & 0o777) == (0, 0o755)
    assert secret.stat().st_mode & 0o777 == 0o644
    assert shared.stat().st_mode & 0o7777 == 0o2775
    assert lab.host.get_fact(CondaAt, prefix=str(lab.prefix)).conda == "26.3.2"
