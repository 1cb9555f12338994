"""The YAML of the generated files."""

from __future__ import annotations

from xenwatch.generate.yaml import render


def test_maps_lists_and_texts_are_blocks() -> None:
    """Maps and lists nest by indentation, scalars are as in JSON, long texts literal."""
    document: dict[str, object] = {
        "a": [{"b": 'say "x": \\d # no comment', "c": {"d": 1, "e": True}}, {"f": "two\nlines"}],
        "g": ["h", "i: j"],
        "k": [],
    }

    assert render(document, "# note") == (
        "# note\n"
        "a:\n"
        '  - b: "say \\"x\\": \\\\d # no comment"\n'
        "    c:\n"
        "      d: 1\n"
        "      e: true\n"
        "  - f: |-\n"
        "      two\n"
        "      lines\n"
        'g: ["h", "i: j"]\n'
        "k: []\n"
    )
