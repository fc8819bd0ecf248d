"""dnf itself under our command lines: Debian's dnf 4 and rpm on a node, with a small repository signed for it.

There is no RHEL here; what is proved is what dnf does with the commands, not what RHEL's packages do. The commands are
those that the operations yield, the answers are read by the facts.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import pytest
from pyinfra.api import StringCommand

from labprov.engine.facts.rpm import CutOffUpgrades, InstalledRpms, RivalRepositories, VersionLocks
from labprov.engine.operations import dnf, repository
from labprov.engine.operations.repository_places import DNF, Source
from labprov.sandbox import NodeSpec

pytestmark = pytest.mark.slow

PACKAGES = [
    ("engine", "28.1", "3", ""),
    ("engine", "29.1", "3", "Conflicts: runtime"),
    ("engine", "29.2", "3", "Conflicts: runtime"),
    ("runtime", "1.1", "", ""),
    ("user-of-runtime", "5", "", "Requires: runtime"),
    ("library", "1.0", "", ""),
    ("program", "1.0", "", "Requires: library\nRecommends: extra"),
    ("extra", "1.0", "", ""),
    ("kernel-core", "5.0", "", "Provides: installonlypkg(kernel)"),
    ("kernel-core", "6.0", "", "Provides: installonlypkg(kernel)"),
    ("cut", "1.0", "1", ""),
    ("coll", "2.27-1+cuda12.4", "", ""),
    ("coll", "2.29-1+cuda12.9", "", ""),
    ("coll", "2.29-1+cuda13.0", "", ""),
    ("coll-devel", "2.29-1+cuda12.4", "", ""),
]
SLOW = '%pre -p <lua>\nio.open("/run/slow", "w"):close()\nposix.sleep(15)\n'
"""Installing it holds all locks for 15 s, from when there is that file."""
CUT = """%post -p <lua>
if not posix.stat("/run/slow") then io.open("/run/slow", "w"):close() posix.sleep(60) end
"""
"""The same for 60 s, once; by then the new version of a package is there, and the old one still too."""
SETUP = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update && apt-get -q -y install rpm dnf dnf-plugins-core createrepo-c gnupg curl
sed -i 's/^enabled.*/enabled = false/' /etc/dnf/plugins/local.conf
printf '[main]\\ngpgcheck=True\\nclean_requirements_on_remove=True\\nbest=True\\n' > /etc/dnf/dnf.conf
mkdir -p /etc/dnf/vars /etc/pki/rpm-gpg /etc/yum.repos.d /srv/rpm && echo 9 > /etc/dnf/vars/releasever
"""
ANY = ["--setopt=install_weak_deps=False", "--disableplugin=versionlock"]
NAMES = (
    "engine",
    "runtime",
    "user-of-runtime",
    "library",
    "program",
    "extra",
    "slow",
    "cut",
    "kernel-core",
    "coll",
    "coll-devel",
)


def _spec(name: str, version: str, epoch: str, more: str) -> str:
    number, _, release = version.partition("-")
    return (
        f"Name: {name}\nVersion: {number}\nRelease: {release or '1.el9'}\nSummary: t\nLicense: x\nBuildArch: noarch\n"
        f"AutoReqProv: no\n{f'Epoch: {epoch}' if epoch else ''}\n{more if not more.startswith('%') else ''}\n"
        f"%description\nt\n{more if more.startswith('%') else ''}\n%files\n"
    )


class Node:
    """The node, as root."""

    def __init__(self, run: Callable[..., tuple[int, str]]) -> None:
        self.run = run

    def do(self, commands: StringCommand | Sequence[StringCommand]) -> tuple[int, str]:
        """Run commands as the engine would: the next one only when one went well. Exit code, and what was said."""
        said = ""
        for command in [commands] if isinstance(commands, StringCommand) else commands:
            code, told = self.run(str(command.get_raw_value()))
            said += told
            if code:
                return code, said
        return 0, said

    def there(self) -> dict[str, str]:
        """Installed versions."""
        return InstalledRpms().process(
            self.run(str(InstalledRpms().command(packages=NAMES).get_raw_value()))[1].splitlines()
        )

    def locks(self) -> list[str]:
        """Versionlock's list."""
        return VersionLocks().process(self.run(VersionLocks().command())[1].splitlines())

    def cut_off(self) -> dict[str, str]:
        """What the fact tells."""
        return CutOffUpgrades().process(self.run(str(CutOffUpgrades().command().get_raw_value()))[1].splitlines())

    def hold(self, command: str) -> None:
        """Have somebody else install ``slow`` or ``cut`` by that command, and return when the locks are held."""
        self.run(f"rm -f /run/slow; setsid sh -c {shlex.quote(command)} </dev/null >/dev/null 2>&1 &")
        assert self.run("for i in $(seq 600); do [ -e /run/slow ] && exit; sleep 0.1; done; exit 1")[0] == 0


