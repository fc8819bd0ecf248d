"""Does Jupyter work, for people? Tried as an ordinary user with an empty home; the hub is asked as a browser would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from shlex import quote

import pytest
from testinfra.host import Host

from labprov.verify.folder import folder_of
from labprov_roles.conda_envs import verify as environments
from labprov_roles.conda_envs.verify import KERNEL, Tried, said
from labprov_roles.jupyter.hub import limits, memory, own_url
from labprov_roles.jupyter.settings import ENVIRONMENT, Settings

_SERVER = """
import json, os, pathlib, subprocess, sys, time, urllib.request
command = ["jupyter", "lab", "--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=500"]
with open("said", "w") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
    try:
        deadline, found = time.monotonic() + 90, []
        while not found and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
            found = list(pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json"))
        assert found, open("said").read()[-300:]
        about = json.loads(found[0].read_text())
        get = lambda path: urllib.request.urlopen(f"{about['url']}{path}?token={about['token']}", timeout=60).read()
        assert b"jupyter-config-data" in get("lab")
        print(" ".join(sorted(json.loads(get("api/kernelspecs"))["kernelspecs"])))
    finally:
        server.terminate()
"""
# A browser: the form, its hidden field and its cookie; then what the hub says to a name that it does not know.
_STRANGER = """
import http.cookiejar, re, ssl, sys, urllib.error, urllib.parse, urllib.request
url, context = sys.argv[1], ssl._create_unverified_context()
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor()
)
page = opener.open(f"{url}hub/login", timeout=30).read().decode()
assert 'name="password"' in page, page[:300]
hidden = re.search('name="_xsrf"[^>]*value="([^"]*)"', page)
form = {"username": "labprov-stranger", "password": "none", "_xsrf": hidden[1] if hidden else ""}
try:
    answer = opener.open(f"{url}hub/login", urllib.parse.urlencode(form).encode(), timeout=60)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, "Invalid username or password" in answer.read().decode())
"""
_SERVED = """
import ssl, sys
print(ssl.get_server_certificate((sys.argv[1], int(sys.argv[2])), timeout=30))
"""
# A unit like a user's server, and what the kernel says of its limits.
_LIMITED = (
    'systemd-run --quiet --wait --pipe --collect {properties} sh -c \'c=/sys/fs/cgroup$(sed -n "s/^0:://p" '
    "/proc/self/cgroup); cat $c/memory.max $c/cpu.max'"
)


@pytest.fixture
def tried(host: Host, settings: Settings) -> Iterator[list[Tried]]:
    """The environment, as a user without a home sees it; the folder for the try is gone afterwards."""
    if not settings.enabled:
        pytest.skip("not set: no Jupyter is asked for")
    with folder_of(host, "nobody") as home:
        yield [Tried(host, ENVIRONMENT, "nobody", f"{settings.prefix}/envs/{ENVIRONMENT}", home)]


@pytest.fixture
def hub(host: Host, settings: Settings) -> Host:
    """The host, where it has a hub."""
    if not settings.hub.enabled:
        pytest.skip("not set: no JupyterHub is asked for")
    return host


def test_everything_in_the_environment_can_be_imported(tried: list[Tried], settings: Settings) -> None:
    """As the role conda_envs checks it."""
    environments.test_every_declared_package_can_be_imported(tried, settings.environments())


def test_users_cannot_write_into_the_environment(tried: list[Tried], settings: Settings) -> None:
    """The kernel is asked, as that user, about every file."""
    environments.test_users_cannot_write_into_shared_environments(tried, settings.environments())


def test_every_shell_has_the_command(tried: list[Tried]) -> None:
    """A login shell, and what has no profile at all."""
    for words in (("sh", "-lc"), ("bash", "-lc"), ("sh", "-c")):
        shown = tried[0].run(*words, "jupyter lab --version")
        assert shown.rc == 0, f"{' '.join(words)}: {said(shown)}"
        assert re.fullmatch(r"\d+\.\d+\S*", shown.stdout.strip()), said(shown)


def test_jupyterlab_starts_and_offers_the_kernels(tried: list[Tried]) -> None:
    """Its own Python's, and those that are registered for all users."""
    each = tried[0]
    registered = each.host.run("ls /usr/local/share/jupyter/kernels").stdout.split()
    start = ("env", f"JUPYTER_RUNTIME_DIR={each.home}/run", f"{each.folder}/bin/python", "-c", _SERVER)
    shown = each.run(*start)
    assert shown.rc == 0, said(shown)
    assert {"python3", *registered} <= {*shown.stdout.split()}, said(shown)


def test_its_kernel_executes_a_cell(tried: list[Tried]) -> None:
    """As Jupyter would start it."""
    shown = tried[0].python(KERNEL, "python3")
    assert shown.rc == 0, said(shown)
    assert shown.stdout.split()[:1] == ["42"], said(shown)


def test_the_hub_runs_and_answers(hub: Host, settings: Settings) -> None:
    """Now, and at every boot."""
    assert hub.run("systemctl is-enabled jupyterhub.service").stdout.strip() == "enabled"
    assert hub.run("systemctl is-active jupyterhub.service").stdout.strip() == "active"
    answer = hub.run(f"curl -fsSk --noproxy '*' --max-time 30 {quote(own_url(settings.hub) + 'hub/api')}")
    assert answer.rc == 0, said(answer)
    assert '"version"' in answer.stdout, said(answer)


