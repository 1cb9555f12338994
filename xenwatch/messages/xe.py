"""Messages of xapi by its command line, with fixed arguments.

`xe message-create` prints nothing, not the message's UUID (xapi, ocaml/xapi-cli-server/
cli_operations.ml): a message is found by what it says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from xenwatch.display.text import printable
from xenwatch.messages.requests import UUID, Message
from xenwatch.sources.base import CommandOutput, SourceError

XE: Final = "xe"
MOST_REMOVED: Final = 16
"""Messages of the same text that are removed at once."""
_UNKNOWN: Final = re.compile(r"uuid you supplied was invalid")
"""What xe prints of a VM that xapi does not know (datamodel_errors.ml, uuid_invalid)."""
_MOST_SHOWN: Final = 200

Run = Callable[[tuple[str, ...]], CommandOutput]
"""Runs a program in bounded time. Raises `SourceError` where it cannot."""


class XeError(Exception):
    """xe has failed; the text says why."""


def post(message: Message, host: str, run: Run) -> None:
    """Create a message about the VM, or about the host where xapi does not know the VM.

    `host` is the UUID of this host. Raises `XeError`, `SourceError`.
    """
    try:
        _create(message, f"vm-uuid={message.vm}" if message.vm else f"host-uuid={host}", run)
    except XeError as error:
        if not message.vm or not _UNKNOWN.search(str(error)):
            raise
        _create(message, f"host-uuid={host}", run)


def find(message: Message, host: str, run: Run) -> tuple[str, ...]:
    """The UUIDs of the message. Raises `XeError`, `SourceError`.

    xapi reads every message it has, at most 10,000 (xapi_globs.ml, message_limit).
    """
    for uuid in dict.fromkeys((message.vm or host, host)):
        printed = _asked(
            run,
            *(XE, "message-list", f"name={message.name}", f"obj-uuid={uuid}"),
            *(f"body={message.body}", "params=uuid", "--minimal"),
        )
        words = printed.decode("ascii", "replace").strip().split(",")
        if found := tuple(word for word in words if re.fullmatch(UUID, word)):
            return found[:MOST_REMOVED]
    return ()


def remove(message: Message, host: str, run: Run) -> None:
    """Remove the message wherever it is; somebody may have. Raises `XeError`, `SourceError`."""
    for uuid in find(message, host, run):
        _asked(run, XE, "message-destroy", f"uuid={uuid}")


def _create(message: Message, about: str, run: Run) -> None:
    _asked(
        run,
        *(XE, "message-create", f"name={message.name}", f"priority={message.priority}"),
        *(f"body={message.body}", about),
    )


def _asked(run: Run, *argv: str) -> bytes:
    """What the program printed. Raises `XeError`, `SourceError`."""
    command = f"{argv[0]} {argv[1]}"
    try:
        output = run(argv)
    except SourceError as error:
        # Without the arguments: a body of the longest kind would leave no room for the reason.
        raise SourceError(command, error.reason, error.errno) from error
    if output.status != 0:
        said = output.stderr.decode("utf-8", "replace") or f"exit status {output.status}"
        raise XeError(f"{command}: {printable(' '.join(said.split()))[:_MOST_SHOWN]}")
    return output.stdout
