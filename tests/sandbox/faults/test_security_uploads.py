"""What an unprivileged user of the host can see and do while files are uploaded."""

from __future__ import annotations

import pytest

SECRET = "s3cr3t-Of-The-Upload"
WATCH = r"""my ($folder, $secs) = @ARGV; my $end = time + $secs; my %seen;
while (time < $end) { opendir(my $d, $folder) or next;
  for my $n (readdir $d) { for my $p ("$folder/$n", "$folder/$n/new") {
    next unless -f $p; open(my $f, "<", $p) or next; local $/; my $t = <$f>; $seen{substr($t // "", 0, 200)} = 1; } } }
print join("\n", sort keys %seen), "\n";"""


@pytest.fixture
def spy(root):
    """An ordinary user on deb12 who reads everything that appears in a folder."""
    root("deb12", "id spy >/dev/null 2>&1 || useradd -m spy; install -d -m 755 /srv/shared; rm -rf /srv/shared/*")

    def start(folder: str, seconds: int) -> None:
        root("deb12", "cat > /home/spy/watch.pl <<'E'\n" + WATCH + "\nE\nchmod 644 /home/spy/watch.pl")
        unit = "systemd-run -q --unit spy --uid spy -p StandardOutput=truncate:/run/spy.out"
        root("deb12", f"{unit} perl /home/spy/watch.pl {folder} {seconds}")

    def found() -> str:
        return root("deb12", "while systemctl is-active -q spy; do sleep 0.2; done; cat /run/spy.out")

    yield start, found
    root(
        "deb12",
        "systemctl stop spy 2>/dev/null; systemctl reset-failed spy 2>/dev/null; rm -rf /srv/shared /run/spy.out",
    )


def test_a_secret_is_never_readable_by_others(lab, root, spy):
    """Fifty times: a new private file, and a public one that becomes private; the watcher does see what is public."""
    start, found = spy
    lab.role(f"""
        server.shell(name="Public before", commands="for i in $(seq 25); do echo public > /srv/shared/old$i; done")
        files.put(name="Public", src=StringIO("for all to see"), dest="/srv/shared/public")
        for number in range(1, 26):
            files.put(name=f"New {{number}}", src=StringIO("{SECRET}"), dest=f"/srv/shared/new{{number}}", mode="600")
            files.put(name=f"Old {{number}}", src=StringIO("{SECRET}"), dest=f"/srv/shared/old{{number}}", mode="640",
                user="root", group="root")
    """)
    start("/srv/shared", 25)
    code, run = lab.apply("-l", "deb12")
    assert code == 0, run["hosts"]
    assert root("deb12", f"grep -l {SECRET} /srv/shared/* | wc -l; ls -A /srv/shared | wc -l") == "50\n51\n"
    seen = found()
    assert "for all to see" in seen
    assert "public" in seen
    assert SECRET not in seen


def test_a_new_file_without_a_mode_is_644_and_an_old_one_keeps_its_own(lab, root):
    lab.role("""
        server.shell(name="Before", commands="rm -f /srv/plain; echo x > /srv/kept; chmod 604 /srv/kept")
        files.put(name="Plain", src=StringIO("plain"), dest="/srv/plain")
        files.put(name="Kept", src=StringIO("kept"), dest="/srv/kept")
    """)
    assert lab.apply("-l", "deb12")[0] == 0
    assert root("deb12", "stat -c %a /srv/plain /srv/kept; cat /srv/kept; rm /srv/plain /srv/kept") == "644\n604\nkept"


def test_the_owner_of_the_folder_cannot_lead_root_elsewhere(lab, root):
    """He moves every private folder away and puts a link to /etc in its place, as fast as he can."""
    attack = r"""chdir "/home/spy/box" or die; my $end = time + 20; my $n = 0;
while (time < $end) { for my $d (glob ".labprov.*") {
  next if -l $d; rename($d, "moved" . $n++) and symlink("/etc", $d); } }"""
    root("deb12", "id spy >/dev/null 2>&1 || useradd -m spy; install -d -o spy /home/spy/box")
    root("deb12", "cat > /home/spy/attack.pl <<'E'\n" + attack + "\nE\nchmod 644 /home/spy/attack.pl; rm -f /etc/new")
    before = root("deb12", "ls -lan --time-style=full-iso /etc | sha256sum; stat -c '%U %a' /etc")
    root("deb12", "systemd-run -q --unit attack --uid spy perl /home/spy/attack.pl")
    try:
        lab.role("""
            for number in range(30):
                files.put(name=f"Put {number}", src=StringIO("x" * 300), dest=f"/home/spy/box/file{number}", mode="600",
                    user="spy", group="spy", _ignore_errors=True)
        """)
        lab.apply("-l", "deb12")
    finally:
        root("deb12", "systemctl stop attack; systemctl reset-failed attack 2>/dev/null; true")
    assert root("deb12", "ls -lan --time-style=full-iso /etc | sha256sum; stat -c '%U %a' /etc") == before
    root("deb12", "rm -rf /home/spy/box")


def test_nothing_that_others_may_write_is_used_by_name(lab, root):
    """Whoever fills /tmp, /run and /var/tmp with every name that labprov or pyinfra might use cannot matter."""
    lab.role("""
        server.shell(name="Before", commands="find /tmp /var/tmp -newermt -1hour -user root | sort > /run/before")
        files.put(name="Put", src=StringIO("x" * 200000), dest="/etc/labprov-test", mode="600")
        files.template(name="Template", src=StringIO("{{ 1 + 1 }}"), dest="/etc/labprov-test2", mode="600")
        server.shell(name="After", commands="find /tmp /var/tmp -newermt -1hour -user root | sort | diff /run/before -")
    """)
    code, run = lab.apply("-l", "deb12")
    assert code == 0, run["hosts"]
    root("deb12", "rm -f /etc/labprov-test /etc/labprov-test2 /run/before")
