"""Does the shared conda keep its promises? Tried as an ordinary user with a home of its own, and cleaned up after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from shlex import quote

import pytest
from testinfra.backend.base import CommandResult
from testinfra.host import Host

from labprov.verify.folder import folder_of
from labprov_roles.miniconda.channels import channel_urls, is_anacondas
from labprov_roles.miniconda.settings import Settings

_PATH = "/usr/local/bin:/usr/bin:/bin"
# Small, for every Python, on conda-forge and on Anaconda's channels; not something that conda itself needs.
_NOT_IN_BASE = "cowpy"
_REFUSED = re.compile("write permissions|not writable|NotWritable|Permission denied", re.IGNORECASE)


class Student:
    """The user nobody with an empty home: what anybody on the server could do."""

    def __init__(self, host: Host, home: str) -> None:
        self.host, self.home = host, home

    def run(self, *argv: str, stdin: str = "/dev/null") -> CommandResult:
        """Run a command as a fresh session would, with nothing of root's environment."""
        words = ["runuser", "-u", "nobody", "--", "env", "-i", "-C", self.home, f"HOME={self.home}", f"PATH={_PATH}"]
        words += ["USER=nobody", "LOGNAME=nobody", "TERM=dumb", "LC_ALL=C.UTF-8", *argv]
        return self.host.run(f"{' '.join(map(quote, words))} < {quote(stdin)}")


@pytest.fixture
def student(host: Host) -> Iterator[Student]:
    """A user with a home that is gone afterwards."""
    with folder_of(host, "nobody") as home:
        yield Student(host, home)


def test_user_makes_an_environment_and_runs_its_python(student: Student, settings: Settings) -> None:
    """From the configured channel, in the user's own home, without a question asked."""
    conda = f"{settings.prefix}/bin/conda"
    made = student.run(conda, "create", "--yes", "--quiet", "--name", "check", "python")
    if made.rc != 0:
        _skip_if_unreachable(student, settings)
    assert made.rc == 0, _said(made)
    where = student.run(conda, "run", "--name", "check", "python", "-c", "import sys; print(sys.prefix)")
    assert where.rc == 0, _said(where)
    assert where.stdout.strip().startswith(f"{student.home}/")


def test_user_cannot_change_base(student: Student, settings: Settings) -> None:
    """Conda refuses for want of permission, and what is installed stays as it was."""
    meta = f"{settings.prefix}/conda-meta"
    # First, so that a base that is open to everybody is not changed by this check.
    assert student.run("test", "-w", f"{meta}/history").rc != 0, f"{meta} is open to everybody"
    before = student.host.check_output("ls -l %s", meta)
    tried = student.run(f"{settings.prefix}/bin/conda", "install", "--yes", "--name", "base", _NOT_IN_BASE)
    said = _said(tried)
    if "PackagesNotFound" in said:
        pytest.skip(f"the channels have no package {_NOT_IN_BASE} to try with")
    if not _REFUSED.search(said):
        _skip_if_unreachable(student, settings)
    assert tried.rc != 0 and _REFUSED.search(said), said
    assert student.host.check_output("ls -l %s", meta) == before


def test_base_is_writable_by_root_alone(student: Student, settings: Settings) -> None:
    """The kernel is asked, as that user, about every file of base."""
    envs = f"{settings.prefix}/envs"
    find = ("find", settings.prefix, "-path", envs, "-prune", "-o", "!", "-type", "l", "-writable", "-print")
    writable = student.run(*find)
    assert writable.rc == 0, f"a user cannot read all of base: {writable.stderr[:300]}"
    found = writable.stdout.split()
    assert not found, f"everybody can write to {', '.join(found[:3])}{' and more' if found[3:] else ''}"
    assert student.run("test", "-w", envs).rc != 0


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_sessions_without_a_prompt_notice_nothing(student: Student, shell: str) -> None:
    """The same PATH, nothing printed: as scp, sftp, rsync, cron and ``ssh HOST COMMAND`` need it."""
    tries = [
        ("-c", 'echo "$PATH"'),
        ("-c", '. /etc/profile.d/labprov-conda.sh; echo "$PATH"'),
        ("-euc", '. /etc/profile.d/labprov-conda.sh; echo "$PATH"'),
    ]
    shown = [student.run(shell, *argv) for argv in tries]
    assert [(run.rc, run.stdout, run.stderr) for run in shown] == [(0, f"{_PATH}\n", "")] * len(tries)
    # A login shell may get its PATH from /etc/profile: it must get the same one without our file.
    login = student.run(shell, "-lc", 'echo "$PATH"; command -v conda || :')
    assert "conda" not in login.stdout
    assert not login.stderr


