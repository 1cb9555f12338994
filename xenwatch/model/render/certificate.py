"""A server's certificate with its private key as a PEM file, in the size and shape of xapi's.

The key, and the signature that it would make, are bytes without a meaning.
"""

from __future__ import annotations

import base64
import random
import textwrap
from datetime import UTC, datetime
from typing import Final

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_INTEGER: Final = 0x02
_BITS: Final = 0x03
_UTF8: Final = 0x0C
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_VERSION_3: Final = bytes.fromhex("a003020102")
_COMMON_NAME: Final = bytes.fromhex("0603550403")
_RSA: Final = bytes.fromhex("06092a864886f70d0101010500")
_SHA256_WITH_RSA: Final = bytes.fromhex("06092a864886f70d01010b0500")
_GENERALIZED_SINCE: Final = 2050
"""The first year whose times are no longer UTCTime (RFC 5280, 4.1.2.5)."""
_RSA_BYTES: Final = 256
"""Of a key of 2,048 bits (ocaml/gencert/selfcert.ml)."""
_KEY_BYTES: Final = 1218
_LINE: Final = 64
_SHORT: Final = 0x80


def render_certificate(name: str, not_before: float, not_after: float) -> bytes:
    """DER (X.509 version 3) of a self-signed certificate for a name; times are Unix times."""
    random_bytes = random.Random(name).randbytes  # noqa: S311 - reproducible, no secret
    common_name = _element(_COMMON_NAME + _element(name.encode(), _UTF8))
    its_name = _element(_element(common_name, _SET))
    modulus = _element(b"\0\xc1" + random_bytes(_RSA_BYTES - 1), _INTEGER)
    key = _element(modulus + _element(b"\1\0\1", _INTEGER))
    algorithm = _element(_SHA256_WITH_RSA)
    to_be_signed = _element(
        _VERSION_3
        + _element(b"\x2a" + random_bytes(15), _INTEGER)
        + algorithm
        + its_name
        + _element(_time(not_before) + _time(not_after))
        + its_name
        + _element(_element(_RSA) + _element(b"\0" + key, _BITS))
    )
    signature = _element(b"\0" + random_bytes(_RSA_BYTES), _BITS)
    return _element(to_be_signed + algorithm + signature)


def render_pem(name: str, *certificates: bytes) -> bytes:
    """A PEM file: the key of a name, and certificates in DER, with a blank line between them."""
    key = random.Random(f"key of {name}").randbytes(_KEY_BYTES)  # noqa: S311 - no key at all
    blocks = [_block("PRIVATE KEY", key), *(_block("CERTIFICATE", each) for each in certificates)]
    return b"\n".join(blocks)


def _block(label: str, data: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(data).decode("ascii"), _LINE)
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----\n"]).encode()


def _element(content: bytes, tag: int = _SEQUENCE) -> bytes:
    """An element of DER, by default a sequence."""
    length = len(content)
    if length < _SHORT:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, _SHORT | size]) + length.to_bytes(size, "big") + content


def _time(moment: float) -> bytes:
    at = datetime.fromtimestamp(moment, UTC)
    if at.year < _GENERALIZED_SINCE:
        return _element(f"{at:%y%m%d%H%M%S}Z".encode("ascii"), _UTC_TIME)
    return _element(f"{at.year:04}{at:%m%d%H%M%S}Z".encode("ascii"), _GENERALIZED_TIME)
