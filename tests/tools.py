"""Programs the tests call: in CI a missing one is a failure, on a desk a reason to skip."""

from __future__ import annotations

import os
import shutil

import pytest


def tool(name: str, package: str) -> str:
    """Path of a program; `package` is Debian's that has it."""
    path = shutil.which(name)
    if path is None:
        missing = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path
