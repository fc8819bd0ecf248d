"""Small programs for the stand-ins, compiled once and stamped with each version. Not how they are packaged."""

from __future__ import annotations

import tempfile
from pathlib import Path

from labprov.sandbox.shell import run

_SLOT = 64  # bytes of the character arrays in gpustate.h


def compile_c(source: Path, *flags: str) -> bytes:
    """Return what gcc makes of ``source`` with these flags."""
    with tempfile.TemporaryDirectory(prefix="labprov-cc-") as folder:
        out = Path(folder) / "out"
        run(["gcc", "-O1", "-g0", *flags, "-o", out, source])
        if "-c" not in flags:
            run(["strip", out])
        return out.read_bytes()


def stamp(program: bytes, values: dict[str, str]) -> bytes:
    """Return the program with each ``@LABPROV-KEY@`` placeholder replaced by its value, padded with zero bytes.

    Raises ValueError when a placeholder is not there or the value does not fit: a stand-in without a version
    would fail in ways that look like the real driver's.
    """
    for key, value in values.items():
        mark = f"@LABPROV-{key}@".encode()
        start = program.find(mark)
        room = len(mark) + _zeros_after(program, start + len(mark)) - 1
        if start < 0 or len(value) > room:
            raise ValueError(f"no room for {key}={value} in the program")
        filled = value.encode().ljust(max(len(mark), len(value)), b"\0")
        program = program[:start] + filled + program[start + len(filled) :]
    return program


def _zeros_after(program: bytes, start: int) -> int:
    count = 0
    while count < _SLOT and program[start + count : start + count + 1] == b"\0":
        count += 1
    return count
