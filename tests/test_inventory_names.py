"""Ranges in names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labprov.inventory.names import expand, is_name


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("gpu-01", ["gpu-01"]),
        ("gpu-[01:04]", ["gpu-01", "gpu-02", "gpu-03", "gpu-04"]),
        ("gpu-[1:3]", ["gpu-1", "gpu-2", "gpu-3"]),
        ("gpu-[8:11]", ["gpu-8", "gpu-9", "gpu-10", "gpu-11"]),
        ("gpu-[08:11]", ["gpu-08", "gpu-09", "gpu-10", "gpu-11"]),
        ("gpu-[98:101]", ["gpu-98", "gpu-99", "gpu-100", "gpu-101"]),
        ("n[000:001]", ["n000", "n001"]),
        ("n[5:5]", ["n5"]),
        ("n[0:10:5].lab", ["n0.lab", "n5.lab", "n10.lab"]),
        ("n[0:9:4]", ["n0", "n4", "n8"]),
        ("ws-[a:d]", ["ws-a", "ws-b", "ws-c", "ws-d"]),
        ("ws-[A:C:2]", ["ws-A", "ws-C"]),
        ("r[a:b]-n[1:2]", ["ra-n1", "ra-n2", "rb-n1", "rb-n2"]),
    ],
)
def test_a_range_gives_every_name(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize(
    "pattern",
    [
        "n[]",
        "n[1]",
        "n[1:]",
        "n[:2]",
        "n[2:1]",
        "n[b:a]",
        "n[a:C]",
        "n[a:5]",
        "n[1:5:0]",
        "n[1:2:-1]",
        "n[-1:2]",
        "n[aa:bb]",
        "n[001:12]",
        "n[1:2",
        "n1:2]",
        "n[[1:2]]",
        "n[1:2]]",
        "n[1:2:3:4]",
        "n[\u0661:\u0663]",
        "n[0:10000]",
        "n[1:999999999]",
        "n[1:101]-[1:100]",
        "n[1:9999999999]",
        "n[1 : 2]",
    ],
)
def test_a_bad_range_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^bad range"):
        expand(pattern)


@given(st.integers(0, 99_999), st.integers(0, 200), st.integers(0, 6), st.integers(1, 9))
def test_numbers_are_those_of_seq(first: int, count: int, width: int, step: int) -> None:
    last = first + count
    low, high = f"{first:0{width}d}", f"{last:0{width}d}"
    names = expand(f"n[{low}:{high}:{step}]")
    assert [int(name[1:]) for name in names] == list(range(first, last + 1, step))
    assert names[0] == f"n{low}"
    assert all(
        len(name) == len(low) + 1 or not low.startswith("0") or len(name[1:]) == len(str(int(name[1:])))
        for name in names
    )
    assert all(is_name(name) for name in names)


@pytest.mark.parametrize("name", ["a", "gpu-01", "gpu_01", "a.b.c", "fe80:1", "0"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", ".a", "a b", "a\n", "a,b", "!a", "&a", "a*", "a[", "ü", "a/b", "a" * 254]
)
def test_not_names(name: str) -> None:
    assert not is_name(name)
