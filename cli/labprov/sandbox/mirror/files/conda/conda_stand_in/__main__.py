"""The command line, reached as ``conda``: which command does what, and how errors look. The work is elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from conda_stand_in import CondaError, activation, identity

_SHELL = {"hook": lambda rest: activation.hook(), "activate": activation.activate}
_SHELL |= {"deactivate": lambda rest: activation.deactivate(), "reactivate": lambda rest: ""}


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        return _dispatch(list(arguments))
    except CondaError as error:
        if "--json" in arguments:
            told = {"error": f"{error.kind}: {error}", "exception_name": error.kind, "message": str(error)}
            print(json.dumps(told | ({"packages": error.packages} if error.packages else {})))
        else:
            print(f"\n{error.kind}: {error}\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"conda {identity()['conda']}")
        return 0
    if arguments[:1] and arguments[0].startswith("shell.") and len(arguments) > 1:
        print(_SHELL[arguments[1]](arguments[2:]))
        return 0
    if arguments[:1] in (["activate"], ["deactivate"]):
        raise CondaError("CondaError", f"Run 'conda init' before 'conda {arguments[0]}'")
    from conda_stand_in.arguments import parser  # only now: it brings rattler, which takes its time

    chosen = parser().parse_args(arguments)
    result: int = chosen.run(chosen)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
