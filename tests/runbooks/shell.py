"""Blocks of commands, run on a rendered host."""

from __future__ import annotations

import re
import subprocess
from typing import Final

from tests.runbooks.blocks import Block
from tests.runbooks.rendered import RenderedHost

_PATH: Final = re.compile(
    r"(?<![\w.\-/$}*\\])/(?=(?:proc|sys|etc|run|var|dev|boot|opt|usr|lib|root|sbin|bin)\b)"
    r"(?!dev/(?:null|stdin|stdout|stderr)\b)"
)
"""Where an absolute path begins: not within a word, a path or a URL."""
_WRONG: Final = re.compile(
    r"not found|No such file|Directory nonexistent|rejected:|unbound variable|parameter not set"
)
_WHOLE: Final = re.compile(r"\b(?:find|ls) (?:-\S+ )*/(?=\s|$)")
"""What would read the root of the machine of the tests."""
_DEADLINE: Final = 60.0


def failure(block: Block, rendered: RenderedHost) -> str | None:
    """What is wrong with a block on that host, `None` if nothing is."""
    try:
        text = block.filled(rendered.host.values)
    except KeyError as error:
        return f"no alert names {error}"
    if _WHOLE.search(text):
        return "reads all of /: name a directory, or what the alert names"
    for line in text.splitlines():
        for option, why in rendered.layout.options.items():
            if re.search(option, line):
                return f"{line}: {why}"
    done = subprocess.run(
        ["sh", "-eu", "-c", _PATH.sub(f"{rendered.root}/", text)],
        cwd=rendered.root,
        env={"PATH": str(rendered.directory / "bin"), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_DEADLINE,
        executable="/bin/sh",
    )
    return verdict(block, done.returncode, done.stdout, done.stderr.replace(str(rendered.root), ""))


def verdict(block: Block, status: int, printed: str, said: str) -> str | None:
    """What is wrong with what a block has printed on stdout and stderr, `None` if nothing is."""
    if _WRONG.search(said):
        return said.strip()
    if status:
        return f"exit status {status}: {said.strip()}"
    if not block.writes and not block.may_be_silent and not printed.strip():
        return "nothing printed"
    return None
