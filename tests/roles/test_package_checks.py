"""What checks ask of the package manager: on a system of either family, from answers as real ones give them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from labprov_roles import package_checks

DEBIAN = 'ID=debian\nVERSION_ID="12"\n'
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\n'

# dnf 4.14 on a terminal that is none: 80 columns.
TABLE = """Dependencies resolved.
================================================================================
 Package                                       Arch     Version   Repo     Size
================================================================================
Upgrading:
 tool                                          noarch   3.0-1     local   5.4 k
Installing dependencies:
 newdep-with-a-very-long-name-for-the-column   noarch   1-1       local   5.5 k
 another-name-that-is-so-long-that-dnf-gives-it-a-line-of-its-own-in-its-table
                                               noarch   1-1       local   5.5 k
Installing weak dependencies:
 kmod-nvidia-open-dkms                         noarch   1-1       local   5.5 k
Removing:
 old                                           noarch   1-1       local   5.5 k

Transaction Summary
================================================================================
Install  3 Packages
"""


class Host:
    """A testinfra host whose answers are given: beginning of a command -> its output."""

    def __init__(self, release: str, answers: dict[str, str]) -> None:
        self.release, self.answers, self.asked = release, {"uname": "x86_64\n", **answers}, []

    def run(self, command: str, *args: str) -> SimpleNamespace:
        self.asked.append(command % args if args else command)
        return SimpleNamespace(stdout=self.answers[command.split()[0].removeprefix("LC_ALL=C").strip() or "dnf"])

    def file(self, path: str) -> SimpleNamespace:
        assert path == "/etc/os-release"
        return SimpleNamespace(content_string=self.release)


def test_news_of_dnfs_table():
    news = ["newdep-with-a-very-long-name-for-the-column"]
    news += ["another-name-that-is-so-long-that-dnf-gives-it-a-line-of-its-own-in-its-table", "kmod-nvidia-open-dkms"]
    assert package_checks.dnf_news(TABLE) == news
    assert package_checks.dnf_news("Nothing to do.\n") == []
    assert package_checks.news_of_an_upgrade(Host(ROCKY, {"dnf": TABLE})) == news


def test_news_of_apts_plan():
    plan = "Inst libc6 [2.36-9] (2.36-10 Debian)\nInst nvidia-driver (595 x)\nConf nvidia-driver (595 x)\n"
    assert package_checks.news_of_an_upgrade(Host(DEBIAN, {"apt-get": plan})) == ["nvidia-driver"]


def test_installed():
    host = Host(DEBIAN, {"dpkg-query": "ii  cuda-a 12.8-1\nrc  cuda-old 1\nhi  cuda-held 2:1\nun  cuda-no \n"})
    assert package_checks.installed(host, "cuda*") == {"cuda-a": "12.8-1", "cuda-held": "2:1"}
    host = Host(ROCKY, {"rpm": "cuda-toolkit-12-8 12.8.1-1\n"})
    assert package_checks.installed(host, "cuda*", "x") == {"cuda-toolkit-12-8": "12.8.1-1"}
    assert host.asked[-1] == "rpm -qa --qf '%{NAME} %{VERSION}-%{RELEASE}\n' 'cuda*' 'x'"


@pytest.mark.parametrize(("said", "why"), [("ours\n", ""), ("cuda\n", "dnf takes p from cuda"), ("", "nowhere")])
def test_where_dnf_takes_a_package_from(said, why):
    host = Host(ROCKY, {"dnf": said})
    assert why in package_checks.candidate_comes_from(host, "p", "https://h/rpm", "ours")
    assert bool(why) == bool(package_checks.candidate_comes_from(host, "p", "https://h/rpm", "ours"))
    assert host.asked[-1] == "dnf -q -C repoquery --latest-limit 1 --qf '%{repoid}' p"


POLICY = """p:
  Installed: 1.19
  Candidate: 1.20
  Version table:
     1.21 100
        100 https://cuda.example Packages
 *** 1.20 1001
       1001 https://h/deb/amd64  Packages
        100 /var/lib/dpkg/status
"""


def test_where_apt_takes_a_package_from():
    host = Host(DEBIAN, {"apt-cache": POLICY})
    assert package_checks.candidate_comes_from(host, "p", "https://h/deb", "ours") == ""
    assert "does not come from https://other" in package_checks.candidate_comes_from(host, "p", "https://other", "ours")
    assert package_checks.candidate_comes_from(Host(DEBIAN, {"apt-cache": ""}), "p", "u", "o") == "apt knows no p"
