"""`xenwatch generate docs`: writes the generated documents, or says which are stale."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xenwatch.generate.documents import documents

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 # argparse names it no other way


def stale(directory: Path, texts: Mapping[str, str]) -> list[str]:
    """The paths under `directory` that are missing or hold something else than they must."""
    return [
        name
        for name, text in texts.items()
        if not (directory / name).is_file()
        or (directory / name).read_text(encoding="utf-8") != text
    ]


def run(arguments: argparse.Namespace) -> int:
    """Write what is stale, or with `check` only name it. Returns the exit status."""
    texts = documents()
    names = stale(arguments.directory, texts)
    for name in names:
        path = arguments.directory / name
        if arguments.check:
            print(f"xenwatch: {path} is stale; run: make generate", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[name], encoding="utf-8")
            print(f"xenwatch: wrote {path}", file=sys.stderr)
    return 1 if arguments.check and names else 0


def add_parser(subparsers: Subparsers) -> None:
    """Add `generate` to the command line. The parsed arguments hold the function as `run`."""
    parser = subparsers.add_parser("generate", help="write files made from xenwatch's tables")
    parser.add_argument("what", choices=["docs"], help="the documents under docs/ and contrib/")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when one is stale"
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="top of the repository (default: here)"
    )
    parser.set_defaults(run=run)
