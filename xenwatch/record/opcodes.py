"""The pickles that are read: what `pickle` writes of plain values and of readings, and no others.

Of the opcodes that other pickles have, one takes gigabytes by five bytes (`LONG_BINPUT`), and
others call something. Mappings and sets are made later, as hashing their keys can take forever.
"""

from __future__ import annotations

import pickle
import re
import struct
from typing import Final

LONGEST: Final = 13
"""Most bytes of an integer: no number of a host is larger than 2 ** 100."""
_BEGIN: Final = b"\x80\x05"
_RUN: Final = re.compile(
    rb"(?:[\x94(ebNa\x88\x89)\x93]++"
    rb"|[\]\x81\x85-\x87t]\x94"  # a container costs two bytes at least
    rb"|[Kh].|M..|[Jj].{4}"
    rb"|G[\x00-\x45\x80-\xc5].{7})*+",  # below 2 ** 97, and a number
    re.DOTALL,
)
_SHORT: Final = b"\x8cC\x8a"
_LONG: Final = b"XB"
_FRAME: Final = 0x95
_STOP: Final = ord(".")
_INTEGER: Final = 0x8A
_INSTEAD: Final = {
    ord("}"): b"]",
    ord("u"): b"e",
    ord("s"): b"\x86a",
    0x91: b"t",
}
"""In place of a mapping a list of its keys and values in turn, of which the last that `pickle`
writes alone is a pair; in place of a set a tuple."""


def plain(pickled: bytes) -> bytes:
    """A pickle that makes of the values of another what is safe to make.

    Takes time in proportion to its bytes. Raises `ValueError` for an opcode that no reading has.
    """
    if not pickled.startswith(_BEGIN):
        raise ValueError("not of its protocol")
    pieces, begin = [], len(_BEGIN)
    place = begin
    try:
        while True:
            place = _end(pickled, place)
            code = pickled[place]
            if code in _SHORT:
                size = pickled[place + 1]
                if code == _INTEGER and size > LONGEST:
                    raise ValueError("a number that no host has")
                place += 2 + size
            elif code in _LONG:
                place += 5 + int.from_bytes(pickled[place + 1 : place + 5], "little")
            elif code == _STOP:
                break
            elif code == _FRAME:  # of its length before
                pieces.append(pickled[begin:place])
                begin = place = place + 9
            elif code in _INSTEAD:
                pieces += pickled[begin:place], _INSTEAD[code]
                begin = place = place + 1
            else:
                raise ValueError(f"opcode {code} is of no reading")
    except IndexError:
        raise ValueError("cut off") from None
    pieces.append(pickled[begin : place + 1])
    body = b"".join(pieces)
    # In one frame: else each opcode is read by a call.
    return _BEGIN + pickle.FRAME + struct.pack("<Q", len(body)) + body


def _end(pickled: bytes, place: int) -> int:
    """Where the opcodes end that are of fixed length and as they should be."""
    found = _RUN.match(pickled, place)
    return found.end() if found else place
