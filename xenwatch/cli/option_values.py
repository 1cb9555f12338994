"""Values of options: numbers within bounds, and texts that are not empty."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Final

from xenwatch.display.text import shown
from xenwatch.planning.whole import whole as whole_number

_DECIMAL: Final = re.compile(r"-?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})")


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A converter to a time span within bounds; it raises `ArgumentTypeError`."""

    def convert(text: str) -> float:
        span = float(text) if _DECIMAL.fullmatch(text) else -1.0
        if not low <= span <= high:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} must be a number of seconds between {low:g} and {high:g}"
            )
        return span

    return convert


def between(low: int, high: int) -> Callable[[str], int]:
    """A converter to a whole number within bounds; it raises `ArgumentTypeError`."""

    def convert(text: str) -> int:
        number = whole(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{number} must be between {low} and {high}")
        return number

    return convert


def whole(text: str) -> int:
    """A whole number. Raises `ArgumentTypeError`."""
    try:
        return whole_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shown(text)} {error}") from None


def filled(text: str) -> str:
    """A text that is not empty, as a variable of a script may be. Raises `ArgumentTypeError`."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text
