"""Paths of the JSON API that commands ask too."""

from __future__ import annotations

from typing import Final

CHECK: Final = "/api/v1/check"
"""The verdict of a check: a document as `xenwatch.display.plugin` has it, and its line."""
