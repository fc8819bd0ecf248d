"""Whole inventories: the example, what a host gets, YAML's corners, and the time that it takes."""

import time
from pathlib import Path

import pytest

from labprov.errors import Where
from labprov.inventory import Inventory, Tree, load

EXAMPLE = Path(__file__).parents[1] / "inventories" / "example.yml"


def written(tmp_path: Path, text: str) -> Inventory:
    path = tmp_path / "lab.yml"
    path.write_text(text, encoding="utf-8")
    return load(path, {})


def test_the_example_is_valid_and_means_what_its_comments_say() -> None:
    inventory = load(EXAMPLE, {})
    assert len(inventory.hosts) == 11
    assert inventory.groups["gpu"] == tuple(f"gpu-0{n}" for n in (5, 6, 7, 8, 1, 2, 3, 4))
    new, hand, course = inventory.hosts["gpu-08"], inventory.hosts["gpu-03"], inventory.hosts["gpu-01"]
    assert new.connection.address == "gpu-08.lab.example.edu"
    assert new.connection.jump == "gateway.lab.example.edu"
    assert new.settings["cuda"].plain() == {"versions": ["12.4", "12.8"], "default": "12.4"}
    assert (hand.connection.address, hand.connection.port) == ("192.0.2.13", 2222)
    assert course.groups == ("gpu", "teaching", "gpu-old")
    assert course.settings["docker"].plain() == {
        "registry_mirrors": ["https://registry.lab.example.edu"],
        "users": ["admin"],
        "data_root": "/srv/docker",
    }
    assert inventory.hosts["workstation-b"].groups == ()
    assert load(EXAMPLE, {"LAB_CUDA_MIRROR": "http://near/cuda"}).hosts["gpu-01"].mirrors.plain()["cuda"] == {
        "url": "http://near/cuda"
    }


def test_the_example_uses_every_key() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    from labprov.inventory.schema import TOP_KEYS

    assert [key for key in TOP_KEYS if f"{key}:" not in text and f"{key} (" not in text] == []


def test_hosts_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    inventory = written(tmp_path, "hosts:\n  z:\n  n-[2:3]:\ngroups:\n  g: {hosts: [b, z, a]}\n")
    assert list(inventory.hosts) == ["z", "n-2", "n-3", "b", "a"]
    assert inventory.groups == {"all": ("z", "n-2", "n-3", "b", "a"), "g": ("z", "b", "a")}
    inventory = written(tmp_path, "groups:\n  g: {hosts: [b, z, a]}\nhosts:\n  z:\n  n:\n")
    assert list(inventory.hosts) == ["b", "z", "a", "n"]


def test_what_is_not_set_is_left_to_ssh(tmp_path: Path) -> None:
    connection = written(tmp_path, "hosts: [gpu-01]\n").hosts["gpu-01"].connection
    assert connection.model_dump() == {
        "address": "gpu-01",
        "port": None,
        "user": None,
        "key": None,
        "sudo": False,
        "known_hosts": None,
        "host_keys": "strict",
        "jump": None,
        "connect_timeout": 10,
    }


@pytest.mark.parametrize(
    ("key", "path"),
    [("~/.ssh/lab", "/home/me/.ssh/lab"), ("keys/lab", "{folder}/keys/lab"), ("/etc/key", "/etc/key")],
)
def test_paths_start_at_home_or_at_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, path: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path / "lab.yml").write_text(f"hosts: {{a: {{key: {key}, known_hosts: {key}}}}}\n")
    connection = load(Path(tmp_path.name, "lab.yml"), {}).hosts["a"].connection
    assert str(connection.key) == str(connection.known_hosts) == path.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "sudo"),
    [("user: root", False), ("port: 2", False), ("user: admin", True), ("user: admin, sudo: no", False)],
)
def test_sudo_is_on_when_a_user_other_than_root_is_set(tmp_path: Path, text: str, sudo: bool) -> None:
    assert written(tmp_path, f"hosts: {{a: {{{text}}}}}\n").hosts["a"].connection.sudo is sudo


def test_null_undoes_what_a_group_set(tmp_path: Path) -> None:
    keys = ("port", "user", "key", "known_hosts", "jump")
    above = "".join(f"{key}: 22\n" if key == "port" else f"{key}: x\n" for key in keys)
    connection = (
        written(tmp_path, f"{above}hosts:\n  a: {{{', '.join(f'{key}: ' for key in keys)}}}\n").hosts["a"].connection
    )
    assert connection.model_dump(exclude_defaults=True) == {"address": "a", "sudo": False}


def test_a_host_may_be_set_in_a_group_and_under_hosts(tmp_path: Path) -> None:
    text = "groups:\n  g: {hosts: {a: {port: 2}, 'n[1:2]': }, user: u}\nhosts:\n  a: {user: v}\n"
    hosts = written(tmp_path, text).hosts
    assert (hosts["a"].connection.port, hosts["a"].connection.user) == (2, "v")
    assert hosts["n2"].connection.user == "u"
    assert str(hosts["a"].origin("port")).endswith("lab.yml:2: groups.g.hosts.a.port")
    assert str(hosts["a"].origin("user")).endswith("lab.yml:4: hosts.a.user")


