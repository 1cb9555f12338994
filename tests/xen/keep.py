"""Take the captures of the last run over into the captured hosts: `make keep-captures`."""

from __future__ import annotations

import shutil
from typing import Final

from tests.xen.conftest import CAPTURES
from tests.xen.suite import DEFAULT, SUITE
from tests.xen.wheels import ROOT

HOSTS: Final = ROOT / "tests" / "hosts" / SUITE.host
KEPT: Final = (
    {"no-guest": "0-guests", "one-guest": "1-guest", "all": "10-guests"}
    if SUITE == DEFAULT
    else {"one-guest-alone": "1-guest"}
)
"""Populations by the directory they were captured into, and the name they are kept under."""


def main() -> None:
    """Replace what is kept."""
    for name, kept in KEPT.items():
        for part in ("before", "capture", "truth"):
            target = HOSTS / kept / part
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(CAPTURES / name / part, target)
            print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
