"""Content negotiation: which of the two formats, and whether gzip (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_TEXT: Final = (("text/plain", ("", "0.0.4")), ("text/*", ("",)), ("*/*", ("",)))


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0.0 to text 0.0.4.

    Only a client that names OpenMetrics gets it, at a quality no lower than the text's.
    """
    ranges = [
        (name, parameters.get("version", ""), _quality(parameters))
        for name, parameters in _items(accept)
    ]
    named = [
        quality
        for name, version, quality in ranges
        if name == "application/openmetrics-text" and version in ("", "1.0.0")
    ]
    wanted = max(named, default=0.0)
    return wanted > 0 and wanted >= _text_quality(ranges)


def wants_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip and does not prefer the plain body."""
    found = {name: _quality(parameters) for name, parameters in _items(accept_encoding)}
    packed = found.get("gzip", found.get("*", 0.0))
    return packed > 0 and packed >= found.get("identity", 0.0)


def _text_quality(ranges: list[tuple[str, str, float]]) -> float:
    for wanted, versions in _TEXT:  # the most specific range decides
        matching = [q for name, version, q in ranges if name == wanted and version in versions]
        if matching:
            return max(matching)
    return 0.0


def _items(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    for item in header.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        yield (
            name.lower(),
            {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs},
        )


def _quality(parameters: dict[str, str]) -> float:
    text = parameters.get("q", "1")
    # Digits and one dot only: float() also reads nan, inf and 1_0.
    if not text.replace(".", "", 1).isdecimal() or not text.isascii():
        return 0.0
    return min(1.0, float(text))
