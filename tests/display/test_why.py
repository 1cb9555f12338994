"""Reasons in words of the trade."""

from __future__ import annotations

import errno
import json
import os
import socket
import ssl
from collections.abc import Callable

import pytest

from xenwatch.display.text import quoted, shown
from xenwatch.display.why import where_and_why, why


def decoded(text: str) -> BaseException:
    """The error of a text that is no JSON."""
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads(text)
    return caught.value


def of_pem(load: Callable[[ssl.SSLContext], None]) -> BaseException:
    """The error of loading a file without certificates."""
    with pytest.raises(ssl.SSLError) as caught:
        load(ssl.create_default_context())
    return caught.value


def unverified() -> BaseException:
    """The error of a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "it has expired"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x", "/a/b"), "No such file or directory"),
        (PermissionError(errno.EACCES, "x"), "Permission denied"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not"),
        (unverified(), "the certificate is rejected: it has expired"),
        (of_pem(lambda context: context.load_verify_locations(os.devnull)), "TLS: no certificate"),
        (of_pem(lambda context: context.load_cert_chain(os.devnull)), "not in PEM"),
        (TimeoutError("timed out after 2 s"), "timed out after 2 s"),
        (decoded("\n  x"), "not JSON: line 2, column 3"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "must be UTF-8 text: invalid byte at"),
        (KeyError("time"), "time is missing"),
        (TypeError("'int' object is not iterable"), "a field has a value of the wrong type"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (ValueError("must be a number"), "must be a number"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_told_without_the_words_of_python(error: BaseException, words: str) -> None:
    """Neither numbers of errors nor names of types are told where there are words."""
    assert why(error).startswith(words)
    assert "Errno" not in why(error)


def test_a_file_is_told_where_it_is_known() -> None:
    """The file that failed comes before the reason, and only where one did."""
    assert where_and_why(OSError(errno.ENOSPC, "x", b"/a")) == "/a: No space left on device"
    assert where_and_why(OSError(errno.ENOSPC, "x")) == "No space left on device"
    assert where_and_why(ValueError("must be a number")) == "must be a number"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        ([1, "a", False], "[1, 'a', false]"),
        (tuple(range(9)), "[0, 1, 2, 3, 4, 5, ...]"),
        ({"a": 1}, "a table"),
        ("a\nb", "'a\\nb'"),
        pytest.param(10**9000, "a number of thousands of digits", id="digits"),
    ],
)
def test_a_value_is_shown_as_in_the_file(value: object, text: str) -> None:
    """What is rejected is shown as TOML has it, on one line."""
    assert shown(value) == text


def test_bytes_are_shown_as_text() -> None:
    """What a file held is text in quotes, whatever its bytes."""
    assert quoted(b"a\n\xff") == '"a\\n\\xff"'
