"""netback's rings: what guests have sent, and what they do not take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import CAPTURES, files
from tests.probes.support import BARE, FakeHost, denied, dom0, failure_of, outcome_of, value_of
from xenwatch.model.datapath import IDLE_RING
from xenwatch.model.presets import PRESETS
from xenwatch.model.render.netback import render_io_ring
from xenwatch.model.source import ModelSource
from xenwatch.parse.errors import ParseError
from xenwatch.parse.netback import FIELDS, parse_io_ring
from xenwatch.probes.base import take
from xenwatch.probes.netback_rings import DEBUGFS, DIRECTORY, NETBACK_RINGS
from xenwatch.readings.netback_rings import NetbackRings, Ring, VifRings
from xenwatch.readings.snapshot import Status

RING = {**IDLE_RING, "tx_requests": "200", "queued_bytes": "7", "gate": "stopped"}
NUMBERS = st.integers(-(2**31), 2**64 - 1).map(str)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        dict.fromkeys(FIELDS, NUMBERS) | {"gate": st.sampled_from(["running", "stopped"])}
    )
)
def test_a_ring_survives(fields: dict[str, str]) -> None:
    """Whatever numbers the kernel writes are read."""
    assert parse_io_ring(render_io_ring(fields)) == fields


def test_another_layout_is_refused() -> None:
    """A file without the queue towards the guest, as older kernels write it, is not guessed at."""
    with pytest.raises(ParseError):
        parse_io_ring(render_io_ring(RING).partition(b"Rx internal")[0])


def host(rings: dict[str, bytes]) -> FakeHost:
    """A dom0 with these rings by interface and file."""
    names = {path.partition("/")[0] for path in rings}
    directories = {
        f"{DIRECTORY}/{vif}": tuple(
            file.partition("/")[2] for file in rings if file.startswith(f"{vif}/")
        )
        for vif in names
    }
    return dom0(
        {f"{DIRECTORY}/{path}": data for path, data in rings.items()},
        directories=directories | {DIRECTORY: tuple(sorted(names))},
    )


def test_the_queues_of_an_interface_are_taken_together() -> None:
    """Slots, requests and bytes of all queues are added; other files are left alone."""
    text = render_io_ring(RING)
    found = value_of(
        NETBACK_RINGS,
        host(
            {"vif3.1/io_ring_q0": text, "vif3.1/io_ring_q1": text, "vif3.1/ctrl": b"", "x/y": b""}
        ),
    )

    ring = VifRings(3, Ring(512, 400), Ring(512, 512), 14, 2 * 524288, 2)
    assert found == NetbackRings({"vif3.1": ring})


def test_a_captured_ring_is_read() -> None:
    """Guests that had sent little: nothing waits, and all room they have is given."""
    rings = files(CAPTURES[1], "debugfs-xen")
    found = value_of(
        NETBACK_RINGS,
        host({path.removeprefix(f"{DIRECTORY}/"): data for path, data in rings.items()}),
    )

    assert isinstance(found, NetbackRings)
    assert {vif.domid for vif in found.by_vif.values()} == {1, 2, 3, 4, 5}
    assert {(vif.tx, vif.rx.slots) for vif in found.by_vif.values()} == {(Ring(256, 0), 256)}


def test_a_ring_that_ends_while_it_is_looked_for_is_left_out() -> None:
    """An interface whose files are gone has no series."""
    source = host({})
    source.directories = {DIRECTORY: ("vif1.0", "vif2.0"), f"{DIRECTORY}/vif2.0": ("io_ring_q0",)}

    assert value_of(NETBACK_RINGS, source) == NetbackRings({})


def test_a_missing_debugfs_is_told() -> None:
    """Without debugfs the probe fails and says so; with it and without netback nothing applies."""
    assert "debugfs is not mounted" in failure_of(NETBACK_RINGS, dom0({}))
    with_others = dom0({}, directories={DEBUGFS: ("bdi",)})
    assert outcome_of(NETBACK_RINGS, with_others).status is Status.NOT_APPLICABLE
    assert outcome_of(NETBACK_RINGS, dom0(BARE)).status is not Status.OK


def test_a_debugfs_that_may_not_be_read_is_a_failure() -> None:
    """A kernel locked down denies it: that is said, and no interface seems to have no rings."""
    source = dom0({})
    source.errors = {DIRECTORY: denied(DIRECTORY)}

    assert "Permission denied" in failure_of(NETBACK_RINGS, source)


def test_the_synthetic_hosts_rings_are_idle() -> None:
    """Each connected interface of a preset has its ring, with room for packets and none waiting."""
    source = ModelSource(PRESETS["debian-12"]())

    found = take(source, [replace(NETBACK_RINGS, enabled=True)]).snapshot.netback_rings

    assert found is not None
    assert found.by_vif
    assert {vif.tx for vif in found.by_vif.values()} == {Ring(256, 0)}
