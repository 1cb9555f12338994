"""Tests that write much wait for no disk."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a machine that goes down is not among what is tested."""
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda _: None)
