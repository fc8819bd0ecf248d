"""What `labprov lock --upgrade` is of, and what it says of moves. No host."""

from __future__ import annotations

import pytest

from labprov.errors import UserError
from labprov.lock import classes
from labprov.lock.command import moves
from labprov.lock.follow import follow
from labprov.lock.model import Section
from labprov.lock.upgrade import EVERYTHING, moving
from lock_lab import A100, DOCKER, DRIVER, P100, TABLES, Lab, host_class, newer


def test_what_an_upgrade_is_of(tmp_path):
    lab = Lab(
        tmp_path,
        "hosts: [gpu1, gpu2]\ngroups: {old: {hosts: [gpu2]}}",
        gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER),
    )

    def moves_of(*names):
        of = moving(lab.base, lab.lock.section, names)
        return {(h, r) for h in ("gpu1", "gpu2") for r in ("nvidia_driver", "docker") if of(h, r)}

    assert moves_of() == set()
    assert len(moves_of(EVERYTHING)) == 4
    assert moves_of("docker") == {("gpu1", "docker"), ("gpu2", "docker")}
    assert moves_of("nvidia-kernel-open-dkms") == {("gpu1", "nvidia_driver"), ("gpu2", "nvidia_driver")}
    assert moves_of("old") == moves_of("gpu2") == {("gpu2", "nvidia_driver"), ("gpu2", "docker")}
    with pytest.raises(UserError, match="'dokcer' is no role, locked package, host or group"):
        moves_of("dokcer")


def test_what_moves_is_not_followed(tmp_path):
    lab = Lab(tmp_path, "hosts: [gpu1, gpu2]", gpu1=host_class(nvidia_driver=DRIVER, docker=DOCKER))
    hardware = {"gpu1": classes.hardware(A100, TABLES), "gpu2": classes.hardware(A100, TABLES)}
    of = moving(lab.base, lab.lock.section, ["nvidia_driver"])
    followed = follow(lab.base, lab.lock, hardware, of)
    assert {key for key in followed.held} == {("gpu1", "docker"), ("gpu2", "docker")}


def test_moves_are_told_old_to_new_once_for_all_hosts():
    one, moved = host_class(nvidia_driver=DRIVER), host_class(nvidia_driver=newer())
    before = classes.regroup(Section(), {"a": one, "b": one, "d": one})
    after = classes.regroup(before, {"a": moved, "b": moved, "c": host_class(P100)}, ["d"])
    assert moves(before, after) == {
        "nvidia_driver: version: 580.178.04 -> 580.200.01": ["a", "b"],
        "nvidia_driver: nvidia-driver-cuda, nvidia-kernel-open-dkms: 580.178.04-1 -> 580.200.01-1": ["a", "b"],
        "locked as debian12-p100-pcie-16gb": ["c"],
        "is no longer in the inventory: removed": ["d"],
    }
