"""A program of a rendered host: it checks its arguments as the real one does, and answers.

Called by the stubs of `tests.runbooks.rendered` as `program.py DIRECTORY MODULE NAME ARGUMENT...`.
What it has answered is kept in DIRECTORY, so that the same question is answered without Python.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from getopt import GetoptError, gnu_getopt
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.runbooks.host import Failed, Host, Program, Refused, load


def answer(host: Host, program: Program, arguments: Sequence[str]) -> str:
    """What a program prints. Raises `Refused`."""
    if program.short is None:
        return program.answer(host, {}, list(arguments))
    try:
        options, operands = gnu_getopt(arguments, program.short, program.long.split())
    except GetoptError as error:
        raise Refused(str(error), 2) from error
    return program.answer(host, dict(options), operands)


def keep(directory: Path, name: str, arguments: Sequence[str], text: str) -> None:
    """Keep an answer where the stub looks for it, if its arguments make a file name."""
    question = "_".join(arguments)
    if question and len(question) < 200 and "/" not in question:
        place = directory / "answers" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / question).write_text(text)


def main(directory: str, module: str, name: str, *arguments: str) -> int:
    """Answer. Returns the exit status."""
    program: Program = import_module(module).PROGRAMS[name]
    try:
        text = answer(load(Path(directory)), program, arguments)
    except Refused as error:
        print(f"{name}: rejected: {error}", file=sys.stderr)
        return error.status
    except Failed as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    keep(Path(directory), name, arguments, text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
