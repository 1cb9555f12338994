"""Why something failed, in words of the trade: without names of Python's errors or numbers."""

from __future__ import annotations

import json
import os


def why(error: BaseException) -> str:
    """What an operator is told of an error; of `OSError` with the file, if it names one."""
    match error:
        case OSError(errno=int() as number):
            named = isinstance(error.filename, str | bytes) and error.filename
            place = f"{os.fsdecode(error.filename)}: " if named else ""
            words = f"{place}{os.strerror(number)}"
        case json.JSONDecodeError():
            words = f"not JSON: line {error.lineno}, column {error.colno}"
        case UnicodeDecodeError():
            words = f"not UTF-8 text: invalid byte at offset {error.start}"
        case RecursionError():
            words = "nested too deeply"
        case KeyError():
            words = f"{error.args[0] if error.args else 'a field'} is missing"
        case TypeError() | AttributeError() | IndexError():
            words = "a field holds another kind of value"
        case _:
            words = str(error)
    return words or type(error).__name__
