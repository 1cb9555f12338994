"""Counters of processes by generic netlink: one message a process, without a descriptor of it.

The kernel answers while the request is sent, so that nothing is waited for. Only the family is
taken apart by pyroute2, once: its decoder builds objects of every attribute.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from array import array
from collections.abc import Sequence
from typing import Final

from xenwatch.sources.base import SourceError
from xenwatch.sources.wire import (
    ATTRIBUTE,
    GENERIC_HEADER,
    NETLINK_ERROR,
    NETLINK_HEADER,
    NLMSG_ERROR,
)
from xenwatch.sources.wire import TASKSTATS_ASK_TGID as _BY_TGID
from xenwatch.sources.wire import TASKSTATS_GET as _GET

SUBJECT: Final = "taskstats"
_FAMILY: Final = "TASKSTATS"
_NETLINK_GENERIC: Final = 16
_REQUEST: Final = 1
"""NLM_F_REQUEST: no acknowledgement besides the answer."""
_TGID_LENGTH: Final = ATTRIBUTE.size + 4
_LENGTH: Final = NETLINK_HEADER.size + GENERIC_HEADER.size + _TGID_LENGTH
_VERSION: Final = 1
_QUESTION: Final = struct.Struct("=IHHIIBBxxHHI")
"""The headers one after another, and the id."""
_WORDS: Final = _LENGTH // 4
_IDS: Final = (2, 6)
"""Words of a question that are the id of the process: the sequence number, and what is asked."""
_BATCH: Final = 64
"""Requests in one send. Their answers take 2,304 bytes of the receive buffer each, at most."""
_BUFFER: Final = 1 << 18
_DATAGRAM: Final = 2048
"""Room for one answer, of 596 bytes in Linux 6.18; it grows with each version of the struct."""
_ERROR_MAX: Final = NETLINK_HEADER.size + 4 + _LENGTH
"""An error is not longer: its header, the number, the question. An answer is."""
_DONTWAIT: Final = socket.MSG_DONTWAIT
_FLAGS: Final = socket.MSG_DONTWAIT | socket.MSG_TRUNC
"""With the second the size of an answer is told, however little room there is (recv(2))."""
_KIND: Final = struct.Struct("=4xH")


class TaskstatsClient:
    """A socket that is kept from its first use on. Thread-safe: one question at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._family = 0
        self._slots: list[memoryview] = []

    def ask(self, pids: Sequence[int]) -> bytes:
        """See `Source.taskstats`. After an error the next question has a new socket."""
        with self._lock:
            try:
                if self._socket is None:
                    self._socket, self._slots = _opened(), _slots(_DATAGRAM)
                if not self._family:
                    self._family = _family(self._socket)
                return self._answers(self._socket, _questions(self._family, pids))
            except OSError as error:
                self._drop()
                raise SourceError.from_os(SUBJECT, error) from error
            except SourceError:
                self._drop()
                raise

    def close(self) -> None:
        """Close the socket; a later question opens another one."""
        with self._lock:
            self._drop()

    def _answers(self, link: socket.socket, questions: bytes) -> bytes:
        """The answers, in order. Raises `OSError`: EAGAIN if the kernel lost one."""
        found = []
        for first in range(0, len(questions), _BATCH * _LENGTH):
            some = questions[first : first + _BATCH * _LENGTH]
            link.send(some)
            answers = self._received(link, len(some) // _LENGTH)
            if answers is None:
                link.send(some)
                answers = self._received(link, len(some) // _LENGTH)
            if answers is None:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            found.append(answers)
        return b"".join(found)

    def _received(self, link: socket.socket, number: int) -> bytes | None:
        """So many answers, which have one size but for errors: it is known from the first on.

        `None` where there was too little room for one; from then on there is enough.
        """
        slots, receive = self._slots[:number], link.recv_into
        sizes = [receive(slot, 0, _FLAGS) for slot in slots]
        size = len(slots[0])
        if sizes.count(size) == number:
            return bytes(memoryview(slots[0].obj)[: size * number])
        if max(sizes) > size:
            self._slots = _slots(max(sizes))
            return None
        answers = [bytes(slot[:size]) for slot, size in zip(slots, sizes, strict=True)]
        for answer in answers:
            _require_no_error(answer, errno.ESRCH)
        if min(sizes) == max(sizes) > _ERROR_MAX:
            self._slots = _slots(sizes[0])
        return b"".join(answers)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _slots(size: int) -> list[memoryview]:
    """Room for the answers of a batch one after another, made once: a view takes its time."""
    room = memoryview(bytearray(size * _BATCH))
    return [room[place : place + size] for place in range(0, len(room), size)]


def _opened() -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.bind((0, 0))
    except OSError:
        opened.close()
        raise
    return opened


def _family(link: socket.socket) -> int:
    """The number of the family in this kernel. Raises `OSError`: ENOENT without CONFIG_TASKSTATS.

    pyroute2 is imported here: commands of one pass do without.
    """
    try:
        from pyroute2.netlink import (  # type: ignore[import-untyped]  # noqa: PLC0415
            CTRL_CMD_GETFAMILY,
            GENL_ID_CTRL,
            ctrlmsg,
        )
    except ImportError as error:
        raise SourceError("pyroute2", f"cannot be imported: {error}") from error
    question = ctrlmsg()
    question["cmd"], question["version"] = CTRL_CMD_GETFAMILY, _VERSION
    question["attrs"] = [("CTRL_ATTR_FAMILY_NAME", _FAMILY)]
    question["header"]["type"], question["header"]["flags"] = GENL_ID_CTRL, _REQUEST
    question.encode()
    link.send(bytes(question.data))
    answer = link.recv(_DATAGRAM, _DONTWAIT)
    _require_no_error(answer)
    decoded = ctrlmsg(answer)
    decoded.decode()
    number = decoded.get_attr("CTRL_ATTR_FAMILY_ID")
    if not isinstance(number, int):
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
    return number


def _questions(family: int, pids: Sequence[int]) -> bytes:
    """The questions about all, one after another: the same but for the ids of the processes."""
    one = (_LENGTH, family, _REQUEST, 0, 0, _GET, _VERSION, _TGID_LENGTH, _BY_TGID, 0)
    words = array("I", _QUESTION.pack(*one) * len(pids))
    ids = array("I", pids)
    for place in _IDS:
        words[place::_WORDS] = ids
    return words.tobytes()


def _require_no_error(answer: bytes, but: int = 0) -> None:
    """Raise the `OSError` of an error message, unless its number is `but`."""
    if _KIND.unpack_from(answer)[0] == NLMSG_ERROR:
        number = -NETLINK_ERROR.unpack_from(answer)[0]
        if number != but:
            raise OSError(number, os.strerror(number))
