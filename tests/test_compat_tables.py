"""The compatibility tables: whole, consistent with one another, quick to load, and overridden by an inventory."""

import subprocess
import sys
from datetime import date

import pytest

from labprov.compat import gpus, tables
from labprov.compat.rows import build
from labprov.errors import UserError

TABLES = tables.load()


def number(version):
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("name", tables.FILES)
def test_every_source_is_named_and_every_named_one_is_used(name):
    data = tables.read(name)

    def used(value):
        if isinstance(value, dict):
            yield from ([value["source"]] if isinstance(value.get("source"), str) else [])
            for below in value.values():
                yield from used(below)

    sections = {key: value for key, value in data.items() if key not in ("collected", "sources")}
    names = set(used(sections))
    assert names <= set(data["sources"])
    text = str(sections) + " cmake nixpkgs"  # columns of a whole table, named in its heading
    assert [source for source in data["sources"] if source not in names and source not in text] == []


def test_every_file_is_of_the_same_day():
    assert len({tables.read(name)["collected"] for name in tables.FILES}) == 1


def test_branches_are_in_order():
    numbers = list(TABLES.branches)
    assert numbers == sorted(numbers) and len(numbers) > 15
    released = [row.released for row in TABLES.branches.values()]
    assert released == sorted(released)
    for branch, row in TABLES.branches.items():
        assert row.latest.startswith(f"{branch}.")
        assert row.eol is None or row.released < row.eol
        assert row.eol is not None or row.uncertain


def test_later_branches_never_print_an_older_cuda():
    printed = [number(row.max_cuda) for row in TABLES.branches.values()]
    assert printed == sorted(printed)


def test_branches_and_cards_agree_on_architectures():
    known = gpus.architectures()
    for branch, row in TABLES.branches.items():
        assert set(row.supports) <= set(known)
        for name, limits in known.items():
            allowed = limits.get("first_branch", 0) <= branch <= limits.get("last_branch", 9999)
            assert (name in row.supports) == allowed, (branch, name)


def test_flavours_agree_with_architectures():
    for branch, row in TABLES.branches.items():
        if row.open == "only":
            assert not [name for name in row.supports if gpus.architectures()[name]["open_module"] == "unsupported"]
        if row.open == "none":
            assert "blackwell" not in row.supports, branch


def test_toolkits_grow_with_their_drivers():
    rows = sorted(TABLES.toolkits.items(), key=lambda item: number(item[0]))
    assert [row.branch for _, row in rows] == sorted(row.branch for _, row in rows)
    for version, row in rows:
        if row.branch > 465:  # the table of branches starts at 470
            assert row.branch in TABLES.branches, version
            assert TABLES.branches[row.branch].max_cuda == version
        assert set(row.unsure) <= set(row.updates)
        drivers = [number(driver) for driver in row.updates.values()]
        assert drivers == sorted(drivers) and all(driver[0] == row.branch for driver in drivers)
        assert all(update.startswith(f"{version}.") for update in row.updates)
        assert list(row.targets) == sorted(row.targets, key=number)


def test_every_chip_has_a_toolkit_that_builds_for_it():
    built = {target for row in TABLES.toolkits.values() for target in row.targets}
    assert {capability for values in TABLES.capabilities.values() for capability in values} <= built


def test_majors_begin_at_the_driver_of_their_first_toolkit_or_before():
    for version, row in TABLES.toolkits.items():
        oldest = TABLES.oldest_driver(version)
        assert oldest is None or number(oldest)[0] <= row.branch, version


def test_wheels_are_of_toolkits_and_builds_that_are_known():
    for release, row in TABLES.torch.items():
        assert row.pypi in row.builds, release
        assert set(row.builds) <= set(TABLES.torch_builds)
    assert set(TABLES.torch_builds) <= set(TABLES.toolkits)
    assert {row.cuda for row in TABLES.tensorflow.values()} <= set(TABLES.toolkits)


def test_releases_of_torch_are_in_order():
    releases = list(TABLES.torch)
    assert releases == sorted(releases, key=number, reverse=True)
    dates = [row.released for row in TABLES.torch.values() if row.released]
    assert dates == sorted(dates, reverse=True)


def test_offers_are_of_known_branches():
    assert len(TABLES.systems) == 8
    for name, system in TABLES.systems.items():
        assert "vendor" in system.drivers, name
        for offer in system.drivers.values():
            for branches in offer.branches.values():
                assert list(branches) == sorted(branches) and set(branches) <= set(TABLES.branches)
            assert {*offer.legacy, *offer.blocked, *offer.doubtful} <= set(TABLES.branches)
            assert offer.toolkits is None or offer.toolkits[0] in TABLES.toolkits


