"""Why something failed, in words of the trade: without names of Python's errors or numbers."""

from __future__ import annotations

import json
import os


def why(error: BaseException) -> str:
    """What an operator is told of an error."""
    match error:
        case OSError(errno=int(), verify_message=str() as reason):  # ssl has numbers of its own
            words = f"the certificate is rejected: {reason}"
        case OSError(errno=int(), library=_, reason=reason):
            words = f"TLS: {reason.lower().replace('_', ' ')}" if reason else "not in PEM"
        case OSError(errno=int() as number, strerror=str() as reason):  # getaddrinfo's are negative
            words = os.strerror(number) if number > 0 else reason
        case json.JSONDecodeError():
            words = f"not JSON: line {error.lineno}, column {error.colno}"
        case UnicodeDecodeError():
            words = f"must be UTF-8 text: invalid byte at offset {error.start}"
        case RecursionError():
            words = "nested too deeply"
        case KeyError():
            words = f"{error.args[0] if error.args else 'a field'} is missing"
        case TypeError() | AttributeError() | IndexError():
            words = "a field holds another kind of value"
        case _:
            words = str(error)
    return words or type(error).__name__


def where_and_why(error: BaseException) -> str:
    """The same, after the file that an `OSError` names."""
    match error:
        case OSError(errno=int(), filename=str() | bytes() as name) if name:
            return f"{os.fsdecode(name)}: {why(error)}"
        case _:
            return why(error)
