"""The check that imports what is declared: what a package prints is not taken for a complaint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from labprov_roles.conda_envs.verify import _IMPORT


def test_a_chatty_package_is_fine_and_a_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text("import os\nprint('WARNING: no S4')\nos.system('echo and so does a child')\n")
    asked = [["chatty", ["chatty"]], ["lost", ["no_such_module"]]]
    command = [sys.executable, "-c", _IMPORT, json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "lost: import no_such_module: ModuleNotFoundError: No module named 'no_such_module'\n"
    assert "WARNING: no S4" in done.stderr
