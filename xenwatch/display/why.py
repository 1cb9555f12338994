"""Why something failed, in words of the trade: without names of Python's errors or numbers."""

from __future__ import annotations

import json
import os


def why(error: BaseException) -> str:
    """What an operator is told of an error."""
    match error:
        case OSError() if type(error).__module__ == "ssl":
            words = _of_tls(error)
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
            words = "a field has a value of the wrong type"
        case _:
            words = str(error)
    return words or type(error).__name__


def _of_tls(error: OSError) -> str:
    """The words of an `ssl.SSLError`, whose number is none of the system's.

    The module is not imported: the reader needs none of it.
    """
    if unverified := getattr(error, "verify_message", ""):
        return f"the certificate is rejected: {unverified}"
    reason: str = getattr(error, "reason", "") or ""
    return f"TLS: {reason.lower().replace('_', ' ')}" if reason else "not in PEM"


def where_and_why(error: BaseException) -> str:
    """The same, after the file that an `OSError` names."""
    match error:
        case OSError(errno=int(), filename=str() | bytes() as name) if name:
            return f"{os.fsdecode(name)}: {why(error)}"
        case _:
            return why(error)
