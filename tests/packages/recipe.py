"""The modules of contrib/packages, which are scripts and no package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "contrib/packages"


def recipe(name: str) -> ModuleType:
    """A module of the recipe."""
    if str(RECIPE) not in sys.path:
        sys.path.append(str(RECIPE))
    return importlib.import_module(name)
