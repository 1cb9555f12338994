"""Where the programs of a rendered host ask: a stub sends its name and arguments, and is answered.

Stubs ask over loopback, as bash connects to it without another program: hundreds of them start in
the time of a few Pythons.
"""

from __future__ import annotations

import shutil
import socketserver
import threading
from collections.abc import Mapping, Sequence
from getopt import GetoptError, gnu_getopt
from typing import Final

from tests.runbooks.host import Failed, Host, Program, Refused

_STUB: Final = """#!{bash}
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' $(($# + 1)) {name} "$@" >&3
IFS= read -r -d '' status <&3
IFS= read -r -d '' message <&3
[ -z "$message" ] || printf '%s\\n' "$message" >&2
{cat} <&3
exit "$status"
"""


def ask(host: Host, program: Program, arguments: Sequence[str]) -> str:
    """What a program prints. Raises `Refused` or `Failed`."""
    if program.short is None:
        return program.answer(host, {}, list(arguments))
    try:
        options, operands = gnu_getopt(arguments, program.short, program.long.split())
    except GetoptError as error:
        raise Refused(str(error), 2) from error
    return program.answer(host, dict(options), operands)


class Desk:
    """Answers for a host until it is closed."""

    def __init__(self, host: Host, programs: Mapping[str, Program]) -> None:
        self._host = host
        self._programs = programs
        desk = self

        class Handler(socketserver.BaseRequestHandler):
            """One question: how many words, and the words, each ended by NUL."""

            def handle(self) -> None:
                """Read the question, write status, message and output."""
                asked = b""
                while not asked or asked.count(b"\0") <= int(asked.split(b"\0")[0]):
                    part = self.request.recv(65536)
                    if not part:
                        return
                    asked += part
                _, name, *arguments = asked.decode(errors="replace").split("\0")[:-1]
                self.request.sendall(desk.answer(name, arguments).encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stub(self, name: str) -> str:
        """The text of a program of that name, which asks here."""
        port = self._server.server_address[1]
        bash, cat = shutil.which("bash"), shutil.which("cat")
        return _STUB.format(bash=bash, cat=cat, port=port, name=name)

    def answer(self, name: str, arguments: Sequence[str]) -> str:
        """Exit status, message and output, the first two ended by NUL."""
        try:
            return "0\0\0" + ask(self._host, self._programs[name], arguments)
        except Refused as error:
            return f"{error.status}\0{name}: rejected: {error}\0"
        except Failed as error:
            return f"{error.status}\0{name}: {error}\0{error.printed}"

    def close(self) -> None:
        """End the answers."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
