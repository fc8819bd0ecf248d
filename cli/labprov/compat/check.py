"""``python -m labprov.compat.check``: validate the tables after a change, and record that they are valid."""

from __future__ import annotations

import sys
from pathlib import Path

from labprov.compat import tables
from labprov.errors import UserError


def main() -> int:
    """Write the digest of valid tables. Returns the exit code."""
    try:
        digest = tables.check()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    (Path(__file__).parent / tables.CHECKED).write_text(f"{digest}\n", encoding="utf-8")
    print("the tables are valid")
    return 0


if __name__ == "__main__":
    sys.exit(main())
