"""``--limit`` patterns."""

from pathlib import Path

import pytest

from labprov.errors import UserError
from labprov.inventory import Inventory, load

TEXT = """
groups:
  gpu: {groups: [old, new]}
  new: {hosts: ["gpu-[03:05]"]}
  old: {hosts: ["gpu-[01:02]"]}
  teaching: {hosts: [ws-a, gpu-01]}
hosts: {login: }
"""
ALL = "gpu-03 gpu-04 gpu-05 gpu-01 gpu-02 ws-a login"


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "lab.yml").write_text(TEXT)
    return load(tmp_path / "lab.yml", {})


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        ([], ALL),
        (["all"], ALL),
        (["*"], ALL),
        (["gpu-01"], "gpu-01"),
        (["old"], "gpu-01 gpu-02"),
        (["gpu"], "gpu-03 gpu-04 gpu-05 gpu-01 gpu-02"),
        (["login,gpu-01"], "gpu-01 login"),
        (["login", "gpu-01"], "gpu-01 login"),
        (["login", " gpu-01 , old,"], "gpu-01 gpu-02 login"),
        (["gpu-0[1:3]"], "gpu-03 gpu-01 gpu-02"),
        (["gpu-[02:99]"], "gpu-03 gpu-04 gpu-05 gpu-02"),
        (["gpu-0[13]"], "gpu-03 gpu-01"),
        (["gpu-0[!13]"], "gpu-04 gpu-05 gpu-02"),
        (["gpu-*"], "gpu-03 gpu-04 gpu-05 gpu-01 gpu-02"),
        (["*-a"], "ws-a"),
        (["t*"], "gpu-01 ws-a"),
        (["gpu-0?"], "gpu-03 gpu-04 gpu-05 gpu-01 gpu-02"),
        (["!gpu"], "ws-a login"),
        (["gpu,!gpu-01"], "gpu-03 gpu-04 gpu-05 gpu-02"),
        (["!gpu-01,gpu"], "gpu-03 gpu-04 gpu-05 gpu-02"),
        (["gpu", "!gpu-01"], "gpu-03 gpu-04 gpu-05 gpu-02"),
        (["gpu,&teaching"], "gpu-01"),
        (["&teaching"], "gpu-01 ws-a"),
        (["&teaching,&old"], "gpu-01"),
        (["gpu,login,&teaching,!new"], "gpu-01"),
        (["!gpu-[01:04]"], "gpu-05 ws-a login"),
    ],
)
def test_a_limit_chooses_hosts_in_the_order_of_the_file(inventory: Inventory, limit: list[str], hosts: str) -> None:
    assert [host.name for host in inventory.select(limit)] == hosts.split()


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (["gpu-1"], "the limit 'gpu-1' matches no host or group (did you mean 'gpu-01'?)"),
        (["teachin"], "the limit 'teachin' matches no host or group (did you mean 'teaching'?)"),
        (["xyz"], "the limit 'xyz' matches no host or group (groups: all, gpu, new, old, teaching)"),
        (["gpu,!gpu-1"], "the limit 'gpu-1' matches no host or group (did you mean 'gpu-01'?)"),
        (["gpu,&xyz"], "the limit 'xyz' matches no host or group (groups: all, gpu, new, old, teaching)"),
        (["xyz-*"], "the limit 'xyz-*' matches no host or group (groups: all, gpu, new, old, teaching)"),
        (["GPU"], "the limit 'GPU' matches no host or group (groups: all, gpu, new, old, teaching)"),
        (["gpu-[06:09]"], "the limit 'gpu-[06:09]' matches no host or group (groups: all, gpu, new, old, teaching)"),
        (["gpu-[3:1]"], "the limit 'gpu-[3:1]': bad range [3:1]: the last comes before the first"),
        (["old,&new"], "the limit 'old,&new' leaves no host"),
        (["!all"], "the limit '!all' leaves no host"),
        ([""], "the limit is empty (leave it out to mean all hosts)"),
        ([" , "], "the limit is empty (leave it out to mean all hosts)"),
        (["!"], "the limit '' matches no host or group (groups: all, gpu, new, old, teaching)"),
    ],
)
def test_a_limit_that_matches_nothing_is_an_error(inventory: Inventory, limit: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        inventory.select(limit)
    assert str(error.value) == message
