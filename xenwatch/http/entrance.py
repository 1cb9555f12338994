"""Where connections come in: each is a descriptor and no more until its client says something."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

from xenwatch.http.refusals import ABANDONED, BUSY, DESCRIPTORS, IDLE, Refusals
from xenwatch.sockets.unix import BACKLOG

BATCH: Final = 64
"""Connections accepted at a time, before those that are there are looked after."""
GRACE: Final = 0.25
"""Seconds that a client has to say something, however few descriptors there are."""
PAUSE: Final = 0.1
"""Seconds in which nothing is accepted, where there is no descriptor for it."""
PATIENCE: Final = 1.0
"""Seconds that a connection waits for a descriptor, which a file being written may have."""
REQUEST_MAX: Final = 1 << 16
FULL: Final = b"too many connections; retry later\n"
REJECTION: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(FULL), FULL)
)


class Entrance:
    """Accepts connections on `sockets`, at most `most` that have said nothing for `idle` seconds.

    One too many has the oldest closed. `spoke` takes one whose client has said something; `free`
    closes another one where there is no descriptor left, and says whether there was one.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        most: int,
        idle: float,
        *,
        spoke: Callable[[socket.socket], None],
        free: Callable[[], bool],
        refusals: Refusals,
    ) -> None:
        self._sockets = sockets
        self._most = most
        self._idle = idle
        self._spoke = spoke
        self._free = free
        self._refusals = refusals
        self._silent: dict[socket.socket, float] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._reserve: int | None = None
        self._lacking = self._lacked = 0.0
        """Since when there has been no descriptor, nor a connection to close, and till when."""
        self._loop = asyncio.get_running_loop()

    def open(self) -> None:
        """Accept from now on."""
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        for sock in self._sockets:
            sock.setblocking(False)
            sock.listen(BACKLOG)
            self._loop.add_reader(sock, self._accept, sock)

    def close(self) -> None:
        """Stop listening, and close the connections that have said nothing."""
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        while self._silent:
            self._let_go(next(iter(self._silent))).close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # EMFILE, ENFILE, ENOBUFS, ENOMEM: accept(2)
                self._make_room(listener, error)
                return
            sock.setblocking(False)
            self._hold(sock)

    def _hold(self, sock: socket.socket) -> None:
        self._silent[sock] = self._loop.time()
        # By its number: the loop asks for what is not there yet, and would have a socket described.
        self._loop.add_reader(sock.fileno(), self._listen, sock)
        if len(self._silent) > self._most:
            self._close_oldest()
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._idle, self._sweep)

    def _let_go(self, sock: socket.socket) -> socket.socket:
        del self._silent[sock]
        self._loop.remove_reader(sock.fileno())
        return sock

    def _listen(self, sock: socket.socket) -> None:
        """Its client has said something, or is gone."""
        self._let_go(sock)
        try:
            said = sock.recv(1, socket.MSG_PEEK)
        except OSError as error:
            self._refusals.add(ABANDONED, detail=str(error))
            said = b""
        if said:
            self._spoke(sock)
        else:
            sock.close()

    def _close_oldest(self) -> None:
        """Close it, unless its request has just come and nobody has looked yet."""
        sock = next(iter(self._silent))
        try:
            sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            self._let_go(sock).close()
            self._refusals.add(IDLE)
        except OSError:
            self._let_go(sock).close()
        else:
            self._listen(sock)

    def _sweep(self) -> None:
        """Close those that have said nothing for too long."""
        self._sweeping = None
        now = self._loop.time()
        while self._silent:
            sock, since = next(iter(self._silent.items()))
            if now - since < self._idle:
                self._sweeping = self._loop.call_at(since + self._idle, self._sweep)
                return
            self._let_go(sock).close()

    def _make_room(self, listener: socket.socket, error: OSError) -> None:
        """Close what can be closed for the one that waits; else tell it so at last; and pause.

        It has waited since descriptors ran out; a gap longer than `PATIENCE` begins anew.
        """
        self._refusals.add(DESCRIPTORS, detail=str(error))
        since, now = next(iter(self._silent.values()), None), self._loop.time()
        if since is None:
            if not self._free():
                if now - self._lacked > PATIENCE:
                    self._lacking = now
                self._lacked = now
                if now - self._lacking >= PATIENCE:
                    self._refuse_one(listener)
        elif now - since >= GRACE:
            self._close_oldest()
        self._loop.remove_reader(listener)
        self._loop.call_later(PAUSE, self._resume, listener)

    def _refuse_one(self, listener: socket.socket) -> None:
        """Answer a connection with the descriptor that is kept for this."""
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                reject(sock)
                self._refusals.add(BUSY)
        with contextlib.suppress(OSError):  # somebody else has it now; the next time, then
            self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _resume(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._loop.add_reader(listener, self._accept, listener)


def reject(sock: socket.socket, *, plain: bool = True) -> None:
    """Close a new connection, and say why unless it is not `plain`: TLS would not understand it."""
    with contextlib.suppress(OSError), contextlib.closing(sock):
        if plain:
            sock.setblocking(False)
            sock.send(REJECTION)
            sock.recv(REQUEST_MAX)  # what is not read has the kernel drop the answer
