"""The certificates of a PEM file, without what lies beside them.

A source takes them out, since what it returns is recorded: a private key must not leave it.
"""

from __future__ import annotations

import re

# A body has no hyphen, so what is matched never reaches into the next block.
_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----", re.ASCII
)


def certificates_of(content: bytes) -> bytes:
    """The blocks labelled CERTIFICATE of a file (RFC 7468, section 5), each ended by a newline."""
    return b"".join(block + b"\n" for block in _CERTIFICATE.findall(content))
