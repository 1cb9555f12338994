"""The configuration file as a TOML document."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.display.why import why

DEFAULT_FILE: Final = "/etc/xenwatch/xenwatch.toml"
FILE_LIMIT: Final = 1 << 20
_LONG_KEY: Final = re.compile(
    r"""(?:^|[\[{,])[ \t]*(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){32}""",
    re.MULTILINE,
)
"""What would take tomllib time by the square of its parts."""
_TWICE: Final = re.compile(r"Cannot declare \((.*)\) twice \(at line (\d+),")
_AGAIN: Final = re.compile(r"Cannot overwrite a value \(at line (\d+),")


def decoded(data: bytes, name: str, problems: list[str]) -> tuple[str, Mapping[str, Any]]:
    """The text and the TOML document of a file's bytes; its problems are added to `problems`."""
    try:
        text = data.decode("utf-8-sig")  # editors of Windows begin files with a mark
        if found := _LONG_KEY.search(text):
            line = text.count("\n", 0, found.start()) + 1
            problems.append(f"{name}:{line}: invalid TOML: a key of more than 32 parts")
            return "", {}
        return text, tomllib.loads(text)
    except (UnicodeDecodeError, RecursionError) as error:
        problems.append(f"{name}: {why(error)}")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{name}{_mistake(text, str(error))}")
    except ValueError:  # Python converts no integer of more digits
        problems.append(f"{name}: invalid TOML: a number of thousands of digits")
    return "", {}


def _mistake(text: str, said: str) -> str:
    """What is wrong with a text of which tomllib has `said` so."""
    twice, again = _TWICE.match(said), _AGAIN.match(said)
    if twice is not None:
        section, line = ".".join(re.findall("'([^']*)'", twice[1]))[:100], int(twice[2])
        first = line_of(text, section)
        place = f"on line {first}" if 0 < first < line else "above, as a key"
        return f":{line}: section [{section}] is already {place}; move these keys there"
    if again is not None:
        line = int(again[1])
        key = text.splitlines()[line - 1].partition("=")[0].strip()[:100]
        return f":{line}: {key} is already set in this section; remove one of the two"
    return f": invalid TOML: {said[:200]}"


def line_of(text: str, path: str) -> int:
    """Line number of a key or section in its usual notation, from 1; 0 if not found."""
    section, _, name = path.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            current = header[1]
            if current == path or current.startswith(f"{path}."):
                return number
        elif current == section and line.partition("=")[0].strip().strip("\"'") == name:
            return number
    return 0
