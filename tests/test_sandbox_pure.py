"""The sandbox's pure parts: apt sources, specs, the subnet, hardware, the inventory's text. No host, no root."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
import yaml

from labprov.errors import UserError
from labprov.sandbox import NodeInfo, NodeSpec, gpu, inventory_file, network, requirements
from labprov.sandbox.apt_sources import Archive, choose, machine_archive, parse_deb822, parse_one_line
from labprov.sandbox.machine import extra_hosts, pip_settings
from labprov.sandbox.spec import check_sandbox_name

DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_deb822_sources_give_every_uri_with_every_suite():
    assert parse_deb822(DEB822) == [
        ("http://mirror.example/debian/", "bookworm"),
        ("http://mirror.example/debian/", "bookworm-updates"),
        ("http://mirror.example/security", "bookworm-security"),
    ]


@pytest.mark.parametrize("line", ["Enabled: no", "enabled: No", "Types: deb-src"])
def test_deb822_sources_that_are_off_give_nothing(line):
    text = f"Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\n{line}\n"
    assert parse_deb822(text) == []


def test_one_line_sources_with_options_comments_and_source_packages():
    text = """
    # deb http://old.example/debian bookworm main
    deb [arch=amd64 signed-by=/a/key.gpg] http://mirror.example/debian bookworm main contrib
    deb-src http://mirror.example/debian bookworm main
    deb http://mirror.example/security bookworm-security main # trailing
    """
    assert parse_one_line(text) == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/security", "bookworm-security"),
    ]


def test_the_archive_is_debians_and_not_a_vendors():
    pairs = [
        ("http://vendor.example/linux", "nodistro"),
        ("http://mirror.example/debian/", "trixie"),
        ("http://mirror.example/backports", "trixie-backports"),
        ("http://mirror.example/security/", "trixie-security"),
    ]
    assert choose(pairs) == Archive("http://mirror.example/debian", "http://mirror.example/security")


def test_a_machine_without_debian_sources_is_told_so():
    with pytest.raises(UserError, match="no Debian archive"):
        choose([("http://mirror.example/ubuntu", "noble"), ("http://mirror.example/ubuntu", "noble-security")])


def test_a_list_of_mirrors_is_followed(tmp_path):
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text("http://first.example/debian\tpriority:1\nhttp://second.example/debian\n")
    (tmp_path / "sources.list.d").mkdir()
    source = f"Types: deb\nURIs: mirror+file://{mirrors}\nSuites: bookworm\nComponents: main\n"
    (tmp_path / "sources.list.d/debian.sources").write_text(source)
    assert machine_archive(tmp_path).main == "http://first.example/debian"


def test_disabled_files_among_the_sources_are_not_read(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://mirror.example/debian bookworm main\n")
    (tmp_path / "sources.list.d/a.list.disabled").write_text("deb http://off.example/debian trixie main\n")
    assert machine_archive(tmp_path).main == "http://mirror.example/debian"


def test_a_nodes_sources_cover_updates_security_and_non_free():
    archive = Archive("http://mirror.example/debian", "http://mirror.example/security")
    assert archive.lines("trixie") == [
        "deb http://mirror.example/debian trixie main contrib non-free non-free-firmware",
        "deb http://mirror.example/debian trixie-updates main contrib non-free non-free-firmware",
        "deb http://mirror.example/security trixie-security main contrib non-free non-free-firmware",
    ]
    assert parse_deb822(archive.deb822("trixie")) == parse_one_line("\n".join(archive.lines("trixie")))


def test_a_machine_without_security_source_gives_none():
    assert not any("security" in line for line in Archive("http://mirror.example/debian", "").lines("bookworm"))
    assert "security" not in Archive("http://mirror.example/debian", "").deb822("bookworm")


def test_the_subnet_avoids_every_network_of_the_machine():
    first = network.choose_subnet("default", [])
    taken = [first, ipaddress.IPv4Network("10.255.255.53/32"), ipaddress.IPv4Network("192.168.0.0/16")]
    second = network.choose_subnet("default", taken)
    assert first.prefixlen == second.prefixlen == 24
    assert not any(second.overlaps(network) for network in taken)


def test_the_subnet_is_the_same_every_time_and_another_for_another_name():
    assert network.choose_subnet("default", []) == network.choose_subnet("default", [])
    assert network.choose_subnet("default", []) != network.choose_subnet("test", [])


def test_a_machine_that_uses_all_of_ten_is_told_so():
    with pytest.raises(UserError, match="no free subnet"):
        network.choose_subnet("default", [ipaddress.IPv4Network("10.0.0.0/8")])


def test_addresses_are_given_from_eleven_on_without_doubles():
    assert network.free_address("10.201.2.0/24", ["10.201.2.11", "10.201.2.13"]) == "10.201.2.12"
    assert network.gateway("10.201.2.12") == network.gateway("10.201.2.0/24") == "10.201.2.1"


def test_only_rules_with_exactly_our_mark_are_ours():
    listing = """-P FORWARD ACCEPT
