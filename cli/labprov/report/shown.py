"""Foreign text made fit to be shown: what hosts print must not steer the user's terminal. Pure."""

from __future__ import annotations

from rich.markup import escape as without_markup

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SHOWN = _PICTURES | {code: f"\\u{code:04x}" for code in (*range(0x80, 0xA0), *_DIRECTIONS)}
"""Control characters as pictures of themselves (ESC as U+241B); what would turn the writing around, by its number."""


def harmless(text: str) -> str:
    """``text`` with every control character made visible, but line ends and tabs."""
    return text.translate(_SHOWN)


def escape(text: str) -> str:
    """``text`` for rich's markup: shown as it is, harmless."""
    return without_markup(harmless(text))
