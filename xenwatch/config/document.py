"""The configuration file as a TOML document."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from xenwatch.display.why import why

DEFAULT_FILE: Final = "/etc/xenwatch/xenwatch.toml"
FILE_LIMIT: Final = 1 << 20


def decoded(data: bytes, name: str, problems: list[str]) -> tuple[str, Mapping[str, Any]]:
    """The text and the TOML document of a file's bytes; its problems are added to `problems`."""
    try:
        text = data.decode("utf-8-sig")  # editors of Windows begin files with a mark
        return text, tomllib.loads(text)
    except (UnicodeDecodeError, RecursionError) as error:
        problems.append(f"{name}: {why(error)}")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{name}: invalid TOML: {str(error)[:200]}")
    except ValueError:  # Python converts no integer of more digits
        problems.append(f"{name}: invalid TOML: a number of thousands of digits")
    return "", {}


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
