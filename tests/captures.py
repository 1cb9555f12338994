"""The captured hosts of `tests/hosts`, as files."""

from __future__ import annotations

import re
from pathlib import Path

from xenwatch.parse.pod import PodTarget

LAB = Path(__file__).parent / "hosts" / "lab-debian-12-xen-4.17"
LAB_BLKTAP = LAB.parent / "lab-blktap-4"
CAPTURES = (LAB / "0-guests", LAB / "5-guests")

RECORDED = sorted(path.parent for path in LAB.parent.glob("*/*/capture/manifest.json"))
"""The hosts that `xenwatch capture` kept."""


def domids(capture: Path) -> tuple[int, ...]:
    """The domains that were there when the host was captured."""
    return tuple(sorted(int(path.name) for path in (capture / "dom").iterdir()))


def files(capture: Path, name: str) -> dict[str, bytes]:
    """Content by path from a file in which each begins with `FILE PATH:`."""
    text = (capture / name).read_bytes()
    parts = re.split(rb"^(?:FILE (\S+):|# absent: .*)\n", text, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {path.decode(): content for path, content in pairs if path}


def listed(capture: Path, name: str) -> dict[str, bytes]:
    """Content by path from a `PATH: content` listing; the content ends with its own newline."""
    lines = (capture / name).read_bytes().splitlines(keepends=True)
    pairs = (line.partition(b": ") for line in lines)
    return {path.decode(): content for path, separator, content in pairs if separator}


def pod_targets(capture: Path) -> dict[int, PodTarget]:
    """What is populated on demand, as debug key 'q' printed it of HVM and PVH guests."""
    path = capture / "debug-key-q"
    text = path.read_text() if path.exists() else ""
    pattern = r"domain (\d+):\n.* nr_pages=(\d+) .*\n.*PoD entries=(\d+) cachesize=(\d+)"
    return {
        int(domid): PodTarget(int(domid), int(pages), int(cache), int(entries))
        for domid, pages, entries, cache in re.findall(pattern, text)
    }
