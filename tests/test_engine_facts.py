"""The engine's facts: their commands run by this machine's own shell, and what they print taken apart."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import time
from pathlib import Path

import pytest
from pyinfra.api import StringCommand

from labprov.engine.facts import packages
from labprov.engine.facts.accounts import Account, Accounts, Groups
from labprov.engine.facts.packages import HalfInstalledPackages, InstalledPackages, StaleSource
from labprov.engine.facts.paths import Paths, PathState
from labprov.engine.facts.sysctl import KernelParameters
from labprov.engine.operations import repository
from labprov.engine.operations.repository import ActiveSources, rivals

ROOT = os.geteuid() == 0


def shell(command: str | StringCommand) -> subprocess.CompletedProcess[str]:
    text = command if isinstance(command, str) else command.get_raw_value()
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)


def ask(fact, change=lambda text: text, **arguments):
    """The fact's value here; its command must not fail, whatever it finds."""
    command = fact.command(**arguments)
    done = shell(change(command if isinstance(command, str) else command.get_raw_value()))
    assert done.returncode == 0, done.stderr
    return fact.process(done.stdout.removesuffix("\n").split("\n")) if done.stdout else fact.default()


@pytest.mark.parametrize(("status", "counts"), [("iF", True), ("iU", True), ("iH", True), ("ii", False), ("rc", False)])
def test_a_package_that_was_never_configured_is_half_there(status, counts):
    assert HalfInstalledPackages().process([f"{status} vim 2:9.0"]) == ({"vim": "2:9.0"} if counts else {})


def test_paths_of_every_kind(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o2755)
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    names = [str(tmp_path / name) for name in ("file", "folder", "link", "pipe", "nothing")]
    found = ask(Paths(), paths=names)
    me, mine = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid((tmp_path / "file").stat().st_gid).gr_name
    assert found[names[0]] == PathState("file", "640", me, mine, 5)
    assert (found[names[1]].kind, found[names[1]].mode) == ("folder", "2755")
    assert (found[names[2]].kind, found[names[2]].target) == ("link", "file")
    assert found[names[3]].kind == "other"
    assert set(found) == set(names[:4])


@pytest.mark.parametrize(
    "name", ["a b", "it's", '"', "back\\slash", "new\nline", "tab\t", "ünïcode", "-n", "$(id)", "a -> b"]
)
def test_paths_with_any_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("x")
    (tmp_path / "link").symlink_to(name)
    found = ask(Paths(), paths=[name, "link"])
    assert found[name].kind == "file"
    assert found["link"].target == name


def test_a_links_target_cannot_forge_an_answer(tmp_path):
    link = tmp_path / "link"
    link.symlink_to('x"\n81a4:1:root:root:"/etc/forged"')
    assert list(ask(Paths(), paths=[str(link)])) == [str(link)]


def test_paths_of_nothing(tmp_path):
    assert ask(Paths(), paths=[]) == {}
    assert ask(Paths(), paths=[str(tmp_path / "no")]) == {}


def test_accounts_are_what_the_system_says():
    found = ask(Accounts(), names=("root", "nobody", "no-such-user", str(pwd.getpwnam("daemon").pw_uid)))
    assert set(found) == {"root", "nobody", "daemon"}
    for name, account in found.items():
        entry = pwd.getpwnam(name)
        assert (account.uid, account.gid, account.home) == (entry.pw_uid, entry.pw_gid, entry.pw_dir)
        assert (account.shell, account.comment) == (entry.pw_shell, entry.pw_gecos)
        assert account.group == grp.getgrgid(entry.pw_gid).gr_name
    members = [group.gr_name for group in grp.getgrall() if "root" in group.gr_mem and group.gr_gid != 0]
    assert [name for name in found["root"].groups if name != "root"] == sorted(members)


def test_accounts_of_nobody_in_particular():
    assert ask(Accounts(), names=()) == {}
    assert ask(Accounts(), names=("no-such-user",)) == {}
    assert set(ask(Accounts(), names=("0",))) == {"root"}


@pytest.mark.parametrize("name", ["a b", "$(touch pwned)", "'; touch pwned; '", "-x", "--help", "root:x"])
def test_hostile_names_are_only_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert ask(Accounts(), names=(name,)) == {}
    assert ask(Groups(), names=(name,)) == {}
    assert ask(InstalledPackages(), packages=(name,)) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "password"),
    [
        ("$y$j9T$salt$hash", "usable"),
        ("", "usable"),
        ("!$y$j9T$salt$hash", "locked"),
        ("!", "none"),
        ("!!", "none"),
        ("*", "none"),
        ("!*", "none"),
    ],
)
def test_passwords_stay_on_the_host(field, password):
    """The command as it is, but for where shadow comes from."""
    command = Accounts().command(names=("root",)).replace("getent shadow -- root", f"echo 'root:{field}:1:0:99:7::1:'")
    done = shell(command)
    assert "hash" not in done.stdout
    found = Accounts().process(done.stdout.splitlines())["root"]
    assert (found.password, found.expires) == (password, 1)
    assert found.locked == (password != "usable")


def test_only_an_account_that_lets_nobody_in_is_locked():
    assert not Account(1, 1, "/", "/bin/sh", password="locked").locked
    assert not Account(1, 1, "/", "/bin/sh", password="none", expires=30000).locked
    assert Account(1, 1, "/", "/bin/sh", password="none", expires=1).locked


