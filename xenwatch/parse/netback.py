"""netback's rings as debugfs shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from xenwatch.parse.errors import ParseError

TEMPLATE: Final = """\
Queue {queue}
TX: nr_ents {tx_slots}
req prod {tx_req_prod} ({tx_requests}) cons {tx_req_cons} ({tx_taken}) event {tx_req_event} ({tx_req_due})
rsp prod {tx_rsp_prod} (base) pvt {tx_rsp_pvt} ({tx_rsp_ahead}) event {tx_rsp_event} ({tx_rsp_due})
pending prod {pending_prod} pending cons {pending_cons} nr_pending_reqs {pending}
dealloc prod {dealloc_prod} dealloc cons {dealloc_cons} dealloc_queue {dealloc}

RX: nr_ents {rx_slots}
req prod {rx_req_prod} ({rx_requests}) cons {rx_req_cons} ({rx_taken}) event {rx_req_event} ({rx_req_due})
rsp prod {rx_rsp_prod} (base) pvt {rx_rsp_pvt} ({rx_rsp_ahead}) event {rx_rsp_event} ({rx_rsp_due})

NAPI state: {napi_state} NAPI weight: {napi_weight} TX queue len {tx_queue}
Credit timer_pending: {timer}, credit: {credit}, usec: {usec}
remaining: {remaining}, expires: {expires}, now: {now}

Rx internal queue: len {queued_bytes} max {queued_bytes_max} pkts {queued_packets} {gate}
"""  # noqa: E501 - the kernel's own lines
"""The file by its fields (drivers/net/xen-netback/xenbus.c, xenvif_read_io_ring).

Producers and consumers count for ever, modulo 2^32; in parentheses is how far they are ahead of
what was answered. `gate` is whether the queue towards the guest is running or stopped.
"""

FIELDS: Final = tuple(re.findall(r"\{(\w+)\}", TEMPLATE))
_WORDS: Final = ("gate", "napi_state")
"""The fields that are no decimal numbers."""


def _field(found: re.Match[str]) -> str:
    kind = r"-?\w" if found[1] in _WORDS else r"-?\d"
    return f"(?P<{found[1]}>{kind}{{1,20}})"


_FILE: Final = re.compile(
    re.sub(r"\\\{(\w+)\\\}", _field, re.escape(TEMPLATE.rstrip("\n"))), re.ASCII
)


def parse_io_ring(data: bytes) -> Mapping[str, str]:
    """`/sys/kernel/debug/xen-netback/VIF/io_ring_qN` by the names of `TEMPLATE`.

    Raises `ParseError` for another format.
    """
    match = _FILE.match(data.decode("ascii", "replace"))
    if not match:
        raise ParseError("ring of netback", "expected the format of Linux 3.18 or later", data)
    return match.groupdict()
