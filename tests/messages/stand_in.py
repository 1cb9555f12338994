"""A stand-in for xe and xapi: checks arguments as xapi does, and keeps messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.runbooks.host import Refused
from tests.runbooks.programs_of_xapi import checked
from xenwatch.messages.helper import Helper
from xenwatch.messages.page_file import PageFile
from xenwatch.sources.base import CommandOutput, SourceError

HOST = "5e0c5f4c-1f0f-4f0e-9f0a-000000000001"
VM = "0d4b2c1a-1f0f-4f0e-9f0a-000000000002"
UNKNOWN_VM = "0d4b2c1a-1f0f-4f0e-9f0a-00000000dead"


@dataclass
class Xapi:
    """Messages by UUID: the fields that xapi keeps.

    While it `hangs`, xe is killed at its deadline; `late`: xapi does all the same what it was
    asked. While it is `down`, xe says so.
    """

    messages: dict[str, dict[str, str]] = field(default_factory=dict)
    objects: set[str] = field(default_factory=lambda: {HOST, VM})
    asked: list[tuple[str, ...]] = field(default_factory=list)
    hangs: bool = False
    late: bool = False
    down: bool = False

    def run(self, argv: Sequence[str], deadline: float) -> CommandOutput:
        """Run xe. Raises `SourceError` while xapi hangs."""
        self.asked.append(tuple(argv))
        if self.down:
            return CommandOutput(1, b"", b"Error: Connection refused (calling connect)\n")
        if self.hangs and not self.late:
            raise SourceError(" ".join(argv), f"timed out after {deadline:g} s")
        try:
            printed = self._do(list(argv))
        except Refused as refused:
            return CommandOutput(1, b"", f"{refused}\n".encode())
        if self.hangs:
            raise SourceError(" ".join(argv), f"timed out after {deadline:g} s")
        return CommandOutput(0, printed.encode(), b"")

    def commands(self) -> list[str]:
        """The commands that were asked for."""
        return [argv[1] for argv in self.asked]

    def bodies(self) -> list[str]:
        """What the messages say."""
        return [message["body"] for message in self.messages.values()]

    def _do(self, argv: list[str]) -> str:
        assert argv[0] == "xe"
        # xe sends its arguments as lines, and xapi splits them again.
        name, given = checked("\n".join(argv[1:]).split("\n"))
        if name == "message-create":
            self._create(given)
            return ""
        if name == "message-list":
            fields = given.keys() - {"params", "minimal"}
            return ",".join(
                uuid
                for uuid, message in self.messages.items()
                if all(message[each] == given[each] for each in fields)
            )
        assert name == "message-destroy"
        if self.messages.pop(given["uuid"], None) is None:
            raise Refused("The uuid you supplied was invalid.\ntype: message")
        return ""

    def _create(self, given: dict[str, str]) -> None:
        int(given["priority"])
        about = given.get("vm-uuid") or given["host-uuid"]
        if about not in self.objects:
            raise Refused(f"The uuid you supplied was invalid.\ntype: VM\nuuid: {about}")
        uuid = f"b2f0c1de-1a2b-4c3d-8e4f-{len(self.asked):012x}"
        self.messages[uuid] = {
            "name": given["name"],
            "priority": given["priority"],
            "body": given["body"],
            "obj-uuid": about,
        }


def helper(xapi: Xapi, directory: Path) -> Helper:
    """The helper of a host with that xapi; pages are in the directory."""
    inventory = directory / "inventory"
    inventory.write_text(f"PRODUCT_BRAND='XCP-ng'\nINSTALLATION_UUID='{HOST}'\n")
    return Helper(xapi.run, str(inventory), PageFile(str(directory)), lambda: 1_700_000_000.5)
