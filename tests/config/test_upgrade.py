"""Upgrades: the configuration of an earlier release."""

from __future__ import annotations

import tomllib
from pathlib import Path

from xenwatch.config.settings import load_settings

OLD = Path(__file__).with_name("xenwatch-0.1.0.toml")
"""Every key of 0.1.0 but those of shapes, at its default there."""


def test_every_key_of_0_1_0_is_still_known() -> None:
    """The file is accepted as it is, and each of its keys is set."""
    sections = tomllib.loads(OLD.read_text())
    keys = {path for name, section in sections.items() for path in paths(name, section)}

    assert len(keys) > 150
    assert load_settings(str(OLD), {}).values.keys() == keys


def paths(name: str, section: dict[str, object]) -> set[str]:
    """The keys of a section and of those below it, with their paths."""
    found = set()
    for key, value in section.items():
        path = f"{name}.{key}"
        found |= paths(path, value) if isinstance(value, dict) else {path}
    return found