@pytest.fixture(scope="module")
def node(make_sandbox, ssh):
    sandbox = make_sandbox("dnf", NodeSpec("rpm12", "debian-12"))

    def run(command: str) -> tuple[int, str]:
        done = ssh(sandbox, "rpm12", f"sudo -H sh -c {shlex.quote(command)}", check=False)
        return done.returncode, done.stdout + done.stderr

    made = Node(run)
    code, said = run(SETUP)
    assert code == 0, said
    for number, (name, version, epoch, more) in enumerate(
        [*PACKAGES, ("slow", "1", "", SLOW), ("cut", "2.0", "1", CUT)]
    ):
        text = shlex.quote(_spec(name, version, epoch, more))
        code, said = run(
            f"printf %s {text} > /root/{number}.spec; rpmbuild -bb --define '_rpmdir /srv/rpm' /root/{number}.spec"
        )
        assert code == 0, said
    code, said = run("cd /srv/rpm && createrepo_c -q . && dnf -y versionlock list")
    assert code == 0, said
    return made


@pytest.fixture
def clean(node):
    """Nothing of ours installed or locked; a repository without signatures."""
    text = "[local]\nname=local\nbaseurl=file:///srv/rpm\ngpgcheck=0\n"
    node.run(f"rm -f /etc/yum.repos.d/*; printf %s {shlex.quote(text)} > /etc/yum.repos.d/local.repo")
    node.run(f"dnf -y versionlock clear; dnf -y remove {' '.join(NAMES)}")
    assert (node.there(), node.locks()) == ({}, [])
    return node


def test_versions_with_epoch_up_and_down_and_nothing_weak(clean):
    assert clean.do(dnf.dnf("install", dnf.spec("engine=3:29.1"), "program", options=ANY))[0] == 0
    assert clean.there() == {"engine": "3:29.1-1.el9", "program": "1.0-1.el9", "library": "1.0-1.el9"}
    assert dnf.missing(["engine=29.*", "engine=3:29.1-1.el9", "engine=5:29.*"], clean.there()) == ["engine=5:29.*"]
    assert clean.do(dnf.dnf("install", dnf.spec("engine=28.*"), options=ANY))[0] == 0
    assert clean.there()["engine"] == "3:28.1-1.el9"
    assert clean.do(dnf.dnf("remove", "program", options=["--noautoremove"]))[0] == 0
    assert set(clean.there()) == {"engine", "library"}, "what a package alone needed stays"


def test_an_exchange_is_whole_or_not_at_all(clean):
    clean.do(dnf.dnf("install", "engine-28.1", "user-of-runtime", "program", options=ANY))
    before = clean.there()
    code, said = clean.do(dnf.exchange(["engine=99.*"], ["runtime"], ANY))
    assert code != 0 and "Unable to find a match: engine-99.*" in said
    assert clean.there() == before
    code, said = clean.do(dnf.exchange(["engine=29.*", "extra"], ["runtime", "program"], ANY))
    assert code == 0, said
    assert clean.there() == {"engine": "3:29.2-1.el9", "extra": "1.0-1.el9", "library": "1.0-1.el9"}


def test_the_shell_alone_would_remove_and_not_install(clean):
    """Why an exchange looks everything up first; should this fail, dnf has become better than we think."""
    clean.do(dnf.dnf("install", "runtime", options=ANY))
    code, _ = clean.run("printf '%s\\n' 'remove runtime' 'install engine-99.*' run | dnf -y shell /dev/stdin")
    assert (code, clean.there()) == (0, {})