def test_remote_command_through_the_shells_startup_files(student: Student) -> None:
    """Debian's bash reads its rc files for ``ssh HOST COMMAND`` too: SSH_CLIENT makes it believe in one."""
    shown = student.run("SSH_CLIENT=192.0.2.1 1 22", "SHLVL=0", "bash", "-c", 'echo "$PATH"')
    assert (shown.stdout, shown.stderr) == (f"{_PATH}\n", "")


@pytest.mark.parametrize("options", ["-li", "-i"])
def test_person_at_a_prompt_has_conda(student: Student, settings: Settings, options: str) -> None:
    """The command is conda's shell function, which can activate; base is active only when asked for."""
    ask = 'type conda | head -n 1; echo "active=${CONDA_DEFAULT_ENV-}"; conda activate base && echo "now=$CONDA_PREFIX"'
    shown = student.run("bash", options, "-c", ask)
    lines = shown.stdout.splitlines()
    assert "conda is a function" in lines, _said(shown)
    assert f"active={'base' if settings.auto_activate else ''}" in lines
    assert f"now={settings.prefix}" in lines


def test_channels_are_the_ones_configured(student: Student, settings: Settings) -> None:
    """As conda itself sees them for a user without settings of its own: names, and where they lead."""
    shown = student.run(f"{settings.prefix}/bin/conda", "config", "--show", "--json")
    assert shown.rc == 0, _said(shown)
    config = json.loads(shown.stdout)
    assert config["channels"] == list(settings.channels), f"look for another condarc, like {settings.prefix}/.condarc"
    assert _alias(config["channel_alias"]).rstrip("/") == settings.mirrors.conda.url
    if not settings.accept_anaconda_terms:
        used = [*config["channels"], *map(_alias, config["default_channels"])]
        assert not [channel for channel in used if is_anacondas(channel)]


def test_users_own_settings_win(student: Student, settings: Settings) -> None:
    """A ``~/.condarc`` is read after the shared one: its channel comes first, its word on base counts."""
    opposite = str(not settings.auto_activate).lower()
    text = f"channels: [my-own]\nauto_activate_base: {opposite}\n"
    assert student.run("sh", "-c", f"printf %s {quote(text)} > ~/.condarc").rc == 0
    shown = student.run(f"{settings.prefix}/bin/conda", "config", "--show", "--json")
    config = json.loads(shown.stdout)
    assert config["channels"] == ["my-own", *settings.channels]
    active = config.get("auto_activate", config.get("auto_activate_base"))
    assert active is (not settings.auto_activate)


def _said(run: CommandResult) -> str:
    """What a command printed, as one line for the report."""
    return " ".join((run.stdout + " " + run.stderr).split())


def _alias(value: object) -> str:
    """Conda shows a channel alias or URL as text or as its parts, depending on its version."""
    if isinstance(value, dict):
        return f"{value.get('scheme', 'https')}://{value.get('location', '')}/{value.get('name') or ''}"
    return str(value).strip('"')


def _skip_if_unreachable(student: Student, settings: Settings) -> None:
    """Skip, with the reason, when a configured channel does not answer this server at all: conda is not to blame."""
    alias, custom = settings.mirrors.conda.url, settings.custom_channels
    for url in channel_urls(settings.channels, alias, custom, settings.anacondas_channels):
        if not url.startswith("file:"):
            got = student.run("curl", "-fsSIL", "--max-time", "20", f"{url}/noarch/repodata.json")
            if got.rc != 0:
                pytest.skip(f"the channel {url} cannot be reached from here: {got.stderr.strip()}")
