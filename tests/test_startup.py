"""Starting is cheap: what a command has no use for is not imported."""

import subprocess
import sys

from pydantic import BaseModel

from labprov import docstrings
from labprov.engine.postponed import postpone


def imported(program: str) -> set[str]:
    program += "\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_planning_imports_neither_pytest_nor_what_others_hardly_use():
    tasks = "import labprov.commands\nfrom labprov import deploy\nfor role in deploy.load('gpu-node').roles: role.tasks"
    assert imported(tasks).isdisjoint({"pytest", "testinfra", "invoke.tasks"})


def test_help_imports_next_to_nothing():
    assert imported("import labprov.main").isdisjoint({"pyinfra", "pydantic", "yaml", "rich", "jinja2"})


def test_gevent_does_not_look_for_plugins_in_every_installed_package():
    assert "importlib.metadata" not in imported("import labprov.__main__")


def test_no_installed_plugin_judges_settings_and_none_is_looked_for():
    program = "import importlib.metadata as m, labprov.__main__\nm.entry_points = lambda **k: print('looked') or ()"
    assert "looked" not in imported(f"{program}\nimport labprov.commands")


def test_the_compatibility_tables_wait_until_a_host_is_at_work():
    assert not {name for name in imported("import labprov.commands") if name.startswith("labprov.compat.")}


def test_what_is_read_seldom_is_built_when_it_is_read():
    program = "import labprov.commands\nfrom labprov.lock.model import LockFile\nfrom labprov.mirrors import presets"
    built = "print(*(f'{m.__name__}:{m.__pydantic_complete__}' for m in (LockFile, presets.Presets)))"
    assert {"LockFile:False", "Presets:False"} <= imported(f"{program}\n{built}")
    assert {"LockFile:True", "Presets:True"} <= imported(f"{program}\npresets.load(), LockFile()\n{built}")


def test_pyinfras_own_facts_wait_until_a_host_is_at_work():
    assert not {name for name in imported("import labprov.commands") if name.startswith("pyinfra.facts.")}


def test_the_end_looks_for_no_garbage_in_what_the_run_made():
    program = "import gc, labprov.__main__\ngc.callbacks.append(lambda *_: print(gc.get_freeze_count()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert min(int(line) for line in done.stdout.split()) > 1000


def test_what_is_postponed_is_there_when_it_is_used():
    program = "import sys; from labprov.engine.postponed import postpone; postpone('colorsys'); import colorsys as c"
    program += "\nassert not hasattr(c, '__file__') and 'ONE_SIXTH' not in vars(c)"
    program += "\nassert c.rgb_to_hsv(1, 1, 1) == (0.0, 0.0, 1)\nimport colorsys; assert colorsys.__file__"
    assert "colorsys" in imported(program)


def test_a_part_of_what_is_postponed_can_be_imported():
    program = "from labprov.engine.postponed import postpone; postpone('wsgiref'); import wsgiref.headers as h"
    assert "wsgiref.headers" in imported(f"{program}\nassert h.Headers")


def test_a_module_that_is_not_there_fails_where_it_is_used():
    program = "from labprov.engine.postponed import postpone; postpone('no_such'); import no_such"
    program += "\ntry: no_such.run\nexcept ModuleNotFoundError: pass\nelse: raise SystemExit(1)"
    assert "no_such" not in imported(program)


def test_what_is_imported_already_cannot_be_postponed():
    before = sys.modules["subprocess"]
    postpone("subprocess")
    assert sys.modules["subprocess"] is before


class Base(BaseModel):
    """Not a field's text."""

    one: int = 1
    """The one."""


class Derived(Base):
    """Not a field's text."""

    two: int = 2
    """The two,
    in two lines."""
    three: int = 3
    one: int = 4
    """Another one."""


def test_the_texts_below_fields_are_their_meaning():
    assert docstrings.meanings(Base) == {"one": "The one."}
    assert docstrings.meanings(Derived) == {"one": "Another one.", "two": "The two, in two lines.", "three": ""}
