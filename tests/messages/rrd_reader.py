"""A reader of pages, from the description of the format and of what xcp-rrdd does with them.

Sources: xapi, doc/content/xcp-rrdd/design/plugin-protocol-v2.md (format, reading algorithm);
ocaml/xcp-rrdd/bin/rrdd/xcp_rrdd.ml (names of files), rrdd_server.ml (when a file is read).
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class NoUpdate(Exception):
    """The page is that of before."""


class InvalidChecksum(Exception):
    """The page is being written, or is broken."""


def crc32(data: bytes) -> int:
    """CRC-32 bit by bit, as in IEEE 802.3: independent of zlib."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = found >> 1 ^ (0xEDB88320 if found & 1 else 0)
    return found ^ 0xFFFFFFFF


@dataclass
class Reader:
    """Reads one page again and again."""

    last_data: int = 0
    last_metadata: int = 0
    sources: dict[str, dict[str, str]] = field(default_factory=dict)

    def read(self, page: bytes) -> tuple[float, dict[str, float]]:
        """Time and values. Raises `NoUpdate`, `InvalidChecksum`, `AssertionError`."""
        assert page[:11] == b"DATASOURCES"
        data_checksum, metadata_checksum, count = struct.unpack(">III", page[11:23])
        if data_checksum == self.last_data:
            raise NoUpdate
        data = page[23 : 31 + 8 * count]
        if data_checksum != crc32(data):
            raise InvalidChecksum
        self.last_data = data_checksum
        if metadata_checksum != self.last_metadata:
            start = 31 + 8 * count
            (length,) = struct.unpack(">I", page[start : start + 4])
            metadata = page[start + 4 : start + 4 + length]
            assert len(metadata) == length
            if metadata_checksum != crc32(metadata):
                raise InvalidChecksum
            self.last_metadata = metadata_checksum
            self.sources = _parsed(json.loads(metadata))
        assert len(self.sources) == count
        time, *values = struct.unpack(f">d{count}d", data)
        return time, dict(zip(self.sources, values, strict=True))


def _parsed(document: Any) -> dict[str, dict[str, str]]:
    """The data sources, with what xcp-rrdd requires of each."""
    assert document.keys() == {"datasources"}
    for source in document["datasources"].values():
        assert all(isinstance(text, str) for text in source.values())
        assert source["owner"] == "host"
        assert source["value_type"] == "float"
        assert source["type"] in {"absolute", "derive", "gauge"}
        assert source["default"] in {"true", "false"}
        assert float(source["min"]) < float(source["max"])
    found: dict[str, dict[str, str]] = document["datasources"]
    return found


@dataclass
class Rrdd:
    """Its directory: files are mapped when they get their name, forgotten when they lose it."""

    directory: Path
    mapped: dict[str, mmap.mmap] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    reader: Reader = field(default_factory=Reader)

    def look(self) -> None:
        """Notice what inotify reports: names that are new, gone, or of another file."""
        now = {
            path.name: path.stat().st_ino
            for path in self.directory.iterdir()
            if path.suffix != ".tmp"
        }
        for name in self.mapped.keys() - {
            each for each in now if now[each] == self.known.get(each)
        }:
            self.mapped.pop(name).close()
            self.reader = Reader()
        for name in now.keys() - self.mapped.keys():
            with (self.directory / name).open("rb") as file:
                self.mapped[name] = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self.known = now

    def values(self, name: str) -> tuple[float, dict[str, float]]:
        """What a plugin provides now."""
        return self.reader.read(bytes(self.mapped[name]))
