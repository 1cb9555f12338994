"""The first line of a segment: who wrote its moments, of what, and in which form."""

from __future__ import annotations

import functools
import json
import zlib
from typing import Final

from xenwatch.readings.origin import Origin
from xenwatch.record.codec import Schema
from xenwatch.values import dataclass

FORMAT: Final = 1
LONGEST: Final = 1 << 20
"""Most bytes of the line, and of the schema in it."""


class HeaderError(Exception):
    """A file that is no segment, or one of another format."""


class FormatError(HeaderError):
    """A segment of a later xenwatch, which reads it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for all moments of a segment: which version wrote them, of what, the schema."""

    version: str
    origin: Origin
    schema: Schema

    def line(self) -> bytes:
        """The first line of a file."""
        origin = self.origin
        kind = origin.behind or origin.kind
        schema = zlib.compress(json.dumps(self.schema).encode()).hex()
        fields = {"format": FORMAT, "xenwatch": self.version, "origin": kind, "schema": schema}
        return json.dumps(fields).encode() + b"\n"


@functools.lru_cache(maxsize=8)
def parsed(line: bytes) -> Header:
    """The header of a line, one for all segments that begin with the same. Raises `HeaderError`."""
    try:
        fields = json.loads(line)
        if fields["format"] != FORMAT:
            raise FormatError(f"format {fields['format']!a}; update xenwatch")
        packed = bytes.fromhex(fields["schema"])
        plain = zlib.decompressobj().decompress(packed, LONGEST)
        schema = {str(name): tuple(map(str, names)) for name, names in json.loads(plain).items()}
        return Header(str(fields["xenwatch"]), Origin(str(fields["origin"])), schema)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        zlib.error,
    ) as error:
        raise HeaderError("not written by xenwatch, or damaged") from error
