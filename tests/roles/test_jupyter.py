"""The role jupyter without a host: settings, what they become, what the hub is restarted for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labprov import role
from labprov.compat import tables
from labprov.engine.facts.system import System
from labprov.errors import HostError, UserError, Where
from labprov_roles.conda_envs.facts import Environments, EnvironmentsAt
from labprov_roles.conda_envs.frameworks import hardware
from labprov_roles.conda_envs.request import canonical, digest_of, request
from labprov_roles.jupyter import hub, operations, systems, tasks
from labprov_roles.jupyter.facts import HubNow, HubState, InTheWay, OwnFiles
from labprov_roles.jupyter.settings import ENVIRONMENT, Hub, Settings

DEBIAN = System("debian", "13", "trixie")
TLS = {"certificate": "/etc/ssl/lab.pem", "certificate_key": "/etc/ssl/lab.key"}


def settings(hub: dict[str, Any] | None = None, **options: Any) -> Settings:
    where = lambda *path: Where(Path("/lab/lab.yml"), 7, ".".join(map(str, path)))  # noqa: E731
    wanted = {"enabled": True, **({"hub": {"enabled": True, **hub}} if hub is not None else {}), **options}
    return role.load("jupyter").settings(wanted, where)


def refused(hub: dict[str, Any] | None = None, **options: Any) -> str:
    with pytest.raises(UserError) as error:
        settings(hub, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


class Traits(dict[str, Any]):
    """What traitlets' config object is to a configuration file."""

    def __getattr__(self, name: str) -> Any:
        return self.setdefault(name, Traits())

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


def configured(wanted: Settings) -> Traits:
    """What jupyterhub_config.py configures, by running it."""
    c = Traits()
    exec(hub.config(wanted), {"get_config": lambda: c, "load_subconfig": lambda path: None})
    return c


def test_not_asked_for_nothing_is_done_nor_imported_nor_asked():
    assert tasks.tasks._inner(Settings()) is None  # any question, without a host in context, would raise


def test_lab_is_one_shared_environment_of_the_other_role():
    made = settings(extra_packages=["jupyterlab-git"], python="3.13").environments()
    wanted = request(ENVIRONMENT, made, DEBIAN, hardware(DEBIAN, (), "", tables.load()))
    assert [each["requirement"] for each in wanted.data["items"]] == [
        "jupyterlab",
        "ipykernel",
        "ipywidgets",
        "jupyterlab-git",
    ]
    assert (wanted.user, wanted.data["python"], made.locks) == (None, "3.13", "/lab/labprov-envs")


def test_the_hub_brings_what_it_needs_and_the_proxy_by_conda():
    packages = settings({}).environments().environments[ENVIRONMENT].packages
    assert packages[3:6] == ("jupyterhub>=5", "jupyterhub-systemdspawner>=1.0.2", "jupyterhub-idle-culler")
    assert packages[6].conda == "configurable-http-proxy"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"address": "0.0.0.0"}, "passwords would cross the network in the clear"),
        ({"address": "::"}, "passwords would cross the network in the clear"),
        ({"address": "192.0.2.7", "certificate": "/x.pem"}, "one of them is missing"),
        ({"certificate_key": "/x.pem"}, "one of them is missing"),
        ({"address": "localhost"}, "IP address"),
        ({"address": "127.0.0.1; id"}, "IP address"),
        ({"address": "1.2.3"}, "IP address"),
        ({"address": "fe80::1%eth0"}, "IP address"),
        ({"port": 0}, "hub.port"),
        ({"port": 70000}, "hub.port"),
        ({"port": True}, "should be a number"),
        ({"port": 8081}, "must differ"),
        ({"certificate": "/x;id", "certificate_key": "/x"}, "an absolute path"),
        ({"certificate": "x.pem", "certificate_key": "/x"}, "an absolute path"),
        ({"allowed_groups": ["a'b"]}, "group name"),
        ({"admin_groups": ["$(id)"]}, "group name"),
        ({"memory_limit": "16"}, "an amount of memory"),
        ({"memory_limit": "16G -p User=root"}, "an amount of memory"),
        ({"cpu_limit": 0}, "cpu_limit"),
        ({"cpu_limit": "inf"}, "cpu_limit"),
        ({"idle_kernels": 5}, "idle_kernels"),
        ({"pam_service": "../login"}, "pam_service"),
        ({"packages": ["jupyterhub; id"]}, "should be a requirement"),
        ({"ports": 1}, "did you mean 'port'"),
    ],
)
def test_what_is_wrong_or_unsafe_is_refused(given, expected):
    assert expected in refused(given)


