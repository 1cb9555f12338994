"""Quotas of xenstore: replies of the C xenstored and of oxenstored, and their renderers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.xenstore_quota import (
    render_acknowledged,
    render_domain,
    render_own_quota,
    render_oxenstored,
    render_settings,
)
from xenwatch.parse.errors import ParseError
from xenwatch.parse.xenstore_quota import (
    KINDS,
    domain_request,
    own_quota_request,
    parse_domain,
    parse_own_quota,
    parse_oxenstored,
    parse_settings,
    settings_request,
)
from xenwatch.sources.base import XenstoreReply

AMOUNTS = st.integers(0, 2**31 - 1)
DOMIDS = st.integers(1, 0x7FEF)
QUOTAS = st.fixed_dictionaries(dict.fromkeys(KINDS, AMOUNTS))
# As the format strings of tools/xenstore/xenstored_control.c and xenstored_domain.c of Xen 4.17 and
# tools/xenstored/domain.c of Xen 4.18 make them.
SETTINGS_417 = b"""Quota settings:
nodes            :     1000 Nodes per domain
watches          :      128 Watches per domain
transactions     :       10 Transactions per domain
outstanding      :       20 Outstanding requests per domain
transaction-nodes:     1024 Max. number of accessed nodes per transaction
memory           :  2621440 Total Xenstore memory per domain (error level)
node-size        :     2048 Max. size of a node
path-max         :     2048 Max. length of a node path
permissions      :        5 Max. number of permissions per node
\0"""
DOMAIN_417 = b"""Domain 5:
nodes           :       42
watches         :       12
transactions    :        0
outstanding     :        1
memory          :     9120
\0"""
DOMAIN_418 = b"""Domain 5:
nodes            :       42 (max       60)
watches          :       12 (max      128)
outstanding      :        0 (max       20)
memory           :     9120 (max    30000)
transactions     :        0 (max        2)
transaction-nodes:        0 (max       88)
\0"""
DEFAULTS = {"nodes": 1000, "watches": 128, "transactions": 10, "memory": 2621440}
USED = {"nodes": 42, "watches": 12, "transactions": 0, "memory": 9120}


def reply(payload: bytes) -> XenstoreReply:
    """A reply to a control command."""
    return XenstoreReply(0, payload)


@settings(deadline=None)
@given(QUOTAS)
def test_settings_survive_their_renderer(quotas: dict[str, int]) -> None:
    """Quotas of any size are the same after rendering and parsing."""
    assert parse_settings(render_settings(quotas)) == quotas


@settings(deadline=None)
@given(DOMIDS, QUOTAS, st.booleans())
def test_use_survives_its_renderer(domid: int, used: dict[str, int], most: bool) -> None:
    """What a domain uses is the same, with and without the most that was seen."""
    assert parse_domain(render_domain(domid, used, used if most else None), domid) == used


@settings(deadline=None)
@given(DOMIDS, st.one_of(st.none(), st.tuples(AMOUNTS, AMOUNTS)))
def test_nodes_of_oxenstored_survive_their_renderer(
    domid: int, nodes: tuple[int, int] | None
) -> None:
    """Nodes and their quota, or that there are none, are the same."""
    assert parse_oxenstored(render_oxenstored(domid, nodes), domid) == nodes


@settings(deadline=None)
@given(AMOUNTS)
def test_an_own_quota_survives_its_renderer(quota: int) -> None:
    """A domain's own quota is the same."""
    assert parse_own_quota(render_own_quota(quota)) == quota


def test_requests_are_words_that_end_with_nul() -> None:
    """Control commands are XS_CONTROL, 0; a domain's own quota is XS_GET_QUOTA, 25."""
    assert settings_request() == (0, b"quota\0")
    assert domain_request(5) == (0, b"quota\0005\0")
    assert own_quota_request(5, "watches") == (25, b"5\0watches\0")


def test_settings_of_the_c_xenstored() -> None:
    """Of the quotas those are read that are about the use of a domain."""
    assert parse_settings(reply(SETTINGS_417)) == DEFAULTS


@pytest.mark.parametrize("payload", [DOMAIN_417, DOMAIN_418])
def test_use_in_the_c_xenstored(payload: bytes) -> None:
    """The most that was seen is no quota, and kinds come in any order."""
    assert parse_domain(reply(payload), 5) == USED


def test_the_settings_tell_the_two_xenstoreds_apart() -> None:
    """oxenstored only acknowledges the request for them."""
    assert parse_settings(render_acknowledged()) is None
    assert parse_settings(reply(SETTINGS_417)) is not None


def test_dom0_of_a_xenserver() -> None:
    """oxenstored tells nodes and their quota in one line."""
    assert parse_oxenstored(reply(b"dom0 quota: 44/8192\0"), 0) == (44, 8192)


def test_an_own_quota_that_is_not_set_is_that_of_all() -> None:
    """UINT_MAX means that the domain has none of its own."""
    assert parse_own_quota(XenstoreReply(25, b"4294967295\0")) is None
    assert parse_own_quota(XenstoreReply(25, b"0\0")) == 0


@pytest.mark.parametrize(
    "payload",
    [
        b"Quota settings:\n",
        b"Quota settings:\nnodes: many\n\0",
        b"Quota settings:\nnodes : 1000\n\0",
        SETTINGS_417[:-20],
    ],
)
def test_other_settings_are_refused(payload: bytes) -> None:
    """Cut short or without numbers nothing is known."""
    with pytest.raises(ParseError, match="quota"):
        parse_settings(reply(payload))


@pytest.mark.parametrize(
    "payload", [b"", b"OK\0", b"Domain 6:\nnodes : 1\n\0", b"Domain 5:\nnodes\n\0", DOMAIN_418[:-9]]
)
def test_the_use_of_another_domain_is_refused(payload: bytes) -> None:
    """A reply that is not about the domain, or is cut short, is no use of it."""
    with pytest.raises(ParseError, match="quota"):
        parse_domain(reply(payload), 5)


@pytest.mark.parametrize("payload", [b"", b"OK\0", b"dom6 quota: 1/2\0", b"dom5 quota: 1\0"])
def test_other_nodes_of_oxenstored_are_refused(payload: bytes) -> None:
    """Anything but the one line about the domain is refused."""
    with pytest.raises(ParseError, match="dom5"):
        parse_oxenstored(reply(payload), 5)
