"""Inventories that are damaged or made to do harm: aliases that multiply, deep nesting, random edits of the example.

Each is refused in one line, soon, and without filling the memory; nothing but UserError comes out.
"""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labprov.errors import UserError
from labprov.inventory import compose, load


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    lines = ["hosts: {a: }", "vars:", "  v0: &v0 [x]"]
    lines += [f"  v{n}: &v{n} [{', '.join([f'*v{n - 1}'] * 10)}]" for n in range(1, 10)]
    (tmp_path / "lab.yml").write_text("\n".join(lines))
    with pytest.raises(UserError, match=f"lab.yml:.*: holds more than {compose.MAX_VALUES} values, aliases included"):
        load(tmp_path / "lab.yml", {})


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_deep_nesting_is_refused(loader: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "_Loader", loader)
    (tmp_path / "lab.yml").write_text("hosts: " + "[" * 200_000)
    with pytest.raises(UserError, match=r"lab.yml:1: is nested deeper than 64 levels$"):
        load(tmp_path / "lab.yml", {})


def test_aliases_of_aliases_are_nesting_too(tmp_path: Path) -> None:
    lines = ["hosts: {a: }", "vars:", "  v0: &v0 [x]", *(f"  v{n}: &v{n} [*v{n - 1}]" for n in range(1, 500))]
    (tmp_path / "lab.yml").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"lab.yml:\d+: is nested deeper than 64 levels$"):
        load(tmp_path / "lab.yml", {})


EXAMPLE = (Path(__file__).parents[1] / "inventories" / "example.yml").read_text(encoding="utf-8")


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_damaged_file_loads_or_is_refused_in_one_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    start = data.draw(st.integers(0, len(EXAMPLE)))
    length = data.draw(st.integers(0, 40))
    inserted = data.draw(st.text(st.sampled_from("{}[]:,-#&*!|>'\"%@\n\t ax019.~?<\x00é"), max_size=8))
    path = tmp_path_factory.getbasetemp() / "damaged.yml"
    path.write_text(EXAMPLE[:start] + inserted + EXAMPLE[start + length :], encoding="utf-8")
    try:
        load(path, {})
    except UserError as error:
        assert error.where is not None
        assert error.where.file == path
        assert len(str(error).splitlines()) == 1