def test_places(tmp_path: Path) -> None:
    inventory = written(
        tmp_path,
        "settings:\n"
        "  docker:\n"
        "    registry_mirrors:\n"
        "      - https://a\n"
        "      - https://b\n"
        "    label:\n"
        "      long text\n"
        "hosts:\n"
        "  a:\n"
        "    settings: {cuda: }\n",
    )
    host, path = inventory.hosts["a"], tmp_path / "lab.yml"
    docker = host.options("docker")
    assert docker.where("registry_mirrors", 1) == Where(path, 5, "settings.docker.registry_mirrors.1")
    assert docker.where("registry_mirrors") == Where(path, 3, "settings.docker.registry_mirrors")
    assert docker.where("registry_mirrors", 7, "x") == Where(path, 3, "settings.docker.registry_mirrors")
    assert docker.where("label") == Where(path, 6, "settings.docker.label")
    assert docker.where("missing") == docker.where() == Where(path, 2, "settings.docker")
    assert host.options("cuda").where("versions") == Where(path, 10, "hosts.a.settings.cuda")
    assert host.options("cuda").plain() == host.options("base").plain() == {}
    assert host.options("base").where("any") == host.where == Where(path, 9, "hosts.a")
    assert inventory.roles == {"docker": docker.where(), "cuda": host.options("cuda").where()}


def test_roles_are_known_also_where_no_host_is(tmp_path: Path) -> None:
    inventory = written(tmp_path, "hosts: [a]\ngroups:\n  later:\n    settings:\n      dokcer: {}\n")
    assert {role: str(where) for role, where in inventory.roles.items()} == {
        "dokcer": f"{tmp_path}/lab.yml:5: groups.later.settings.dokcer"
    }


def test_a_plain_tree_is_the_callers_own(tmp_path: Path) -> None:
    host = written(tmp_path, "vars: {v: [1]}\nsettings: {r: {a: [1], b: '{{ v }}'}}\nhosts: [a]\n").hosts["a"]
    first = host.settings["r"].plain()
    first["a"].append(2)
    first["b"].append(2)
    assert host.settings["r"].plain() == {"a": [1], "b": [1]}


def test_an_empty_tree_points_at_its_place() -> None:
    where = Where(Path("lab.yml"), 3, "hosts.a")
    assert Tree.empty(where).plain() == {}
    assert Tree.empty(where).where("any", 1) == where


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0x1f", 31),
        ("12.10", 12.1),
        ("0.5", 0.5),
        ("'12.10'", "12.10"),
        ("!!str 12.10", "12.10"),
        ("0644", "0644"),
        ("010", "010"),
        ("22:30", "22:30"),
        ("1:30:00", "1:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", 1000),
        ("_", "_"),
        ("=", "="),
        ("9" * 5000, "9" * 5000),
        ("Grüße 🎉", "Grüße 🎉"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars(tmp_path: Path, text: str, value: object) -> None:
    found = written(tmp_path, f"hosts: [a]\nvars:\n v: {text}\n").hosts["a"].vars["v"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_written(tmp_path: Path) -> None:
    host = written(tmp_path, "hosts: [a]\nvars: {on: 1, 12.10: 2, 010: 3, null: 4, ü: 5}\n").hosts["a"]
    assert dict(host.vars) == {"on": 1, "12.10": 2, "010": 3, "null": 4, "ü": 5}


def test_aliases_and_merge_keys_know_both_places(tmp_path: Path) -> None:
    host = written(
        tmp_path,
        "groups:\n"
        "  one: &one\n"
        "    settings:\n"
        "      docker: &docker {a: 1, b: 2}\n"
        "  two:\n"
        "    hosts: [x]\n"
        "    settings:\n"
        "      docker:\n"
        "        <<: [*docker, {b: 5, c: 3}]\n"
        "        a: 9\n"
        "      cuda: *docker\n",
    ).hosts["x"]
    assert host.settings["docker"].plain() == {"a": 9, "b": 2, "c": 3}
    assert str(host.settings["docker"].where("b")).endswith("lab.yml:4: groups.two.settings.docker.b")
    assert str(host.settings["docker"].where("a")).endswith("lab.yml:10: groups.two.settings.docker.a")
    assert str(host.settings["cuda"].where()).endswith("lab.yml:11: groups.two.settings.cuda")
    assert str(host.settings["cuda"].where("a")).endswith("lab.yml:4: groups.two.settings.cuda.a")


def test_windows_files_load(tmp_path: Path) -> None:
    path = tmp_path / "lab.yml"
    path.write_bytes(b"\xef\xbb\xbfhosts:\r\n  a:\r\n    port: 23\r\n")
    assert str(load(path, {}).hosts["a"].origin("port")) == f"{path}:3: hosts.a.port"


def test_simulation_is_said(tmp_path: Path) -> None:
    assert written(tmp_path, "hosts: [a]\n").simulation == ""
    assert written(tmp_path, "simulation: nspawn hosts\nhosts: [a]\n").simulation == "nspawn hosts"


def test_200_hosts_in_10_groups_load_fast(tmp_path: Path) -> None:
    roles = "".join(
        f"      role{r}: {{a{r}: x, b{r}: [1, 2], c{r}: {{k: v, t: '{{{{ site }}}}'}}, d{r}: 5}}\n" for r in range(8)
    )
    text = f"vars: {{site: lab.edu}}\naddress: '{{{{ host }}}}.{{{{ site }}}}'\nsettings:\n{roles}groups:\n"
    for n in range(10):
        members = (
            f"    groups: [g{n + 5}]\n" if n < 5 else f"    hosts: ['n-[{(n - 5) * 40 + 1:03d}:{(n - 4) * 40:03d}]']\n"
        )
        text += f"  g{n}:\n{members}    vars: {{v{n}: '{{{{ host }}}}'}}\n    settings:\n{roles}"
    text += "hosts:\n" + "".join(f"  n-{n:03d}: {{settings: {{role1: {{x: {n}}}}}}}\n" for n in range(1, 201))
    started = time.process_time()
    inventory = written(tmp_path, text)
    seconds = time.process_time() - started
    assert len(inventory.hosts) == 200
    assert inventory.hosts["n-200"].connection.address == "n-200.lab.edu"
    assert seconds < 1.5  # 0.15 s on two cores of 2024; CPU time, so that a busy machine does not matter
