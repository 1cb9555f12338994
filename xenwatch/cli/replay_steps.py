"""From key to key through the moments of a record: pure functions of their times."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence
from typing import Final

from xenwatch.values import dataclass

Spot = tuple[float, bool]
"""A moment: its Unix time, and whether an alert started or stopped firing in it."""
SHORT: Final = 600.0
LONG: Final = 3600.0
"""Seconds that the keys for larger steps go."""
LEFT: Final = ("left", "h")
RIGHT: Final = ("right", "l")
UP: Final = ("up", "wheel up")
DOWN: Final = ("down", "wheel down")
PAGE_UP: Final = ("page up",)
PAGE_DOWN: Final = ("page down",)
HOME: Final = ("home", "g")
END: Final = ("end", "G")
"""Keys as urwid names them, beside letters as less(1) has them."""
HELP: Final = (
    ("left, right", "the moment before, the next one"),
    ("up, down", "ten minutes earlier, later"),
    ("PgUp, PgDn", "an hour earlier, later"),
    ("n, N", "the next, the previous moment in which an alert started or stopped firing"),
    ("Home, End", "the oldest moment, the newest"),
    ("j, k", "scroll down, up"),
    ("?", "this help, and back"),
    ("q", "quit"),
)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown: the number of a moment, lines scrolled, help or not, whether it has ended.

    `said` is what there was not, such as a later moment.
    """

    number: int
    scrolled: int = 0
    help: bool = False
    ended: bool = False
    said: str = ""


def after(view: View, key: str, every: Sequence[Spot], page: int) -> View:
    """The view after a key; `page` is how many lines are scrolled."""
    if key in ("q", "Q", "ctrl c", "ctrl d"):
        return dataclasses.replace(view, ended=True)
    if key == "?":
        return dataclasses.replace(view, help=not view.help, said="")
    if key == "j":
        return dataclasses.replace(view, scrolled=view.scrolled + page, said="")
    if key == "k":
        return dataclasses.replace(view, scrolled=max(0, view.scrolled - page), said="")
    number = _moved(view.number, key, every)
    if number is None:
        return view
    said = ""
    if number == view.number:
        alert = "in which an alert changed" if key in "nN" else ""
        said = " ".join(filter(None, ("no further moment", alert)))
    return View(number, view.scrolled, said=said)


def _moved(number: int, key: str, every: Sequence[Spot]) -> int | None:
    """The number of the moment that a key leads to, `None` if it leads to none."""
    last, time = len(every) - 1, every[number][0]
    alerts = [n for n, one in enumerate(every) if one[1]]
    earlier, later = [n for n in alerts if n < number], [n for n in alerts if n > number]
    found = {
        **dict.fromkeys(HOME, 0),
        **dict.fromkeys(END, last),
        **dict.fromkeys(LEFT, number - 1),
        **dict.fromkeys(RIGHT, number + 1),
        "n": later[0] if later else number,
        "N": earlier[-1] if earlier else number,
    }
    for seconds, back, on in ((SHORT, UP, DOWN), (LONG, PAGE_UP, PAGE_DOWN)):
        before = bisect.bisect_right(every, time - seconds, key=lambda one: one[0]) - 1
        after_it = bisect.bisect_left(every, time + seconds, key=lambda one: one[0])
        found |= dict.fromkeys(back, min(number - 1, before))
        found |= dict.fromkeys(on, max(number + 1, after_it))
    return max(0, min(last, found[key])) if key in found else None
