"""Xen's console ring: what was printed last, and how many bytes were printed since boot."""

from __future__ import annotations

from typing import Final

from xenwatch.parse.xen_console import ConsoleText

_INDEXES: Final = 1 << 32


class ConsoleRing:
    """A ring of `size` bytes: the boot option `conring_size`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._printed = 0
        self.text = b""
        """What the ring holds, as `xl dmesg` shows it."""

    def put(self, text: bytes) -> None:
        """Print text."""
        self._printed += len(text)
        self.text = (self.text + text)[-self._size :]

    def read(self, index: int, count: int) -> ConsoleText:
        """Up to so many bytes from an index on, else from the oldest byte (read_console_ring)."""
        held = len(self.text)
        behind = (self._printed - index) % _INDEXES
        begin = held - behind if 0 <= behind < held else 0
        text = self.text[begin : begin + count]
        return ConsoleText(text, (self._printed - held + begin + len(text)) % _INDEXES)