def test_a_hub_without_lab_is_refused():
    assert "say enabled: true for the role" in refused({}, enabled=False)


def test_a_prefix_too_long_for_scripts_is_refused():
    assert "too long" in refused(prefix="/srv/" + "x" * 74)


@pytest.mark.parametrize("given", [{}, {"address": "::1"}, {"address": "127.0.0.2"}, {"address": "0.0.0.0", **TLS}])
def test_what_is_safe_is_taken(given):
    assert settings(given).hub.enabled


def test_public_without_tls_only_when_asked_for():
    assert settings({"address": "192.0.2.7", "plain_http": True}).hub.plain_http


@pytest.mark.parametrize(
    ("given", "bound", "reached"),
    [
        ({}, "http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
        ({"address": "0.0.0.0", "port": 443, **TLS}, "https://0.0.0.0:443/", "https://127.0.0.1:443/"),
        ({"address": "::", **TLS}, "https://[::]:8000/", "https://[::1]:8000/"),
        ({"address": "192.0.2.7", **TLS}, "https://192.0.2.7:8000/", "https://192.0.2.7:8000/"),
    ],
)
def test_where_it_listens_and_is_reached(given, bound, reached):
    wanted = settings(given)
    assert (configured(wanted).JupyterHub["bind_url"], hub.own_url(wanted.hub)) == (bound, reached)


def test_the_configuration_says_what_the_settings_say():
    given = {"memory_limit": "16G", "cpu_limit": 1.5, "allowed_groups": ["course"], "admin_groups": ["staff"], **TLS}
    c = configured(settings({**given, "idle_culler": 3600, "idle_servers": None}))
    assert (c.Spawner["mem_limit"], c.Spawner["cpu_limit"]) == ("16G", 1.5)
    assert c.JupyterHub["cleanup_servers"] is False
    assert (c.JupyterHub["ssl_cert"], c.JupyterHub["ssl_key"]) == ("/etc/ssl/lab.pem", "/etc/ssl/lab.key")
    assert c.LocalAuthenticator["allowed_groups"] == {"course", "staff"}
    assert (c.PAMAuthenticator["admin_groups"], c.Authenticator["allow_all"]) == ({"staff"}, False)
    assert c.Authenticator["blocked_users"] == {"root"}
    assert c.JupyterHub["services"][0]["command"][-1] == "--timeout=3600"
    assert "--MappingKernelManager.cull_busy=False" in c.Spawner["args"]
    assert not [word for word in c.Spawner["args"] if "shutdown_no_activity" in word]


def test_without_groups_everybody_with_an_account_may():
    c = configured(settings({"admin_groups": ["staff"]}))
    assert (c.Authenticator["allow_all"], c.LocalAuthenticator["allowed_groups"]) == (True, set())
    assert "services" not in c.JupyterHub and "ssl_cert" not in c.JupyterHub


def test_no_value_can_be_code_whatever_it_holds():
    evil = "x'\"\n\\\nimport os; os.abort()  # {{ 7 * 7 }} {% raw %} \u202e\ud800"
    wanted = Hub.model_construct(
        **{**settings({}).hub.__dict__, "pam_service": evil, "certificate": evil, "certificate_key": evil,
           "allowed_groups": (evil,), "memory_limit": evil}
    )  # fmt: skip
    c = configured(Settings.model_construct(**{**settings({}).__dict__, "hub": wanted}))
    assert c.PAMAuthenticator["service"] == c.JupyterHub["ssl_cert"] == c.Spawner["mem_limit"] == evil
    assert c.LocalAuthenticator["allowed_groups"] == {evil}


def test_limits_by_systemds_names():
    assert hub.limits(settings({"memory_limit": "3M", "cpu_limit": 0.25}).hub) == {
        "MemoryMax": 3 * 1024**2,
        "CPUQuotaPerSecUSec": 250_000,
    }
    assert hub.limits(settings({}).hub) == {}


def test_where_systemd_is_too_old_the_hub_is_refused():
    systems.check_hub(System("rocky", "9.6", "", ("rhel",)))
    with pytest.raises(HostError, match="need systemd 243, it has 239"):
        systems.check_hub(System("rocky", "8.10", "", ("rhel",)))


def test_shell_texts_are_shells():
    wanted = settings({"address": "0.0.0.0", **TLS})
    (line,) = [line for line in hub.unit(wanted).splitlines() if line.startswith("ExecStartPre=")]
    inner = line.removeprefix("ExecStartPre=/bin/sh -c '").removesuffix("'")
    for text in (inner, hub.command(wanted), HubNow().command(record=hub.record(wanted)), operations._START):
        assert "'" not in inner
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def shell(text: str) -> list[str]:
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True).stdout.splitlines()


