"""A kernel module that is just enough for modinfo and depmod, as a file's bytes in base64. It is no code to be run."""

from __future__ import annotations

from base64 import b64encode


def module(release: str, version: str) -> str:
    """The least ELF file that modinfo reads (one section, ``.modinfo``), in base64."""
    info = f"version={version}\0license=Dual MIT/GPL\0vermagic={release} SMP mod_unload \0name=nvidia\0"
    names = "\0.modinfo\0.shstrtab\0"
    at = [64, 64 + len(info), 64 + len(info) + len(names)]
    header = b"\x7fELF\2\1\1" + bytes(9) + number(1, 2) + number(62, 2) + number(1, 4) + bytes(16) + number(at[2], 8)
    header += bytes(4) + number(64, 2) + bytes(4) + number(64, 2) + number(3, 2) + number(2, 2)
    rows = section(0, 0, 0, 0) + section(1, 1, at[0], len(info)) + section(10, 3, at[1], len(names))
    return b64encode(header + info.encode() + names.encode() + rows).decode()


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def section(name: int, kind: int, offset: int, size: int) -> bytes:
    return (
        number(name, 4)
        + number(kind, 4)
        + bytes(16)
        + number(offset, 8)
        + number(size, 8)
        + bytes(8)
        + number(1, 8)
        + bytes(8)
    )
