"""Whole numbers as operators write them."""

from __future__ import annotations


def whole(text: str) -> int:
    """A whole number in at most 18 ASCII digits, with a sign or none. Raises `ValueError`."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("must be a whole number")
    if len(digits) > 18:
        raise ValueError("must have at most 18 digits")
    return int(text)