def test_groups():
    assert ask(Groups(), names=("root", "nosuch", str(grp.getgrnam("daemon").gr_gid))) == {
        "root": 0,
        "daemon": grp.getgrnam("daemon").gr_gid,
    }
    assert ask(Groups(), names=("nosuch",)) == {}


def test_kernel_parameters():
    keys = ("kernel.ostype", "net.ipv4.conf.lo.forwarding", "no.such.parameter")
    found = ask(KernelParameters(), keys=keys)
    assert found["kernel.ostype"] == os.uname().sysname
    assert found["net.ipv4.conf.lo.forwarding"] == Path("/proc/sys/net/ipv4/conf/lo/forwarding").read_text().strip()
    assert len(found) == 2
    assert ask(KernelParameters(), keys=()) == {}


def test_kernel_parameters_with_several_fields_and_dotted_names():
    lines = ["/proc/sys/net/ipv4/tcp_rmem:4096\t131072\t6291456", "/proc/sys/net/ipv4/conf/eth0.7/forwarding:1"]
    assert KernelParameters().process(lines) == {
        "net.ipv4.tcp_rmem": "4096 131072 6291456",
        "net.ipv4.conf.eth0/7.forwarding": "1",
    }
    assert "/proc/sys/net/ipv4/conf/eth0.7/forwarding" in str(
        KernelParameters().command(["net.ipv4.conf.eth0/7.forwarding"])
    )


def test_asking_about_no_package_names_none():
    """Without names dpkg-query tells of every package: removing nothing would have removed everything."""
    assert ask(InstalledPackages(), packages=()) == {}


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("ii ", True),
        ("hi ", True),
        ("iW ", True),
        ("it ", True),
        ("rc ", False),
        ("un ", False),
        ("iU ", False),
        ("iF ", False),
    ],
)
def test_only_what_is_configured_counts_as_installed(status, counts):
    assert InstalledPackages().process([f"{status} vim 2:9.0"]) == ({"vim": "2:9.0"} if counts else {})


def test_a_package_without_a_version_is_not_installed():
    assert InstalledPackages().process(["un  vim "]) == {}


@pytest.mark.parametrize(
    ("ages", "stale"),
    [
        ({"source": 30, "key": 30, "stamp": 10}, False),
        ({"source": 10, "key": 30, "stamp": 20}, True),
        ({"source": 30, "key": 10, "stamp": 20}, True),
        ({"source": 30, "key": 30}, True),
        ({"key": 30, "stamp": 10}, True),
        ({"source": 30, "stamp": 10}, True),
        ({}, True),
    ],
)
def test_a_source_is_stale_unless_fetched_since_it_and_its_key_were_written(tmp_path, monkeypatch, ages, stale):
    monkeypatch.setattr(packages, "STAMPS", str(tmp_path / "stamps"))
    (tmp_path / "stamps").mkdir()
    files = {
        "source": tmp_path / "x y.sources",
        "key": tmp_path / "x.asc",
        "stamp": tmp_path / "stamps" / "x y.sources",
    }
    for name, age in ages.items():
        files[name].touch()
        os.utime(files[name], (time.time() - age,) * 2)
    assert ask(StaleSource(), source=str(files["source"]), keyring=str(files["key"])) is stale


URL = "https://h.example/cuda/debian12/x86_64/"
SOURCES = {
    "sources.list": f"deb http://deb/debian bookworm main\n # deb {URL} /\n",
    "sources.list.d/slash.list": f"deb [signed-by=/k] {URL} /\n",
    "sources.list.d/none.list": f"  deb-src {URL.rstrip('/')} /\n",
    "sources.list.d/below.list": f"deb {URL}sub /\n",
    "sources.list.d/longer.list": f"deb {URL.rstrip('/')}-old/ /\n",
    "sources.list.d/regex.list": f"deb {URL.replace('.', 'x')} /\n",
    "sources.list.d/comment.list": f"#deb {URL} /\n",
    "sources.list.d/two.sources": f"Types: deb\nURIs: {URL.rstrip('/')}\nSuites: /\n",
    "sources.list.d/ours.sources": f"Types: deb\nURIs: {URL}\nSuites: /\n",
}
RIVALS = ["below.list", "none.list", "slash.list", "two.sources"]


def test_rival_sources_are_found_and_set_aside(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)

    def moved(text: str) -> str:
        return text.replace("/etc/apt", str(tmp_path))

    ours = "/etc/apt/sources.list.d/ours.sources"
    found = rivals(ask(ActiveSources(), moved), URL, moved(ours))
    assert [Path(path).name for path in sorted(found)] == RIVALS
    expression = rf'\"{repository._address(URL)}"s|^[[:space:]]*deb|# disabled by labprov: &|'
    for path in (path for path in found if path.endswith(".list")):
        subprocess.run(["sed", "-i", "-e", expression, "--", path], check=True)
    (tmp_path / "sources.list.d" / "two.sources").rename(tmp_path / "sources.list.d" / "two.sources.save")
    assert rivals(ask(ActiveSources(), moved), URL, moved(ours)) == []
    for name in ("sources.list", "sources.list.d/longer.list", "sources.list.d/comment.list"):
        assert (tmp_path / name).read_text() == SOURCES[name]
    assert stat.S_ISREG((tmp_path / "sources.list.d/slash.list").stat().st_mode)
