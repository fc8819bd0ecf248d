"""dnf's command lines in full, how it writes versions and locks, and the facts about rpm read from real answers."""

import sqlite3
import subprocess
import sys

import pytest
from pyinfra.api import StringCommand

from labprov.engine.facts import rpm
from labprov.engine.operations import dnf
from labprov.engine.operations.repository_places import DNF, Source


def test_dnf_never_asks_and_waits_for_locks():
    assert dnf.dnf("install", "docker-ce-3:29.*", "a b").get_raw_value() == (
        "try() { dnf -y --setopt=exit_on_lock=True install -- 'docker-ce-3:29.*' 'a b' ; }; "
        'end=$(($(date +%s) + 600)); while :; do { said=$(try 2>&1 >&3); code=$?; } 3>&1; case "$code $said" in '
        '"0 "*) break;; "200 "* | *"already locked by"* | *"create transaction lock"*) '
        '[ $(date +%s) -lt $end ] && sleep 2;; *) false;; esac || break; done; printf "%s\\n" "$said" >&2; (exit $code)'
    )


@pytest.mark.parametrize(
    ("said", "code", "tries"),
    [
        ("RPMDB already locked by 21666", 200, 3),
        ("Error: RPMDB already locked by 27984", 1, 3),
        ("RPM: error: can't create transaction lock on /var/lib/rpm/.rpm.lock", 1, 3),
        ("Error: Unable to find a match: docker-ce-99.*", 1, 1),
        ("", 0, 1),
    ],
)
def test_only_a_lock_is_waited_for(tmp_path, monkeypatch, said, code, tries):
    """The shell text is run: a program fails twice in that way, then succeeds."""
    count = tmp_path / "count"
    program = tmp_path / "program"
    program.write_text(f"""#!/bin/sh
echo x >> {count}; [ $(wc -l < {count}) -lt 3 ] || exit 0
echo "{said}" >&2; exit {code}
""")
    program.chmod(0o755)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    text = dnf.patient(StringCommand(str(program))).get_raw_value()
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True)
    assert count.read_text().count("x") == tries
    assert done.returncode == (0 if tries == 3 else code)


@pytest.mark.parametrize(
    ("text", "spec"),
    [("vim", "vim"), ("vim=", "vim"), ("docker-ce=3:29.*", "docker-ce-3:29.*"), ("a=1.20.0-1", "a-1.20.0-1")],
)
def test_specs(text, spec):
    assert dnf.spec(text) == spec


@pytest.mark.parametrize(
    ("installed", "pattern", "fits"),
    [
        ("3:580.65.06-1.el9", "580.*", True),
        ("3:580.65.06-1.el9", "3:580.*", True),
        ("3:580.65.06-1.el9", "3:580.65.06", True),
        ("3:580.65.06-1.el9", "580.65.06-1.el9", True),
        ("3:580.65.06-1.el9", "0:580.*", False),
        ("3:580.65.06-1.el9", "58", False),
        ("1.20.0-1", "0:1.20.0", True),
        ("1.20.0-1", "1.20.0-2", False),
        ("5.14.0-503.el9 5.14.0-570.el9", "5.14.0-503.el9", True),
        ("", "*", False),
    ],
)
def test_versions_fit_with_and_without_epoch_and_release(installed, pattern, fits):
    assert dnf.fits(installed, pattern) is fits


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (dnf.exactly("docker-ce", "3:29.1.0-1.el9"), "docker-ce"),
        (dnf.exactly("nvidia-container-toolkit", "1.20.0-1"), "nvidia-container-toolkit"),
        (dnf.pattern("docker-ce", "3:29.*"), "docker-ce"),
        (dnf.pattern("docker-ce-cli", "29.1*"), "docker-ce-cli"),
        (dnf.pattern("kernel-devel", "5.14.0-503.*"), "kernel-devel"),
    ],
)
def test_a_lock_tells_whose_it_is(entry, name):
    """By the same rule as dnf, which deletes only what it can take apart: all of name, version, release, machine."""
    assert dnf.locked_name(entry) == name
    assert entry.count("-") == name.count("-") + 2
    assert entry.endswith(".*")


def test_installed_rpms():
    lines = [
        "= docker-ce 3:29.1.0-1.el9",
        "package runc is not installed",
        "= kernel-devel 5.14.0-503.el9",
        "= kernel-devel 5.14.0-570.el9",
        "= glibc 2.34-100.el9",
        "= glibc 2.34-100.el9",
    ]
    assert rpm.InstalledRpms().process(lines) == {
        "docker-ce": "3:29.1.0-1.el9",
        "kernel-devel": "5.14.0-503.el9 5.14.0-570.el9",
        "glibc": "2.34-100.el9",
    }


def test_installed_rpms_asks_the_index_for_names_and_all_for_patterns():
    asked = rpm.InstalledRpms().command(packages=("tmux", "libnvidia-*", "a$(id)")).get_raw_value()
    assert asked == (
        "rpm -q --qf '= %{NAME} %{EVR}\\n' -- tmux 'a$(id)' 2>/dev/null; "
        "rpm -qa --qf '= %{NAME} %{EVR}\\n' -- 'libnvidia-*' 2>/dev/null; true"
    )
    assert rpm.InstalledRpms().command(packages=()).get_raw_value() == "true"


