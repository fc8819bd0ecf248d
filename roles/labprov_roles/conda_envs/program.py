"""The builder as one file that a host can run. Pure; the same bytes for the same code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

_MAIN = "import sys\n\nfrom builder.main import main\n\nsys.exit(main())\n"


def archive() -> bytes:
    """A zip archive that Python runs."""
    folder = Path(__file__).parent / "builder"
    files = {f"builder/{path.name}": path.read_text() for path in sorted(folder.glob("*.py"))}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in {**files, "__main__.py": _MAIN}.items():
            zipped.writestr(zipfile.ZipInfo(name), text)  # its time is 1980: not that of a checkout
    return buffer.getvalue()