def test_the_hub_listens_where_it_should_and_nowhere_else(hub: Host, settings: Settings) -> None:
    """By the kernel's list of sockets; the ports that are for this server alone are told nobody else."""
    sockets = [line.split()[3] for line in hub.check_output("ss -Hltn").splitlines()]
    places = {
        port: {s.rpartition(":")[0].strip("[]") for s in sockets if s.endswith(f":{port}")} for port in _ports(settings)
    }
    everywhere = {"0.0.0.0": {"0.0.0.0", "*"}, "::": {"::", "*"}}  # noqa: S104
    address = settings.hub.address
    assert places[settings.hub.port] and places[settings.hub.port] <= everywhere.get(address, {address}), places
    for port in (settings.hub.hub_port, settings.hub.proxy_port):
        assert places[port] == {"127.0.0.1"}, places


def test_the_hubs_certificate_is_the_configured_one(hub: Host, tried: list[Tried], settings: Settings) -> None:
    """The first one in the file."""
    if not settings.hub.certificate:
        pytest.skip("not set: the hub has no certificate")
    address = own_url(settings.hub).partition("//")[2].rpartition(":")[0].strip("[]")
    shown = tried[0].python(_SERVED, address, str(settings.hub.port))
    assert shown.rc == 0, said(shown)
    served = _body(shown.stdout)
    assert served == _body(hub.check_output("cat %s", settings.hub.certificate)), "another one is served: apply again"


def test_a_stranger_is_refused(hub: Host, tried: list[Tried], settings: Settings) -> None:
    """Through the form, as a browser does it."""
    shown = tried[0].python(_STRANGER, own_url(settings.hub))
    assert shown.rc == 0, said(shown)
    assert shown.stdout.split() == ["403", "True"], said(shown)


def test_the_hubs_secrets_are_roots(hub: Host, tried: list[Tried]) -> None:
    """As a user who looks, and by their modes."""
    assert tried[0].run("ls", "/var/lib/jupyterhub").rc != 0
    modes = hub.check_output("cd /var/lib/jupyterhub && stat -c '%a %U' jupyterhub_cookie_secret jupyterhub.sqlite")
    assert modes.splitlines() == ["600 root", "600 root"]


def test_users_servers_have_their_limits(hub: Host, settings: Settings) -> None:
    """Those that this hub started, by systemd; and the kernel keeps such limits, tried with a unit of the same kind."""
    wanted = limits(settings.hub)
    if not wanted:
        pytest.skip("not set: no limits for users' servers")
    since = int(hub.check_output("systemctl show -p ActiveEnterTimestampMonotonic --value jupyterhub.service"))
    asked = "Id ActiveEnterTimestampMonotonic MemoryMax CPUQuotaPerSecUSec".replace(" ", ",")
    for unit in hub.check_output(f"systemctl show -p {asked} 'jupyter-*-singleuser.service'").split("\n\n"):
        shown = dict(line.partition("=")[::2] for line in unit.splitlines())
        if shown and int(shown["ActiveEnterTimestampMonotonic"]) > since:
            got = {name: _number(shown[name]) for name in wanted}
            assert got == wanted, f"{shown['Id']}: {got}"
    controllers = hub.run("cat /sys/fs/cgroup/cgroup.controllers").stdout.split()
    if not {"memory", "cpu"} <= {*controllers} and hub.run("systemd-detect-virt --container").rc == 0:
        pytest.skip("a container without cgroup controllers: systemd has the limits, and no kernel that keeps them")
    memory_max, cpu_max = _kernels_word(hub, settings)
    assert memory_max == str(wanted.get("MemoryMax", "max"))
    quota = wanted.get("CPUQuotaPerSecUSec")
    assert cpu_max.partition(" ")[0] == ("max" if quota is None else str(quota // 10)), cpu_max


def _kernels_word(hub: Host, settings: Settings) -> list[str]:
    given = []
    if settings.hub.memory_limit:
        given.append(f"-p MemoryMax={memory(settings.hub.memory_limit)}")
    if settings.hub.cpu_limit:
        given.append(f"-p CPUQuota={int(settings.hub.cpu_limit * 100)}%")
    shown = hub.run(_LIMITED.format(properties=" ".join(given)))
    assert shown.rc == 0, f"the kernel does not limit units here (cgroups v1?): {said(shown)}"
    return str(shown.stdout).splitlines()


def _number(shown: str) -> int:
    """A number as systemd shows it: bytes, or a time in microseconds (``1min 1.500000s``); -1 for none."""
    units = {"us": 1, "ms": 1000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
    if shown.isdigit():
        return int(shown)
    parts = [re.fullmatch(r"([\d.]+)(us|ms|s|min|h)", part) for part in shown.split()]
    return sum(round(float(part[1]) * units[part[2]]) for part in parts if part) if all(parts) else -1


def _ports(settings: Settings) -> tuple[int, int, int]:
    return settings.hub.port, settings.hub.hub_port, settings.hub.proxy_port


def _body(pem: str) -> str:
    """The first certificate of a PEM text, without line ends."""
    return "".join(pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0].split())
