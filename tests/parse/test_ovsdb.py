"""Bridges and ports of Open vSwitch as ovsdb-client prints them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.ovsdb import render_switch
from xenwatch.parse.errors import ParseError
from xenwatch.parse.ovsdb import BridgeRow, PortRow, SwitchRows, parse_switch, transaction

NAMES = st.text(min_size=1, max_size=15)
UUIDS = st.uuids().map(str)
TAGS = st.integers(0, 4095)
PORTS = st.builds(
    PortRow,
    uuid=UUIDS,
    name=NAMES,
    tag=st.none() | TAGS,
    trunks=st.lists(TAGS, max_size=3).map(tuple),
    vlan_mode=st.sampled_from(["", "access", "trunk", "native-tagged"]),
    fake_bridge=st.booleans(),
    interfaces=st.lists(UUIDS, max_size=3).map(tuple),
)
BRIDGES = st.builds(BridgeRow, name=NAMES, ports=st.lists(UUIDS, max_size=3).map(tuple))
ROWS = st.builds(
    SwitchRows,
    bridges=st.lists(BRIDGES, max_size=3).map(tuple),
    ports=st.lists(PORTS, max_size=4).map(tuple),
    interfaces=st.dictionaries(UUIDS, NAMES, max_size=4),
)


@settings(deadline=None)
@given(ROWS)
def test_rows_survive_their_renderer(rows: SwitchRows) -> None:
    """Ports with and without tag, trunks and mode survive rendering and parsing."""
    assert parse_switch(render_switch(rows)) == rows


KEYS = st.sampled_from(["rows", "name", "ports", "tag", "error"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=9,
)


@settings(deadline=None)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused(data: bytes) -> None:
    """Bytes that are no JSON, and JSON of another shape, raise `ParseError` alone."""
    try:
        parse_switch(data)
    except ParseError as error:
        assert str(error).startswith("ovsdb-client: ")  # noqa: PT017 - most bytes are no answer


def test_a_transaction_that_was_refused_is_told() -> None:
    """What the database says of a failed operation is in the error, also of a second one."""
    refused = {"error": "unknown column", "details": "No column vlan_mode in table Port."}

    for answer in ([{"rows": []}, refused, None], [refused, None, None]):
        with pytest.raises(ParseError, match="unknown column: No column vlan_mode"):
            parse_switch(json.dumps(answer).encode())


def test_the_transaction_only_selects() -> None:
    """Nothing that is sent to the database can change it."""
    database, *operations = json.loads(transaction())

    assert database == "Open_vSwitch"
    assert {operation["op"] for operation in operations} == {"select"}
