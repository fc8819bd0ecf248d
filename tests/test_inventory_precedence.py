"""Precedence and provenance, against a model that is as plain as can be."""

from functools import reduce
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labprov.errors import UserError
from labprov.inventory import Host, load

HOST = "x"
_leaf = st.integers(1, 2) | st.sampled_from(["a", [1], [1, 2], None, True])
_option = {"a": _leaf, "b": _leaf, "m": st.fixed_dictionaries({}, optional={"p": _leaf, "q": _leaf})}
_settings = st.fixed_dictionaries(
    {}, optional={role: st.fixed_dictionaries({}, optional=_option) for role in ("docker", "cuda")}
)


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Inventories with one host, in some of four groups that nest without cycles."""
    names = ["g0", "g1", "g2", "g3"]
    groups = {
        name: {
            "groups": draw(st.lists(st.sampled_from(names[index + 1 :]), unique=True)) if index < 3 else [],
            "hosts": [HOST] if draw(st.booleans()) else [],
            "settings": draw(_settings),
        }
        for index, name in enumerate(names)
    }
    order = draw(st.permutations(names))
    return {
        "settings": draw(_settings),
        "groups": {name: groups[name] for name in order},
        "hosts": {HOST: {"settings": draw(_settings)}},
    }


def model(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the host's settings for every order in which groups of the same depth could be applied."""
    groups = data["groups"]

    def depth(name: str) -> int:
        return max((1 + depth(parent) for parent in groups if name in groups[parent]["groups"]), default=0)

    def inside(name: str) -> bool:
        return bool(groups[name]["hosts"]) or any(inside(child) for child in groups[name]["groups"])

    levels = [[name for name in groups if inside(name) and depth(name) == level] for level in range(4)]
    results = []
    for orders in product(*(permutations(level) for level in levels)):
        names = [name for order in orders for name in order]
        layers = [data["settings"], *(groups[name]["settings"] for name in names), data["hosts"][HOST]["settings"]]
        results.append(reduce(over, layers, {}))
    return results


def over(low: Any, high: Any) -> Any:
    if isinstance(low, dict) and isinstance(high, dict):
        return low | {key: over(low[key], value) if key in low else value for key, value in high.items()}
    return high


def exact(value: Any) -> str:
    """Make ``1`` and ``True`` differ; the order of keys does not matter."""
    return repr(sorted((k, exact(v)) for k, v in value.items())) if isinstance(value, dict) else repr(value)


def loaded(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Host:
    path = tmp_path_factory.getbasetemp() / "precedence.yml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return load(path, {}).hosts[HOST]


@settings(deadline=None, max_examples=200)
@given(data=inventories())
def test_precedence_is_that_of_the_model(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Loads to what every order of equal groups gives; is refused exactly when their order would matter."""
    results = model(data)
    try:
        host = loaded(data, tmp_path_factory)
    except UserError as error:
        assert "conflicts with" in str(error)
        assert len({exact(result) for result in results}) > 1
    else:
        tree = {role: options.plain() for role, options in host.settings.items()}
        assert {exact(result) for result in results} == {exact(tree)}


def numbered(value: Any, numbers: Any) -> Any:
    """Give every leaf a text of its own, so that its line in the file is known."""
    if isinstance(value, dict):
        return {key: numbered(child, numbers) for key, child in value.items()}
    return f"leaf-{next(numbers)}-"


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        return [leaf for key, child in value.items() for leaf in leaves(child, (*path, key))]
    return [(path, value)]


@settings(deadline=None, max_examples=200)
@given(data=inventories())
def test_every_value_knows_the_line_and_key_that_it_was_written_at(
    data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    numbers = iter(range(10_000))
    for body in [data, *data["groups"].values(), data["hosts"][HOST]]:
        body["settings"] = numbered(body["settings"], numbers)
    try:
        host = loaded(data, tmp_path_factory)
    except UserError:
        return
    lines = host.where.file.read_text().splitlines()
    for role, options in host.settings.items():
        for path, text in leaves(options.plain()):
            where = options.where(*path)
            assert text in lines[where.line - 1]
            assert where.key.endswith(".".join(["settings", role, *path]))
            written = reduce(lambda node, key: node[key], where.key.split("."), data)
            assert written == text
            assert host.origin("settings", role, *path) == where


def test_a_deeper_group_or_the_host_decides_what_equal_groups_disagree_about(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""
groups:
  a: {hosts: [x, y], port: 1, groups: [c]}
  b: {hosts: [x, y], port: 2}
  c: {hosts: [x], port: 3}
hosts:
  y: {port: 4}
""")
    hosts = load(tmp_path / "lab.yml", {}).hosts
    assert (hosts["x"].connection.port, hosts["y"].connection.port) == (3, 4)
    assert hosts["x"].groups == ("a", "b", "c")
    assert hosts["y"].groups == ("a", "b")


def test_depth_is_the_longest_path(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""
groups:
  leaf: {hosts: [x], port: 3}
  top: {groups: [leaf, middle], port: 1}
  middle: {groups: [leaf], port: 2}
""")
    host = load(tmp_path / "lab.yml", {}).hosts["x"]
    assert host.connection.port == 3
    assert host.groups == ("top", "middle", "leaf")


def test_depth_is_the_longest_path_whatever_the_order(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""
groups:
  other: {groups: [leaf]}
  leaf: {hosts: [x], port: 3}
  middle: {groups: [leaf], port: 2}
  top: {groups: [middle]}
  another: {groups: [leaf]}
  under: {hosts: [x], port: 5}
""")
    host = load(tmp_path / "lab.yml", {}).hosts["x"]
    assert host.groups == ("other", "top", "another", "under", "middle", "leaf")
    assert host.connection.port == 3


def test_a_value_beside_a_mapping_below_another_mapping_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""
groups:
  a: {hosts: [x], mirrors: {cuda: {key: k}}}
  b: {hosts: [x], mirrors: {cuda: u}}
hosts:
  x: {mirrors: {cuda: {url: v}}}
""")
    with pytest.raises(UserError, match=r"b\.mirrors\.cuda: conflicts with .*a\.mirrors\.cuda for host 'x'"):
        load(tmp_path / "lab.yml", {})


def test_a_value_replaces_a_mapping_and_a_mapping_a_value(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""
mirrors: {docker: {url: u}, cuda: v, conda: {url: w, key: k}}
hosts:
  x: {mirrors: {docker: d, cuda: {url: c}, conda: {url: x}}}
""")
    host = load(tmp_path / "lab.yml", {}).hosts["x"]
    assert host.mirrors.plain() == {"docker": "d", "cuda": {"url": "c"}, "conda": {"url": "x", "key": "k"}}
    assert str(host.mirrors.where("conda", "key")).endswith("lab.yml:2: mirrors.conda.key")
    assert str(host.mirrors.where("conda", "url")).endswith("lab.yml:4: hosts.x.mirrors.conda.url")
