"""What xhad tells of a pool: the form calldaemon prints, any pool, and anything else."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.liveset import render_liveset
from xenwatch.parse.errors import ParseError
from xenwatch.parse.liveset import WARNINGS, HostState, Liveset, parse_liveset

A, B = "7a5c7e0e-6d1c-4b59-9d0b-3c6a1d2f4e01", "c0ffee00-1f2e-4c3b-8a49-5b6c7d8e9f02"
PRINTED = f"""<?xml version="1.0" encoding="UTF-8"?>
<ha_liveset_info version="1.0">
  <status>Online</status>
  <localhost>
    <HostID>{A}</HostID>
    <HostIndex>0</HostIndex>
  </localhost>
  <host>
    <HostID>{A}</HostID>
    <HostIndex>0</HostIndex>
    <liveness>TRUE</liveness>
    <master>TRUE</master>
    <statefile_access>FALSE</statefile_access>
    <statefile_corrupted>FALSE</statefile_corrupted>
    <excluded>FALSE</excluded>
  </host>
  <host>
    <HostID>{B}</HostID>
    <HostIndex>1</HostIndex>
    <liveness>FALSE</liveness>
    <master>FALSE</master>
    <statefile_access>FALSE</statefile_access>
    <statefile_corrupted>FALSE</statefile_corrupted>
    <excluded>TRUE</excluded>
  </host>
  <raw_status_on_local_host>
    <statefile_latency>21</statefile_latency>
    <statefile_latency_max>900</statefile_latency_max>
    <statefile_latency_min>-1</statefile_latency_min>
    <heartbeat_latency>7000</heartbeat_latency>
    <heartbeat_latency_max>7001</heartbeat_latency_max>
    <heartbeat_latency_min>7000</heartbeat_latency_min>
    <Xapi_healthcheck_latency>240</Xapi_healthcheck_latency>
    <Xapi_healthcheck_latency_max>240</Xapi_healthcheck_latency_max>
    <Xapi_healthcheck_latency_min>240</Xapi_healthcheck_latency_min>
    <host_raw_data>
      <HostID>{A}</HostID>
      <HostIndex>0</HostIndex>
      <time_since_last_update_on_statefile>64010</time_since_last_update_on_statefile>
      <time_since_last_heartbeat>2640</time_since_last_heartbeat>
      <time_since_xapi_restart_first_attempted>-1</time_since_xapi_restart_first_attempted>
      <xapi_error_string></xapi_error_string>
      <heartbeat_active_list_on_heartbeat>
          {A}
      </heartbeat_active_list_on_heartbeat>
      <heartbeat_active_list_on_statefile>
      </heartbeat_active_list_on_statefile>
      <statefile_active_list_on_heartbeat>
      </statefile_active_list_on_heartbeat>
      <statefile_active_list_on_statefile>
      </statefile_active_list_on_statefile>
    </host_raw_data>
    <host_raw_data>
      <HostID>{B}</HostID>
      <HostIndex>1</HostIndex>
      <time_since_last_update_on_statefile>-1</time_since_last_update_on_statefile>
      <time_since_last_heartbeat>-1</time_since_last_heartbeat>
      <time_since_xapi_restart_first_attempted>-1</time_since_xapi_restart_first_attempted>
      <xapi_error_string>healthcheck failed</xapi_error_string>
      <heartbeat_active_list_on_heartbeat>
      </heartbeat_active_list_on_heartbeat>
      <heartbeat_active_list_on_statefile>
      </heartbeat_active_list_on_statefile>
      <statefile_active_list_on_heartbeat>
      </statefile_active_list_on_heartbeat>
      <statefile_active_list_on_statefile>
      </statefile_active_list_on_statefile>
    </host_raw_data>
  </raw_status_on_local_host>
  <timeout>
    <T1>60000</T1>
    <T2>45000</T2>
    <T3>70000</T3>
    <Wh>60000</Wh>
    <Ws>75000</Ws>
  </timeout>
  <warning_on_local_host>
    <statefile_lost>TRUE</statefile_lost>
    <heartbeat_approaching_timeout>FALSE</heartbeat_approaching_timeout>
    <statefile_approaching_timeout>FALSE</statefile_approaching_timeout>
    <Xapi_healthcheck_approaching_timeout>TRUE</Xapi_healthcheck_approaching_timeout>
    <network_bonding_error>FALSE</network_bonding_error>
  </warning_on_local_host>
</ha_liveset_info>
"""
"""As print_query_liveset of xenserver/xha, commands/calldaemon.c, prints a pool of two hosts."""

times = st.none() | st.integers(0, 10**9)
hosts = st.lists(
    st.builds(HostState, st.uuids().map(str), st.booleans(), st.booleans(), times, times),
    min_size=1,
    max_size=64,
    unique_by=lambda host: host.uuid,
)
livesets = st.builds(
    Liveset,
    st.just(True),
    hosts.map(tuple),
    times,
    times,
    times,
    st.fixed_dictionaries(dict.fromkeys(WARNINGS, st.booleans())),
)


def test_what_is_printed_is_understood() -> None:
    """Every number is taken from its own place, and -1 is no time."""
    found = parse_liveset(PRINTED.encode())

    assert found == Liveset(
        True,
        (HostState(A, True, False, 2640, 64010), HostState(B, False, True, None, None)),
        21,
        60000,
        45000,
        {
            "statefile_lost": True,
            "heartbeat_approaching_timeout": False,
            "statefile_approaching_timeout": False,
            "xapi_healthcheck_approaching_timeout": True,
            "network_bonding_error": False,
        },
    )


def test_xhad_before_2025_numbers_no_hosts() -> None:
    """Without HostIndex, which is newer, the rest is the same."""
    lines = PRINTED.splitlines(keepends=True)
    older = "".join(line for line in lines if "HostIndex" not in line)

    assert parse_liveset(older.encode()) == parse_liveset(PRINTED.encode())


def test_while_it_starts_it_tells_nothing_else() -> None:
    """A daemon that is not online yet has no hosts and no warnings."""
    assert parse_liveset(render_liveset(A, Liveset(online=False))) == Liveset(online=False)


@settings(deadline=None, max_examples=25)
@given(livesets)
def test_any_pool_survives_renderer_and_parser(found: Liveset) -> None:
    """Hosts, times and warnings come back from the XML made of them."""
    assert parse_liveset(render_liveset(found.hosts[0].uuid, found)) == found


@pytest.mark.parametrize(
    "line",
    [
        "</ha_liveset_info>",
        "    <liveness>TRUE</liveness>",
        "    <excluded>TRUE</excluded>",
        "    <statefile_latency>21</statefile_latency>",
        "      <time_since_last_heartbeat>2640</time_since_last_heartbeat>",
        "    <T2>45000</T2>",
        "    <statefile_lost>TRUE</statefile_lost>",
        "  <timeout>",
        "  </warning_on_local_host>",
    ],
)
def test_nothing_that_is_missing_is_made_up(line: str) -> None:
    """Without a line that is always printed the answer is refused."""
    assert line in PRINTED
    with pytest.raises(ParseError, match="calldaemon query_liveset"):
        parse_liveset(PRINTED.replace(line, "", 1).encode())


def test_no_pool_has_65_hosts() -> None:
    """An answer with more hosts than a pool can have is refused."""
    many = tuple(HostState(str(uuid.UUID(int=n)), True, False, 1, 1) for n in range(65))
    found = Liveset(True, many, 1, 1, 1, dict.fromkeys(WARNINGS, False))

    with pytest.raises(ParseError, match="expected 1 to 64 elements"):
        parse_liveset(render_liveset(A, found))
