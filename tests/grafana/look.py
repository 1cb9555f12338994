"""Draws the dashboards into docs/pictures, for people: `make dashboards-look`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.grafana.boards import PICTURES, gallery
from tests.grafana.drawing import HERE
from tests.tools import NODE, tool

TARGET: Final = HERE.parents[1] / "docs/pictures"
BYTES: Final = 150_000
"""Of a picture in the repository, at most."""


def main() -> int:
    """Draw each picture, whole. Returns the exit status."""
    with tempfile.TemporaryDirectory() as name, gallery(Path(name)) as made:
        for picture in PICTURES:
            made.show(picture)
            drawn = Path(name) / f"{picture}.png"
            made.picture(drawn)
            target = TARGET / f"{picture}.png"
            target.parent.mkdir(exist_ok=True)
            shrink = [tool("node"), str(HERE / "shrink.cjs"), str(NODE), str(drawn), str(target)]
            subprocess.run(shrink, check=True)
            size = target.stat().st_size
            print(f"{target}: {size:,} bytes", file=sys.stderr)
            if size > BYTES:
                print(f"{target}: more than {BYTES:,} bytes", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
