"""What waits for a reboot, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from xenwatch.readings.reboot_pending import Image
from xenwatch.readings.snapshot import Snapshot

_TITLES: Final = {"kernel": "kernel", "xen": "Xen"}


def reboot_lines(snapshot: Snapshot) -> tuple[str, ...] | None:
    """A line for everything that waits for a reboot; `None` where that was not read."""
    found = snapshot.reboot_pending
    if found is None:
        return None
    images = (_image(_TITLES[name], image) for name, image in found.images.items())
    marks = (
        f"{path} exists{': ' if names else ''}{', '.join(names)}"
        for path, names in found.marks.items()
    )
    return (*(line for lines in images for line in lines), *marks)


def _image(title: str, image: Image) -> Iterator[str]:
    if image.installed != image.running:
        yield f"{title} {image.installed} is installed, {image.running} runs"
    elif image.replaced is not None:
        at = datetime.fromtimestamp(image.replaced, UTC)
        yield f"{title} {image.running} was replaced at {at:%Y-%m-%d %H:%M} UTC, after the boot"