def test_locks_hold_and_give_way(clean):
    clean.do(dnf.dnf("install", "engine-29.1", "library", options=ANY))
    assert clean.do(dnf.add_locks([dnf.exactly("engine", "3:29.1-1.el9"), dnf.exactly("library", "1.0-1.el9")]))[0] == 0
    assert [dnf.locked_name(entry) for entry in clean.locks()] == ["engine", "library"]
    clean.run("dnf -y upgrade")
    assert clean.there()["engine"] == "3:29.1-1.el9"
    assert clean.do(dnf.dnf("install", "engine-29.2"))[0] != 0, "a person is told"
    assert clean.do(dnf.dnf("install", "engine-29.2", options=ANY))[0] == 0, "whoever manages it changes it"
    assert clean.do(dnf.dnf("versionlock delete", "engine"))[0] == 0
    assert [dnf.locked_name(entry) for entry in clean.locks()] == ["library"]


def test_a_pattern_of_releases_takes_the_newest_that_fits(clean):
    """As NCCL is asked for: built with CUDA 12, by no newer toolkit than 12.8."""
    wanted = "coll=*-*+cuda12.[012345678]"
    assert clean.do(dnf.dnf("install", dnf.spec(wanted), options=ANY))[0] == 0
    assert clean.there() == {"coll": "2.27-1+cuda12.4"}
    assert dnf.missing([wanted], clean.there()) == []
    assert clean.do(dnf.dnf("install", dnf.spec("coll=*-*+cuda13.[012]"), options=ANY))[0] == 0
    assert clean.there() == {"coll": "2.29-1+cuda13.0"}
    assert clean.do(dnf.dnf("install", dnf.spec(wanted), options=ANY))[0] == 0
    assert clean.there() == {"coll": "2.27-1+cuda12.4"}, "down again, as the toolkit goes"


def test_a_pattern_keeps_a_package_below_a_version(clean):
    clean.do(dnf.add_locks([dnf.pattern("engine", "29.1*")]))
    assert clean.do(dnf.dnf("install", "engine"))[0] == 0
    assert clean.there()["engine"] == "3:29.1-1.el9"
    assert clean.do(dnf.dnf("versionlock delete", "engine"))[0] == 0
    assert clean.locks() == []


@pytest.mark.parametrize("holder", ["dnf -y install slow", "rpm -i /srv/rpm/noarch/slow-1-1.el9.noarch.rpm"])
@pytest.mark.parametrize("exchanged", [False, True])
def test_another_ones_lock_is_waited_for(clean, holder, exchanged):
    clean.do(dnf.dnf("install", "runtime", options=ANY))
    clean.hold(holder)
    commands = dnf.exchange(["extra"], ["runtime"], ANY) if exchanged else dnf.dnf("install", "extra", options=ANY)
    code, said = clean.do(commands)
    assert code == 0, said
    assert "extra" in clean.there() and ("runtime" in clean.there()) != exchanged


def test_a_lock_held_for_too_long_is_an_error_that_names_its_holder(clean, monkeypatch):
    monkeypatch.setattr(dnf, "LOCK_TIMEOUT", 1)
    clean.hold("dnf -y install slow")
    code, said = clean.do(dnf.dnf("install", "extra", options=ANY))
    assert code != 0 and "is: dnf" in said
    clean.run("while pgrep -x dnf >/dev/null; do sleep 0.2; done")


