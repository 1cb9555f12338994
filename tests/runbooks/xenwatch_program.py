"""xenwatch itself on a rendered host: the real command line, which reads the synthetic host."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

from tests.runbooks.host import Failed, Host, Options, Program, refuse
from xenwatch.cli.main import main

_ONE_AT_A_TIME = threading.Lock()
"""stdout is that of the whole process."""


def xenwatch_program(preset: str, directory: Path) -> Program:
    """The program for a synthetic host; what it writes goes into `directory`."""
    configuration = directory / "xenwatch.toml"
    configuration.write_text(f'[maintenance]\nfile = "{directory}/maintenance.json"\n')
    own = ("--config.file", str(configuration))

    @cache
    def read(*arguments: str) -> str:
        return _run((*own, "--source", f"synthetic:{preset}", *arguments))

    def answer(host: Host, options: Options, arguments: list[str]) -> str:
        with _ONE_AT_A_TIME:
            return _run((*own, *arguments)) if "maintenance" in arguments else read(*arguments)

    return Program(answer)


def _run(arguments: tuple[str, ...]) -> str:
    """What it prints. A wrong argument is rejected, another exit status is a failure."""
    written = io.TextIOWrapper(io.BytesIO())
    said = io.StringIO()
    own, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO())
    try:
        with redirect_stdout(written), redirect_stderr(said):
            status = main(arguments)
    except SystemExit as error:
        refuse(f"{error.code}: {said.getvalue()}", 2)
    finally:
        sys.stdin = own
    written.flush()
    printed: str = written.buffer.getvalue().decode()
    if status:
        raise Failed(said.getvalue().strip(), status, printed)
    return printed
