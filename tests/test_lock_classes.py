"""Classes of hosts in a lock: who shares one, what they are called, how they move. No host."""

from __future__ import annotations

import pytest

from labprov.lock import classes
from labprov.lock.model import Entry, Section
from lock_lab import A100, DRIVER, P100, RTX_5090, TABLES, host_class, newer, profile


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (A100, "debian12-a100-sxm4-40gb"),
        (profile("20b0", "20b0", "15f8"), "debian12-p100-pcie-16gb+a100-sxm4-40gb"),
        (RTX_5090, "debian12-rtx-5090"),
        (profile(), "debian12-no-gpu"),
        (profile("ffff"), "debian12-gpu-ffff"),
        (profile("2b85", secure_boot=True), "debian12-rtx-5090-secure-boot"),
    ],
)
def test_classes_have_readable_names(what, name):
    assert classes.name_of(classes.hardware(what, TABLES)) == name


def test_hosts_that_have_everything_alike_share_a_class():
    one, other = host_class(nvidia_driver=DRIVER), host_class(P100, nvidia_driver=DRIVER)
    section = classes.regroup(Section(), {"b": one, "a": one, "c": other})
    assert section.hosts == {
        "a": "debian12-a100-sxm4-40gb",
        "b": "debian12-a100-sxm4-40gb",
        "c": "debian12-p100-pcie-16gb",
    }
    assert all(each.digest == each.computed() for each in section.classes.values())


def test_a_host_that_moves_leaves_the_others_and_they_follow():
    one = host_class(nvidia_driver=DRIVER)
    moved = host_class(nvidia_driver=newer())
    section = classes.regroup(Section(), {"a": one, "b": one, "c": one})
    canary = classes.regroup(section, {"b": moved})
    name = "debian12-a100-sxm4-40gb"
    assert canary.hosts == {"a": name, "b": f"{name}-2", "c": name}
    assert canary.classes[name] == section.classes[name]
    all_moved = classes.regroup(canary, {"a": moved, "c": moved})
    assert set(all_moved.hosts.values()) == {f"{name}-2"} == set(all_moved.classes)
    at_once = classes.regroup(section, {"a": moved, "b": moved, "c": moved})
    assert set(at_once.hosts.values()) == {name}


def test_a_host_with_another_card_goes_into_a_class_of_that_name():
    section = classes.regroup(Section(), {"a": host_class(nvidia_driver=DRIVER)})
    assert classes.regroup(section, {"a": host_class(P100, nvidia_driver=DRIVER)}).hosts == {
        "a": "debian12-p100-pcie-16gb"
    }


def test_hosts_that_are_gone_take_their_class_along():
    section = classes.regroup(Section(), {"a": host_class(), "b": host_class(P100)})
    assert classes.regroup(section, {}, ["b"]) == classes.regroup(Section(), {"a": host_class()})


def test_what_one_host_found_out_completes_its_class():
    bare = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open"}))
    section = classes.regroup(Section(), {"a": bare, "b": bare})
    full = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open", "version": "580.178.04"}))
    spread = classes.regroup(section, classes.spread(section, {"a": full}))
    assert len(spread.classes) == 1 and set(spread.hosts) == {"a", "b"}
    other = host_class(nvidia_driver=Entry(settings={"branch": 595, "flavour": "open"}))
    assert classes.spread(section, {"a": other}) == {"a": other}


def test_bare_hosts_take_versions_of_others_like_them():
    bare = host_class(nvidia_driver=Entry(settings={"branch": 580, "flavour": "open", "source": "vendor"}))
    shared = classes.share(
        {"a": bare, "b": host_class(nvidia_driver=DRIVER), "c": host_class(P100, nvidia_driver=newer())}
    )
    assert shared["a"].roles["nvidia_driver"] == DRIVER
    other = host_class(nvidia_driver=Entry(settings={"branch": 595}))
    assert classes.share({"a": other, "b": host_class(nvidia_driver=DRIVER)})["a"].roles == other.roles


def test_the_order_of_hosts_does_not_matter():
    hosts = {"a": host_class(nvidia_driver=DRIVER), "b": host_class(nvidia_driver=newer()), "c": host_class(P100)}
    assert classes.regroup(Section(), hosts) == classes.regroup(Section(), dict(reversed(hosts.items())))