def test_what_a_killed_upgrade_left_is_finished_and_nothing_else(clean):
    """Two kernels, and two versions that somebody installed side by side, are no leftovers."""
    side = "rpm -i --nodeps --oldpackage /srv/rpm/noarch/engine-28.1-1.el9.noarch.rpm"
    assert clean.do(dnf.dnf("install", "cut-1.0", "engine-29.1", "kernel-core-5.0", options=ANY))[0] == 0
    assert clean.do(dnf.dnf("install", "kernel-core-6.0", options=ANY))[0] == 0
    assert clean.run(side)[0] == 0
    assert clean.cut_off() == {}
    clean.hold("dnf -y upgrade cut")
    clean.run("pkill -9 -x dnf; while pgrep -x dnf >/dev/null; do sleep 0.1; done")
    left = clean.cut_off()
    assert left == {"cut-1:1.0-1.el9.noarch": "cut-1:2.0-1.el9.noarch"}
    assert clean.there()["cut"] == "1:1.0-1.el9 1:2.0-1.el9"
    code, said = clean.do(dnf.finish(left))
    assert code == 0, said
    assert (clean.cut_off(), clean.there()["cut"]) == ({}, "1:2.0-1.el9")
    assert {name: clean.there()[name].count(" ") for name in ("engine", "kernel-core")} == {
        "engine": 1,
        "kernel-core": 1,
    }


@pytest.fixture(scope="module")
def signed(node):
    """Folders of a repository each: packages or index signed by the vendor or by somebody else, or not at all."""
    code, said = node.run("""set -e; cd /srv; export GNUPGHOME=/root/gpg; mkdir -m 700 $GNUPGHOME
for who in vendor other; do gpg --batch -q --passphrase '' --quick-gen-key $who@example.org rsa2048 sign never; done
gpg --armor --export vendor@example.org > key
sign() { printf '%%_gpg_name %s\\n%%__gpg /usr/bin/gpg\\n' $1@example.org > $HOME/.rpmmacros; rpm --addsign $2; }
for kind in packages index none packages-by-other index-by-other; do
  mkdir $kind; cp rpm/noarch/library-*.rpm $kind/
  case $kind in packages) sign vendor $kind/*.rpm;; packages-by-other) sign other $kind/*.rpm;; esac
  createrepo_c -q $kind
done
gpg --batch -q -u vendor@example.org --detach-sign --armor index/repodata/repomd.xml
gpg --batch -q -u other@example.org --detach-sign --armor index-by-other/repodata/repomd.xml
gpg --with-colons --fingerprint vendor@example.org | awk -F: '/^fpr/{print "fingerprint " $10; exit}'""")
    assert code == 0, said
    return said.split("fingerprint ")[1].split()[0]


@pytest.mark.parametrize(
    ("folder", "what", "good"),
    [
        ("packages", "packages", True),
        ("none", "packages", False),
        ("packages-by-other", "packages", False),
        ("index", "metadata", True),
        ("none", "metadata", False),
        ("index-by-other", "metadata", False),
    ],
)
def test_only_what_the_pinned_key_signed_is_installed(clean, signed, folder, what, good):
    dest = DNF.key("vendor", "")
    listed = repository._FINGERPRINTS.format(path=shlex.quote(dest))
    clean.run(f"cp /srv/key {dest}; rm -rf /var/cache/dnf/* /etc/yum.repos.d/*; rpm -e gpg-pubkey --allmatches")
    assert clean.run(listed)[1].split() == [signed]
    text = DNF.text(Source("Vendor", "vendor", f"file:///srv/{folder}", "", (), what), dest)
    clean.run(f"printf %s {shlex.quote(text)} > {DNF.source('vendor')}")
    fetched, _ = clean.do(dnf.makecache("vendor"))
    code, said = clean.do(dnf.dnf("install", "library", options=ANY))
    assert (code == 0, "library" in clean.there()) == (good, good), said
    assert fetched == 0 or what == "metadata"


def test_rivals_are_set_aside_and_no_other(clean):
    text = "[rival]\nname=r\nbaseurl=file:///srv/rpm/\n[other]\nname=o\nbaseurl=file:///srv/rpms\nenabled=0\n"
    clean.run(f"printf %s {shlex.quote(text)} > /etc/yum.repos.d/rivals.repo")
    asked = str(RivalRepositories().command(url="file:///srv/rpm", ours="/etc/yum.repos.d/local.repo").get_raw_value())
    assert RivalRepositories().process(clean.run(asked)[1].splitlines()) == ["rival"]
    assert clean.do(dnf.dnf("config-manager --set-disabled", "rival"))[0] == 0
    assert RivalRepositories().process(clean.run(asked)[1].splitlines()) == []
    assert clean.run("dnf -q repolist --enabled")[1].split()[-2:] == ["local", "local"]
