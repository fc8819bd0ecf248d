"""Batches: how hosts are cut up, and when the next batch may not start."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labprov import inventory
from labprov.errors import UserError
from labprov.rollout import Line, lines, split

NAMES = st.lists(st.text("abc", min_size=1), unique=True, max_size=40)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), NAMES)
def test_every_host_is_in_one_batch_in_order(sizes, names):
    batches = split(sizes, names)
    assert [name for batch in batches for name in batch] == names
    for number, batch in enumerate(batches[:-1]):
        assert len(batch) == sizes[min(number, len(sizes) - 1)]


def load(tmp_path: Path, text: str):
    path = tmp_path / "lab.yml"
    path.write_text(text)
    return lines(inventory.load(path).select())


def test_without_serial_all_hosts_start_at_once(tmp_path):
    assert load(tmp_path, "hosts:\n  n[1:5]: {}") == [Line((("n1", "n2", "n3", "n4", "n5"),), None)]


@pytest.mark.parametrize(
    ("serial", "sizes"),
    [("1", [1] * 10), ("25%", [2] * 5), ("[1, 5, 10]", [1, 5, 4]), ('["10%", 3]', [1, 3, 3, 3]), ("1%", [1] * 10)],
)
def test_serial(tmp_path, serial, sizes):
    (line,) = load(tmp_path, f"serial: {serial}\nhosts:\n  n[01:10]: {{}}")
    assert [len(batch) for batch in line.batches] == sizes
    assert line.max_failures == 0


def test_groups_have_lines_of_their_own(tmp_path):
    groups = "  a: {serial: 1, hosts: ['a[1:2]']}\n  b: {serial: 2, max_failures: 1, hosts: ['b[1:3]']}"
    text = f"groups:\n{groups}\nhosts: {{c: }}"
    found = {line.batches: line.max_failures for line in load(tmp_path, text)}
    assert found == {(("a1",), ("a2",)): 0, (("b1", "b2"), ("b3",)): 1, (("c",),): None}


def test_too_many_failures_stop_the_line_they_are_in():
    line = Line((("a", "b"), ("c",)), 1)
    assert line.may_go_on({"a", "elsewhere", "other"})
    assert not line.may_go_on({"a", "b"})


@pytest.mark.parametrize("serial", ["0", "-1", "half", "true", "120%", "[]", "1.5"])
def test_bad_serial_names_file_line_and_key(tmp_path, serial):
    with pytest.raises(UserError, match=r"lab\.yml:1: serial: should"):
        load(tmp_path, f"serial: {serial}\nhosts: {{a: }}")


def test_bad_max_failures(tmp_path):
    with pytest.raises(UserError, match=r"lab\.yml:2: max_failures: should be a number"):
        load(tmp_path, "serial: 1\nmax_failures: few\nhosts: {a: }")