def test_version_locks():
    lines = [
        "# Added lock on Sun Nov 22 15:14:30 2026",
        "docker-ce-3:29.1.0-1.el9.*",
        "",
        "!tool-0:1.0-1.*",
        "a-1-1.* #",
    ]
    assert rpm.VersionLocks().process(lines) == ["docker-ce-3:29.1.0-1.el9.*", "a-1-1.*"]


def test_module_streams():
    lines = ["[nvidia-driver]", "name=nvidia-driver", "stream=580-open", "profiles=", "state=enabled", ""]
    lines += ["[container-tools]", "stream = rhel8", "state = enabled", "[perl]", "stream=", "state=disabled"]
    assert rpm.ModuleStreams().process(lines) == {"nvidia-driver": "580-open", "container-tools": "rhel8"}


def test_rival_repositories(tmp_path, monkeypatch):
    """The shell text is run on files as vendors write them."""
    monkeypatch.setattr(rpm, "REPOSITORIES", str(tmp_path))
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout.strip()
    with open("/etc/os-release") as lines:
        release = next(line.split("=")[1].strip().strip('"') for line in lines if line.startswith("VERSION_ID="))
    url = f"https://download.example/linux/rhel/{release.partition('.')[0]}/{machine}/stable"
    (tmp_path / "docker-ce.repo").write_text(
        "[docker-ce-stable]\nname=Docker\nbaseurl=https://download.example/linux/rhel/$releasever/$basearch/stable\n"
        "enabled=1\ngpgcheck=0\n\n[docker-ce-test]\n"
        "baseurl=https://download.example/linux/rhel/$releasever/$basearch/test\n\n"
        "[off]\nenabled = 0\n" + f"baseurl = {url}/\n"
    )
    (tmp_path / "late.repo").write_text(
        f"[longer]\nbaseurl={url}ling\n[commented]\n#baseurl={url}\n[last]\nbaseurl={url}/"
    )
    (tmp_path / "docker.repo").write_text(f"[docker]\nbaseurl={url}\n")

    def ask(address: str) -> list[str]:
        command = rpm.RivalRepositories().command(url=address, ours=str(tmp_path / "docker.repo"))
        done = subprocess.run(["sh", "-c", command.get_raw_value()], capture_output=True, text=True)
        assert not done.stderr
        return rpm.RivalRepositories().process(done.stdout.splitlines())

    assert ask(url + "/") == ["docker-ce-stable", "last"]
    assert ask("https://download.example/") == ["docker-ce-stable", "docker-ce-test", "longer", "last"]
    assert ask("https://download.example/linux/rhel/7") == []


@pytest.mark.parametrize(("signed", "checks"), [("packages", (1, 0)), ("metadata", (0, 1))])
def test_a_repository_of_dnf_is_always_checked(signed, checks):
    source = Source("the CUDA", "cuda", "https://h/rhel9/x86_64/", "", (), signed, ("*container*",))
    text = DNF.text(source, DNF.key("cuda", "https://h/D42D0685.pub"))
    assert text == (
        "# Managed by labprov.\n[cuda]\nname=the CUDA\nbaseurl=https://h/rhel9/x86_64/\nenabled=1\n"
        f"gpgcheck={checks[0]}\nrepo_gpgcheck={checks[1]}\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-cuda\n"
        "excludepkgs=*container*\n"
    )


def test_what_a_cut_off_run_left_is_told_by_dnfs_history(tmp_path, monkeypatch):
    """The program of the fact is run on a history with dnf's tables; rpm is a stand-in."""
    history = sqlite3.connect(tmp_path / "history.sqlite")
    history.executescript("""
        create table trans (id integer, dt_end integer);
        create table trans_item (trans_id integer, item_id integer, action integer);
        create table rpm (item_id integer, name text, epoch integer, version text, release text, arch text);
        insert into trans values (1, 1795375034), (2, 0), (3, null);
        insert into rpm values
            (1, 'app', 0, '1.0', '1', 'noarch'), (2, 'app', 0, '2.0', '1', 'noarch'), (3, 'lib', 1, '5', '1', 'noarch'),
            (4, 'lib', 1, '4', '1', 'noarch'), (5, 'late', 0, '1', '1', 'noarch'), (6, 'late', 0, '2', '1', 'noarch'),
            (7, 'kernel', 0, '6', '1', 'noarch'),
            (8, 'done', 0, '1', '1', 'noarch'), (9, 'done', 0, '2', '1', 'noarch');
        insert into trans_item values
            (1, 8, 7), (1, 9, 6),              -- ended: whoever has both meant it
            (2, 1, 7), (2, 2, 6), (2, 7, 1),   -- cut off: app was upgraded, a kernel installed
            (2, 5, 7), (2, 6, 6),              -- the new one of these was not installed yet
            (3, 3, 3), (3, 4, 2);              -- cut off: lib was downgraded
    """)
    history.commit()
    there = "app-0:1.0-1 app-0:2.0-1 lib-1:5-1 lib-1:4-1 late-0:1-1 kernel-0:6-1 kernel-0:5-1 done-0:1-1 done-0:2-1"
    program = tmp_path / "rpm"
    program.write_text("#!/bin/sh\nprintf '%s\\n' " + " ".join(f"{name}.noarch" for name in there.split()) + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    words = [sys.executable, "-c", rpm._CUT_OFF, str(tmp_path / "history.sqlite")]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = rpm.CutOffUpgrades().process(said.splitlines())
    assert found == {"app-0:1.0-1.noarch": "app-0:2.0-1.noarch", "lib-1:5-1.noarch": "lib-1:4-1.noarch"}
