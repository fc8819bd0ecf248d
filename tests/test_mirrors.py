"""Mirrors of an inventory: presets, what is written on top, where each location comes from; the data's schema."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from labprov import inventory, plan, role
from labprov.errors import UserError
from labprov.mirrors import Mirrors, origins, presets
from labprov.mirrors.model import ARCHIVES
from labprov_roles.docker import systems

DOCKERS = "https://download.docker.com"


def load(tmp_path: Path, text: str) -> inventory.Inventory:
    (tmp_path / "lab.yml").write_text(text)
    return inventory.load(tmp_path / "lab.yml")


def of(tmp_path: Path, text: str, host: str = "a", name: str = "base") -> Mirrors:
    return plan.settings_of(role.load(name), load(tmp_path, text).hosts[host]).mirrors


@pytest.mark.parametrize("name", sorted(presets.load().presets))
def test_every_row_of_the_data_is_a_location_that_mirrors_have(name: str) -> None:
    preset = presets.load().presets[name]
    assert preset.mirrors and set(preset.mirrors) <= set(Mirrors.model_fields) - {"preset", "registry"}
    assert not {"debian_security", "ubuntu_security"} & set(preset.mirrors), (
        "they come later there than at the vendor's"
    )
    assert not set(preset.lacks) & set(preset.mirrors)
    assert set(preset.lacks) <= set(Mirrors.model_fields)
    for key, row in preset.mirrors.items():
        assert row.url.startswith("https://") and not row.url.endswith("/"), key
        assert date(2026, 1, 1) <= row.date <= date.today() or date.today() < date(2026, 11, 22), key
    # What is neither there nor known to lack is said to be lacking without a reason: that should not be the rule.
    vendors = {o.key for o in origins.origins({"preset": name}) if o.by == "vendor"}
    assert vendors <= {*preset.lacks, "epel"}


def test_a_preset_by_its_name_alone(tmp_path: Path) -> None:
    found = of(tmp_path, "mirrors: tuna\nhosts: [a]\n")
    assert found.docker.url == "https://mirrors.tuna.tsinghua.edu.cn/docker-ce"
    assert found.pip == "https://pypi.tuna.tsinghua.edu.cn/simple"
    assert found.cuda.url.startswith("https://developer.download.nvidia.com/"), "it has none: the vendor's"
    assert found.debian_security is None


def test_what_is_written_wins_over_the_preset_from_whatever_place(tmp_path: Path) -> None:
    text = (
        "mirrors: {preset: tuna, docker: https://own.example/docker/, pip: }\n"
        "groups: {g: {mirrors: ustc, hosts: [a]}}\nhosts: {b: {mirrors: {registry: https://hub.example}}}\n"
    )
    a, b = of(tmp_path, text, "a"), of(tmp_path, text, "b")
    assert (a.preset, b.preset) == ("ustc", "tuna")
    assert a.docker.url == b.docker.url == "https://own.example/docker"
    assert a.pip is None and b.pip is None, "written without a value: left as the host has it"
    assert a.nvidia_container_toolkit.url == "https://mirrors.ustc.edu.cn/libnvidia-container"
    assert b.registry == ("https://hub.example",)


def test_a_key_without_a_value_is_the_vendors(tmp_path: Path) -> None:
    assert of(tmp_path, "mirrors: {preset: tuna, docker: }\nhosts: [a]\n").docker.url == DOCKERS


def test_an_unknown_preset_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lab.yml:2.*: no preset .* aliyun, .*tuna, ustc, got 'tsinghua'") as caught:
        of(tmp_path, "hosts: [a]\nmirrors: tsinghua\n")
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["mirrors: {pip: 'ftp://x/simple'}", "mirrors: {debian: 7}", "mirrors: [tuna]"])
def test_what_is_no_location_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"lab.yml:2"):
        of(tmp_path, f"hosts: [a]\n{text}\n")


def test_a_hostile_location_never_becomes_one() -> None:
    for url in ("https://x/'; rm -rf /", "https://x/\nindex-url = y", "https://x/$(id)`id`", "https://x/ y"):
        with pytest.raises(ValidationError):
            Mirrors(pip=url)


def test_origins_tell_each_location_and_why_a_vendors() -> None:
    found = {o.key: o for o in origins.origins({"preset": "sjtug", "docker": "https://own.example", "epel": None})}
    assert (found["docker"].by, found["docker"].url) == ("inventory", "https://own.example")
    assert found["debian"].by == "sjtug"
    assert found["cuda"].by == "vendor" and found["cuda"].why == "not mirrored"
    assert found["epel"].by == "vendor"
    assert "rocky" in found and not set(found) & {"preset", "debian_security", "registry"}
    assert all(o.by == "vendor" and not o.why for o in origins.origins({}))
    assert not set(ARCHIVES) & {o.key for o in origins.origins({})}, "left as the hosts have them"


def test_lines_say_what_comes_from_where() -> None:
    assert origins.lines({"docker": "https://own.example"}) == []
    first, own, vendors = origins.lines({"preset": "ustc", "docker": "https://own.example"})
    assert "ustc" in first and "debian" in first and "almalinux (uncertain)" in first and "docker" not in first
    assert own == "mirrors from the inventory: docker"
    assert "cuda (not mirrored)" in vendors


def test_hosts_are_named_only_where_they_differ() -> None:
    same = origins.told({"a": {"preset": "tuna"}, "b": {"preset": "tuna"}})
    assert same and not any(line.startswith("a") for line in same)
    assert any(
        line.startswith("a: mirrors from the preset") for line in origins.told({"a": {"preset": "tuna"}, "b": {}})
    )


def test_roles_take_what_the_inventory_names_unless_they_have_their_own(tmp_path: Path) -> None:
    text = (
        "mirrors: {registry: [https://hub.example], anaconda: 'https://m.example/pkgs/', pip: 'https://m.example/simple'}\n"
        "hosts: {a: {}, b: {settings: {docker: {registry_mirrors: []}, miniconda: {accept_anaconda_terms: true}}}}\n"
    )
    hosts = load(tmp_path, text).hosts
    docker = {name: plan.settings_of(role.load("docker"), host) for name, host in hosts.items()}
    assert systems.daemon_keys(docker["a"]).keys["registry-mirrors"] == ["https://hub.example"]
    assert "registry-mirrors" not in systems.daemon_keys(docker["b"]).keys, "none, it says"
    conda = {name: plan.settings_of(role.load("miniconda"), host) for name, host in hosts.items()}
    assert conda["a"].anacondas_channels == (), "without their terms they are not used"
    assert conda["b"].anacondas_channels == ("https://m.example/pkgs/main", "https://m.example/pkgs/r")
