"""Draws the dashboards, for people: `make dashboards-look`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.grafana.boards import PICTURES, POOL, Gallery, gallery
from tests.grafana.drawing import HERE
from tests.tools import NODE, tool

WHOLE: Final = NODE / "pictures"
"""Where each dashboard is drawn to its end, for who has changed it."""
SHOWN: Final[Mapping[str, int]] = {
    "host-healthy": 37,
    "host-full": 37,
    "host-dead": 51,
    "vm-healthy": 32,
    "vm-full": 32,
    "vm-dead": 32,
    POOL: 36,
}
"""What the documents show: the dashboards down to that row of the grid."""
TARGET: Final = HERE.parents[1] / "docs/pictures"
BYTES: Final = 100_000
"""Of a picture in the repository, at most."""


def _shown(made: Gallery, name: str, drawn: Path) -> bool:
    """Write a picture of the documents with few colours. Whether it is small enough."""
    made.show(name, SHOWN[name])
    made.picture(drawn)
    target = TARGET / f"{name}.png"
    target.parent.mkdir(exist_ok=True)
    shrink = [tool("node"), str(HERE / "shrink.cjs"), str(NODE), str(drawn), str(target)]
    subprocess.run(shrink, check=True)
    size = target.stat().st_size
    print(f"{target}: {size:,} bytes", file=sys.stderr)
    return size <= BYTES


def main() -> int:
    """Draw each picture. Returns the exit status: 1 where one is too large."""
    WHOLE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, gallery(Path(name)) as made:
        for picture in PICTURES:
            made.show(picture)
            made.picture(WHOLE / f"{picture}.png")
            print(f"{WHOLE / picture}.png", file=sys.stderr)
        drawn = Path(name) / "drawn.png"
        fitting = [_shown(made, shown, drawn) for shown in SHOWN]
    return int(not all(fitting))


if __name__ == "__main__":
    sys.exit(main())