def test_ids_with_nvlink5_are_cards():
    assert gpus.needs_nvlink5() and gpus.needs_nvlink5() <= set(gpus.devices())


def test_all_tables_load_in_50_ms():
    code = (
        "import time; from labprov.compat import tables, gpus; t = time.process_time(); tables.load(); "
        "gpus.lookup('20b5'); print(time.process_time() - t)"
    )
    best = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))
    assert best < 0.05


def test_an_inventory_adds_a_card_a_branch_and_a_toolkit():
    added = TABLES.with_overrides(
        {
            "gpus": {"2BFF": {"name": "NVIDIA RTX 6090", "architecture": "rubin", "capability": "10.7"}},
            "branches": {
                "625": dict(
                    type="LTSB", released="2027-01-04", eol="2030-01-04", latest="625.10", max_cuda="13.6",
                    supports=["turing", "rubin"], open="only", source="inventory",
                )
            },
            "toolkits": {"13.6": {"branch": 625, "targets": ["10.7"], "source": "inventory"}},
        }
    )  # fmt: skip
    card = added.card("2bff")
    assert card and (card.architecture, card.first_branch, card.open_module) == ("rubin", 615, "required")
    assert added.branches[625].eol == date(2030, 1, 4)
    assert added.toolkits["13.6"].branch == 625
    assert added.version.endswith("+inventory")
    assert 625 not in TABLES.branches and TABLES.card("2bff") is None


def test_an_inventory_changes_one_value_of_a_row():
    changed = TABLES.with_overrides({"branches": {580: {"eol": "2029-01-01"}}})
    assert changed.branches[580].eol == date(2029, 1, 1)
    assert changed.branches[580].latest == TABLES.branches[580].latest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"branch": {}}, r"compat\.branch: there is no such table"),
        ({"branches": 3}, r"compat\.branches: should be a mapping"),
        ({"branches": {"580": {"colour": 1}}}, r"compat\.branches\.580\.colour: "),
        ({"branches": {"580": {"type": "XX"}}}, r"compat\.branches\.580\.type: .*'LTSB'"),
        ({"branches": {"625": {"type": "PB"}}}, r"compat\.branches\.625\.released: field required"),
        ({"branches": {"new": {}}}, r"compat\.branches\.new: "),
        ({"toolkits": {"13": {}}}, r"compat\.toolkits\.13: "),
        ({"systems": {"debian12": {"drivers": {"vendor": {"branches": {"x86_64": "all"}}}}}}, r"x86_64"),
        ({"gpus": {"2bff": {"name": "X"}}}, r"compat\.gpus\.2bff\.architecture: field required"),
        ({"gpus": {"2bff": {"name": "X", "architecture": "fermy", "capability": "9.0"}}}, r"fermy is not known"),
    ],
)
def test_mistakes_in_overrides_name_the_key(data, message):
    with pytest.raises(UserError, match=message):
        TABLES.with_overrides(data)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"12.8": {branch: 570', '"12.8": {branch: five', r"compat/data\.toolkits\.12\.8\.branch: "),
        ('"12.8": {branch: 570, ', '"12.8": {', r"compat/data\.toolkits\.12\.8\.branch: field required"),
        ("toolkits:", "tools:", r"compat/data\.toolkits: field required"),
        ("toolkits:", "toolkits: [", r"compat/data/cuda\.yml is damaged"),
    ],
)
def test_a_damaged_table_is_the_users_error_not_a_traceback(monkeypatch, old, new, message):
    whole = tables._text
    monkeypatch.setattr(tables, "_text", lambda name: whole(name).replace(old, new) if name == "cuda" else whole(name))
    with pytest.raises(UserError, match=message):
        tables.load.__wrapped__()


def test_the_shipped_tables_were_validated():
    assert tables.check() == tables._checked(), "run: python -m labprov.compat.check"


def test_reading_without_validation_gives_the_same_rows():
    raw = {key: value for name in tables.FILES for key, value in tables.read(name).items()}
    sections = {key: raw[key] for key in tables._SECTIONS}
    assert build(sections) == tables._rows(sections, tables._OURS) == TABLES.rows
    with pytest.raises(UserError, match=r"compat/data\.more: "):
        tables._rows(sections | {"more": {}}, tables._OURS)