def test_what_is_in_the_way_is_found(tmp_path):
    ours, theirs, link = tmp_path / "ours", tmp_path / "it's theirs", tmp_path / "link"
    ours.write_text("#!/bin/sh\n# Managed by labprov: x\n")
    theirs.write_text("#!/bin/sh\n")
    link.symlink_to("nowhere")
    command = InTheWay().command(
        ours=[str(ours), str(theirs), str(link), str(tmp_path / "none")],
        needed=[str(ours), "/none such"],
        groups=["root", "no-such-group"],
        pam=["/no/pam.d/x", "/none/x"],
    )
    found = shell(command)
    assert found == [
        f"foreign {theirs}",
        f"foreign {link}",
        "missing /none such",
        "group no-such-group",
        "missing /no/pam.d/x",
    ]
    assert shell(OwnFiles().command(paths=[str(ours), str(theirs), "/none"])) == [str(ours)]


STARTED = {hub.CONFIG: operations._sha256("config"), hub.UNIT: operations._sha256("unit"), "": ".labprov/x-1-0"}


def running(monkeypatch, state: HubState, built: bool = True, locks: Path = Path("/none")) -> list[str]:
    """The commands that ``running`` gives on a host in that state."""
    made = settings({}).environments()
    wanted = request(ENVIRONMENT, made, DEBIAN, hardware(DEBIAN, (), "", tables.load()))
    lock = canonical({"labprov": 1, "request": wanted.data, "conda": [], "pip": []})
    (locks / wanted.lock_name).write_text(lock)
    facts = {HubNow: state, EnvironmentsAt: Environments({ENVIRONMENT: digest_of(lock)} if built else {})}
    monkeypatch.setattr(
        operations, "host", SimpleNamespace(get_fact=lambda fact, **_: facts[fact], noop=lambda _: None)
    )
    given = ("/opt/conda", wanted, str(locks), "config", "unit", "record", "http://127.0.0.1:8000/")
    return [str(command).partition(" && ")[0] for command in operations.running._inner(*given)]


RESTART, ENABLE = "systemctl daemon-reload", "systemctl enable jupyterhub.service"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (HubState(True, True, STARTED, STARTED), []),
        (HubState(False, True, STARTED, STARTED), [ENABLE]),
        (HubState(True, False, STARTED, STARTED), [RESTART]),
        (HubState(), [ENABLE, RESTART]),
        (HubState(True, True, STARTED | {hub.CONFIG: "older"}, STARTED), [RESTART]),
        (HubState(True, True, STARTED | {"": ".labprov/x-0-0"}, STARTED), [RESTART]),
        (HubState(True, True, STARTED, STARTED | {"/etc/ssl/lab.pem": "renewed"}), [RESTART]),
        (HubState(True, True, {}, STARTED), [RESTART]),
        # In a plan the new file is not there yet: what it will be counts.
        (HubState(True, True, STARTED | {hub.CONFIG: "older"}, STARTED | {hub.CONFIG: "older"}), [RESTART]),
    ],
)
def test_the_hub_is_restarted_for_something_newer_and_for_nothing_else(monkeypatch, tmp_path, state, expected):
    assert running(monkeypatch, state, locks=tmp_path) == expected


def test_the_hub_is_restarted_for_an_environment_that_is_still_to_be_built(monkeypatch, tmp_path):
    assert running(monkeypatch, HubState(True, True, STARTED, STARTED), built=False, locks=tmp_path) == [RESTART]


def test_the_hubs_state_is_read_from_what_the_host_prints():
    output = ["is enabled", "is active", "started aa  /etc/x.py", "started .labprov/e-1-0", "now bb  /etc/x.py"]
    state = HubState(True, True, {"/etc/x.py": "aa", "": ".labprov/e-1-0"}, {"/etc/x.py": "bb"})
    assert HubNow().process(output) == state
    assert HubNow().process(["is disabled", "is inactive", ""]) == HubState()