-A FORWARD -i lps-a -m comment --comment labprov-sandbox-a -j ACCEPT
-A FORWARD -i lps-ab -m comment --comment labprov-sandbox-ab -j ACCEPT
-A FORWARD -i eth0 -m comment --comment "made like labprov-sandbox-a" -j DROP
-A FORWARD -i labprov-sandbox-a -j DROP
"""
    assert network.marked_rules(listing, "labprov-sandbox-a") == [
        ["-i", "lps-a", "-m", "comment", "--comment", "labprov-sandbox-a", "-j", "ACCEPT"]
    ]


@pytest.mark.parametrize("name", ["", "Node", "a_b", "-a", "a-", "a.b", "x" * 33, "a;b", "../a"])
def test_a_node_name_that_is_no_host_name_is_refused(name):
    with pytest.raises(UserError, match="not a node name"):
        NodeSpec(name, "debian-12")


@pytest.mark.parametrize("name", ["", "A", "twelve-chars", "a/b", ".."])
def test_a_sandbox_name_that_is_no_interface_name_is_refused(name):
    with pytest.raises(UserError, match="not a sandbox name"):
        check_sandbox_name(name)


def test_unknown_systems_and_odd_counts_are_refused_with_what_is_known():
    with pytest.raises(UserError, match=r"debian-11") as error:
        NodeSpec("a", "debian-11")  # type: ignore[arg-type]
    assert "debian-12, debian-13" in str(error.value)
    with pytest.raises(UserError, match="0 GPUs"):
        NodeSpec("a", "debian-12", (("A100", 0),))


def test_models_are_found_however_people_write_them():
    assert gpu.model("rtx5090") is not None
    assert gpu.model("RTX 5090").id == gpu.model("rtx 5090").id == "2b85"
    with pytest.raises(UserError, match="unknown GPU model 'A1000'") as error:
        gpu.model("A1000")
    assert "A100" in str(error.value)


@pytest.mark.parametrize("name", ["A100", "P100", "RTX 5090", "T4", "V100", "H100", "RTX 4090", "GTX 1080 Ti", "K80"])
def test_the_models_of_a_lab_are_there_and_older_ones_need_the_proprietary_module(name):
    model = gpu.model(name)
    expected = {"RTX 5090": "open"} | dict.fromkeys(("K80", "P100", "V100", "GTX 1080 Ti"), "proprietary")
    assert model.modules == expected.get(name, "both")
    assert model.pci_class == ("0x030000" if name.startswith(("RTX", "GTX")) else "0x030200")


def test_hardware_has_one_display_device_a_gpu_beside_the_servers_own():
    rows = [line.split() for line in gpu.hardware((("A100", 2), ("RTX 4090", 1))).splitlines() if line[0] != "#"]
    assert len({row[0] for row in rows}) == len(rows)
    nvidia = [(row[2], row[3][:4]) for row in rows if row[1] == "0x10de"]
    assert [device for device, kind in nvidia if kind == "0x03"] == ["0x20b0", "0x20b0", "0x2684"]
    assert [row[1] for row in rows if row[3].startswith("0x03") and row[1] != "0x10de"] == ["0x1a03"]
    assert [kind for _, kind in nvidia if kind != "0x03"] == ["0x04"]


def test_sixteen_cards_have_sixteen_slots():
    rows = [line.split()[0] for line in gpu.hardware((("RTX 4090", 16),)).splitlines() if " 0x030000 0x10de" in line]
    assert len(set(rows)) == 16


def infos() -> list[NodeInfo]:
    gpus = NodeSpec("n1", "debian-12", (("A100", 1),))
    return [NodeInfo(gpus, "10.201.2.11", True), NodeInfo(NodeSpec("n2", "debian-13"), "10.201.2.12", True)]


def test_the_inventory_says_that_it_is_a_simulation_and_how_to_be_rid_of_it():
    text = inventory_file.text(infos(), Path("/k"), Path("/h"))
    assert all(line.startswith("#") for line in text.split("\n\n")[0].splitlines())
    assert "SIMULATION" in text.split("\n\n")[0]
    assert "labprov sandbox down" in text.split("\n\n")[0]
    assert "simulated" in yaml.safe_load(text)["simulation"]


def test_the_inventory_reaches_every_host_and_groups_them():
    data = yaml.safe_load(
        inventory_file.text(infos(), Path("/k"), Path("/h"), {"docker": "http://m"}, {"cuda": {"a": 1}})
    )
    assert data["hosts"] == {"n1": {"address": "10.201.2.11", "port": 22}, "n2": {"address": "10.201.2.12", "port": 22}}
    assert data["groups"] == {"gpu": {"hosts": ["n1"]}, "debian_12": {"hosts": ["n1"]}, "debian_13": {"hosts": ["n2"]}}
    assert (data["user"], data["key"], data["sudo"], data["known_hosts"]) == ("admin", "/k", True, "/h")
    assert (data["mirrors"], data["settings"]) == ({"docker": "http://m"}, {"cuda": {"a": 1}})


def test_only_the_sandboxs_own_inventory_is_its_own(tmp_path):
    file = tmp_path / "i.yml"
    assert not inventory_file.is_ours(file)
    file.write_text("hosts: {}\n")
    assert not inventory_file.is_ours(file)
    file.write_text(inventory_file.text(infos(), Path("/k"), Path("/h")))
    assert inventory_file.is_ours(file)


def test_a_root_without_rights_is_told_which():
    assert requirements.missing_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n") == []
    assert requirements.missing_capabilities("CapEff:\t00000000a80425fb\n") == ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]


def test_a_machine_that_is_no_linux_is_pointed_to_the_alternatives(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(UserError, match="needs Linux") as error:
        requirements.ensure(print)
    assert "Vagrant" in str(error.value)


def test_a_user_who_is_not_root_is_pointed_to_the_alternatives(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match="needs root") as error:
        requirements.ensure(print)
    assert "Vagrant" in str(error.value)


def test_a_missing_program_names_its_package(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program, path: None if program == "mmdebstrap" else f"/bin/{program}")
    monkeypatch.setattr(requirements, "FILES", {"/nowhere/key.gpg": "debian-archive-keyring"})
    assert requirements.missing_packages() == ["debian-archive-keyring", "mmdebstrap"]


def test_a_node_gets_the_machines_other_hosts_and_no_loopback(tmp_path):
    file = tmp_path / "hosts"
    file.write_text("# c\n127.0.0.1 localhost\n127.0.1.1 me\n::1 localhost\nff02::1 all\n10.1.2.3 proxy # here\n")
    assert extra_hosts(file) == "10.1.2.3 proxy # here\n"


def test_a_node_gets_pips_way_to_the_index_and_no_password(tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text("[global]\ncert = /c.crt\nfind-links = /opt/x\nindex-url = https://u:p@index.example/simple\n")
    assert pip_settings(file) == "[global]\ncert = /c.crt\n"
    assert pip_settings(tmp_path / "none") == ""
