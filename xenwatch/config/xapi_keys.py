"""The configuration keys of what xapi and xcp-rrdd are told."""

from __future__ import annotations

from typing import Final

from xenwatch.config import converters
from xenwatch.config.key import Key
from xenwatch.messages.requests import MOST_POSTS

MESSAGES: Final[Key[bool]] = Key(
    "xapi.messages",
    "boolean",
    False,
    "Post alerts as messages of xapi, which XenCenter and Xen Orchestra show; those of resolved "
    "alerts are removed.",
    converters.boolean,
    restart=True,
)
MESSAGES_PER_HOUR: Final[Key[int]] = Key(
    "xapi.messages_per_hour",
    "integer",
    20,
    "Maximum number of messages posted in an hour; further alerts wait, critical ones are posted "
    "first.",
    converters.integer(1, MOST_POSTS),
    restart=True,
)
DATA_SOURCES: Final[Key[bool]] = Key(
    "xapi.data_sources",
    "boolean",
    False,
    "Provide headroom for VMs, the fullest limit and wakeups to xcp-rrdd as data sources of the "
    "host, which XenCenter draws.",
    converters.boolean,
    restart=True,
)

KEYS: Final = (MESSAGES, MESSAGES_PER_HOUR, DATA_SOURCES)
"""Every key of xapi."""
