"""Answers of other servers to the page of a pool: bounded in time and size, whatever they say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

import aiohttp

from xenwatch import threads
from xenwatch.config import pool_keys
from xenwatch.config.secret_file import SecretError
from xenwatch.delivery.endpoint import Endpoint
from xenwatch.delivery.trust import UNKNOWN_CA, TrustError, trusted
from xenwatch.display.text import printable
from xenwatch.display.why import why
from xenwatch.status import from_json
from xenwatch.status.host_status import StatusError

T = TypeVar("T")

DEADLINE: Final = 5.0
"""Seconds in which a server has to answer."""
MOST_BYTES: Final = 5 << 20
"""Max size of an answer: a host with 1,000 VMs says 1.1 MB, one with 4,000 4.2 MB."""
MOST_PARTS: Final = 60_000
"""Max objects and arrays of an answer, twice those of a host with 4,000 VMs."""
LANE: Final = threads.Lane("pool")
"""Answers are decoded one at a time, beside the pages."""
_NO_QUERY: Final[Mapping[str, str]] = MappingProxyType({})


class AnswerError(Exception):
    """There is no answer that can be used; the text, of one line, says why."""


def deadline() -> float:
    """When a server must have answered that is asked now, by the clock of the loop."""
    return asyncio.get_running_loop().time() + DEADLINE


async def answer(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    path: str,
    decode: Callable[[bytes], T],
    query: Mapping[str, str] = _NO_QUERY,
    *,
    until: float = 0.0,
) -> T:
    """What `decode` makes of the answer at a path below the URL.

    It may raise `StatusError`. `until` is the `deadline` if it began earlier, with other queries.
    Raises `AnswerError`, whatever goes wrong.
    """
    try:
        async with asyncio.timeout_at(until or deadline()):
            url, authorization = await threads.start(endpoint.read, "secret")
            headers = {"Authorization": authorization} if authorization else {}
            headers["Accept-Encoding"] = "identity"  # a small answer may unpack to a large one
            async with session.get(
                url.rstrip("/") + path,
                params=query,
                headers=headers,
                allow_redirects=False,
                auto_decompress=False,
                ssl=await trusted(url, endpoint.ca),
            ) as response:
                body = await _body(response)
        return await LANE.start(lambda: _decoded(body, decode))
    except TimeoutError:
        reason = f"timed out after {DEADLINE:g} s"
    except (StatusError, SecretError, TrustError, AnswerError) as error:
        reason = str(error)
    except aiohttp.ClientConnectorCertificateError as error:
        cause = error.certificate_error
        unknown = getattr(cause, "verify_code", 0) in UNKNOWN_CA
        reason = why(cause) + (f"; set {pool_keys.CA.path}" if unknown else "")
    except Exception as error:  # noqa: BLE001 - no answer of one may hide those of the others
        cause = getattr(error, "os_error", error)
        reason = why(cause) or type(error).__name__
    raise AnswerError(printable(reason))


def _decoded(body: bytes, decode: Callable[[bytes], T]) -> T:
    """What is kept of an answer. Raises `AnswerError`, and what `decode` raises."""
    if from_json.parts(body) > MOST_PARTS:
        raise AnswerError("response too large: too many objects and arrays")
    return decode(body)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer. Raises `AnswerError`."""
    if response.status != 200:
        hint = "; set pool.username and pool.password_file" if response.status == 401 else ""
        raise AnswerError(f"HTTP status {response.status}{hint}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise AnswerError("response is compressed, which was not requested")
    body = bytearray()
    async for piece in response.content.iter_chunked(1 << 16):
        body += piece
        if len(body) > MOST_BYTES:
            raise AnswerError(f"response too large: more than {MOST_BYTES >> 20} MiB")
    return bytes(body)
