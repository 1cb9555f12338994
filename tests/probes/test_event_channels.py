"""Event channels: slots by hypercall, lines by lsevtchn, which of the two, and whose."""

from __future__ import annotations

import dataclasses
import errno
import struct
from typing import Any

import pytest

from tests.captures import CAPTURES, LAB
from tests.probes.support import (
    FakeHost,
    after,
    channels,
    denied,
    dom0,
    failure_of,
    outcome_of,
    output,
    value_of,
)
from xenwatch.model.render.evtchn import render_lsevtchn
from xenwatch.parse.evtchn import (
    BATCH,
    CLOSED,
    EVENT_CHANNEL_OP,
    FIFO_PORTS,
    INTERDOMAIN,
    IPI,
    PIRQ,
    UNBOUND,
    VIRQ,
    Channel,
    parse_lsevtchn,
)
from xenwatch.probes.event_channels import (
    DRIVER_DOMAINS,
    EVENT_CHANNELS,
    LSEVTCHN_DIRECTORIES,
)
from xenwatch.readings.devices import DeviceKey, XenstoreDevices
from xenwatch.readings.event_channels import DriverDomains, EventChannels
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.sources.base import Hypercall, HypercallReply, NotCaptured, SourceError

DEBIAN = "/usr/lib/xen-4.17/bin"
LIBEXEC = "/usr/libexec/xen/bin"
OPEN = [
    Channel(0, 0, CLOSED),
    Channel(1, 0, VIRQ, None, 0),
    Channel(2, 0, IPI),
    Channel(3, 1, IPI),
    Channel(4, 0, PIRQ, None, 9),
    Channel(5, 0, INTERDOMAIN, 7, 33),
    Channel(6, 0, INTERDOMAIN, 7, 34),
    Channel(7, 0, UNBOUND, 8),
]
KINDS = {"virq": 1, "ipi": 2, "pirq": 1, "interdomain": 2, "unbound": 1}
DOMAINS = {7: 2, 8: 1}


def closed(first: int, count: int) -> list[Channel]:
    """Slots that are allocated and not in use."""
    return [Channel(port, 0, CLOSED) for port in range(first, first + count)]


def slots(listed: list[Channel | int] | list[Channel], total: int) -> list[Channel | int]:
    """These slots, and closed ones up to `total`."""
    return [*listed, *closed(len(listed), total - len(listed))]


def xen(listed: list[Channel | int]) -> FakeHost:
    """A dom0 whose Xen has these slots, and no lsevtchn."""
    return dom0(calls={EVENT_CHANNEL_OP: channels(listed)})


def tool(
    found: Any,
    directory: str = DEBIAN,
    directories: dict[str, tuple[str, ...]] | None = None,
    domid: int = 0,
) -> FakeHost:
    """A dom0 without privcmd whose lsevtchn leaves this output, or this error."""
    path = (f"{directory}/lsevtchn", str(domid))
    places = {"/usr/lib": ("python3", "xen-4.17"), directory: ("lsevtchn", "xenconsole")}
    parts = (
        {"errors": {path: found}} if isinstance(found, SourceError) else {"commands": {path: found}}
    )
    return dom0(directories={**places, **(directories or {})}, **parts)


def read(source: FakeHost) -> EventChannels:
    """What the probe reads."""
    found: EventChannels = value_of(EVENT_CHANNELS, source)
    return found


def test_slots_are_counted_by_kind_and_domain() -> None:
    """What is not closed is used; channels to a domain count as that domain's."""
    found = read(xen(slots(OPEN, 64)))

    assert found == EventChannels(KINDS, DOMAINS, 64, 7, "hypercall")
    assert found.used == 7


def test_slots_of_xen_are_skipped_and_counted() -> None:
    """A slot Xen keeps to itself is used, and does not end the scan."""
    listed: list[Channel | int] = [*OPEN, -errno.EACCES, -errno.EACCES, Channel(10, 0, IPI)]
    found = read(xen(slots(listed, 64)))

    assert found.by_kind == {**KINDS, "ipi": 3, "xen": 2}
    assert (found.used, found.highest) == (10, 10)


def test_the_scan_ends_where_xen_has_allocated_no_more() -> None:
    """EINVAL is the end, and nothing behind it is asked."""
    source = xen(slots(OPEN, 2 * BATCH))

    assert read(source).slots == 2 * BATCH
    assert source.asked.count(EVENT_CHANNEL_OP) == 2 * BATCH + 1


def test_a_hole_does_not_end_the_scan() -> None:
    """Channels behind buckets of closed slots are found."""
    listed = [*OPEN, *closed(len(OPEN), 5000), Channel(5008, 0, INTERDOMAIN, 7, 1)]
    found = read(xen(slots(listed, 5056)))

    assert found.by_domain == {7: 3, 8: 1}
    assert (found.slots, found.highest) == (5056, 5008)


def test_every_slot_there_can_be_is_scanned() -> None:
    """After a leak 131,072 slots are allocated, and the scan ends behind the last."""
    source = xen([*OPEN, *closed(len(OPEN), FIFO_PORTS - 9), Channel(FIFO_PORTS - 1, 0, IPI)])
    found = read(source)

    assert (found.slots, found.highest, found.used) == (131072, 131071, 8)
    assert source.asked.count(EVENT_CHANNEL_OP) == 131072


@pytest.mark.parametrize(
    "listed",
    [[], closed(0, 64)],
    ids=["no slot", "no open slot"],
)
def test_no_channel_at_all_is_no_reading(listed: list[Channel | int]) -> None:
    """dom0 always has channels: none is a failure of asking, never a host with all free."""
    assert "no open channels" in failure_of(EVENT_CHANNELS, xen(listed))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.ESRCH])
def test_another_refusal_is_a_failure(number: int) -> None:
    """Any other errno is no end of the table: the probe fails and has no part of a count."""
    assert "EVTCHNOP_status: " in failure_of(EVENT_CHANNELS, xen([*OPEN, -number]))


def test_without_privcmd_lsevtchn_is_asked() -> None:
    """The tool's lines count as the hypercall's slots do; what was scanned it does not say."""
    found = read(tool(output(render_lsevtchn(OPEN))))

    reason = "/dev/xen/privcmd: No such file or directory"
    assert found == EventChannels(KINDS, DOMAINS, None, 7, "lsevtchn", reason)


def test_after_a_refusal_lsevtchn_is_asked() -> None:
    """Where the hypercall is refused, the tool's count is the reading."""
    source = tool(output(render_lsevtchn(OPEN)))
    source.calls = {EVENT_CHANNEL_OP: channels([-errno.EPERM])}

    assert read(source).route == "lsevtchn"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_real_hosts_channels_are_the_same_by_both_roads(capture: Any) -> None:
    """Slots made of a real listing give the numbers that the listing itself gives."""
    data = (capture / "dom/0/lsevtchn").read_bytes()
    listed = {channel.port: channel for channel in parse_lsevtchn(data)}
    table = [listed.get(port, Channel(port, 0, CLOSED)) for port in range(128)]
    by_hypercall, by_tool = read(xen(list(table))), read(tool(output(data)))

    assert by_hypercall.used == by_tool.used == data.count(b"\n")
    assert by_hypercall.by_kind == by_tool.by_kind
    assert by_hypercall.by_domain == by_tool.by_domain
    assert by_hypercall.highest == by_tool.highest


def test_a_real_hosts_guests() -> None:
    """On the real host with five guests each PV and PVH guest has 5, the HVM one 8."""
    found = read(tool(output((LAB / "5-guests/dom/0/lsevtchn").read_bytes())))

    assert found.by_domain == {0: 2, 1: 5, 2: 5, 3: 5, 4: 5, 5: 8}


@pytest.mark.parametrize(
    ("directories", "chosen"),
    [
        ({LIBEXEC: ("lsevtchn",), "/usr/lib/xen/bin": ("lsevtchn",)}, LIBEXEC),
        ({LIBEXEC: ("xenpvnetboot",), "/usr/lib/xen/bin": ("lsevtchn",)}, "/usr/lib/xen/bin"),
        ({"/usr/lib64/xen/bin": ("lsevtchn",)}, "/usr/lib64/xen/bin"),
        ({"/usr/lib": ("xen-4.17",), DEBIAN: ("lsevtchn",)}, DEBIAN),
        (
            {
                "/usr/lib": ("xen-4.17", "xen-4.20"),
                DEBIAN: ("lsevtchn",),
                "/usr/lib/xen-4.20/bin": ("lsevtchn",),
            },
            "/usr/lib/xen-4.20/bin",
        ),
        ({"/usr/lib": ("xen-4.17", "xen-4.20"), DEBIAN: ("lsevtchn",)}, DEBIAN),
    ],
)
def test_the_tool_is_found(directories: dict[str, tuple[str, ...]], chosen: str) -> None:
    """Xen's directories are searched in their order, Debian's newest version before older ones."""
    source = dom0(
        directories=directories,
        commands={(f"{chosen}/lsevtchn", "0"): output(render_lsevtchn(OPEN))},
    )

    assert read(source).used == 7


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (output(b"Segmentation fault\n"), "lsevtchn: expected 'PORT: VCPU N: KIND'"),
        (output(b"\xff\x00" * 100), "lsevtchn: expected 'PORT: VCPU N: KIND'"),
        (output(render_lsevtchn(OPEN)[:-5]), "lsevtchn: expected 'PORT: VCPU N: KIND'"),
        (output(b""), "listed no event channels"),
        (
            output(b"", 1, b"xc_interface: denied\n"),
            "failed with exit status 1: xc_interface: denied",
        ),
        (output(render_lsevtchn(OPEN), -11), "failed with exit status -11: no message"),
        (SourceError("lsevtchn 0", "timed out after 20 s"), "timed out after 20 s"),
    ],
)
def test_what_both_roads_lack_is_named(found: Any, reason: str) -> None:
    """When the tool is of no use either, the failure names both roads and both reasons."""
    detail = failure_of(EVENT_CHANNELS, tool(found))

    assert detail.startswith("event channels: /dev/xen/privcmd: No such file or directory; ")
    assert reason in detail


def test_a_long_complaint_is_cut() -> None:
    """A tool that complains without end does not fill the log."""
    detail = failure_of(EVENT_CHANNELS, tool(output(b"", 1, b"x" * 100000)))

    assert len(detail) < 500


def test_without_any_road_the_tool_is_asked_for() -> None:
    """Without privcmd and without the tool both are named."""
    detail = failure_of(EVENT_CHANNELS, dom0())

    assert "/dev/xen/privcmd" in detail
    assert "lsevtchn: not found in Xen's tool directories" in detail


def test_a_closed_directory_is_named() -> None:
    """A directory that may not be searched is an error of its own, not a tool that is missing."""
    detail = failure_of(EVENT_CHANNELS, dom0(errors={LIBEXEC: denied(LIBEXEC)}))

    assert f"{LIBEXEC}: Permission denied" in detail


def elsewhere(*domids: int) -> Snapshot:
    """What is known where these domains serve devices."""
    keys = frozenset(DeviceKey("vif", 7, number, domid) for number, domid in enumerate(domids))
    return Snapshot(xenstore_devices=XenstoreDevices({}, (), keys))


def by_domain(tables: dict[int, list[Channel | int]]) -> FakeHost:
    """A dom0 whose Xen tells of the channels of these domains; of another, that it is gone."""

    def answer(call: Hypercall) -> HypercallReply:
        (domid,) = struct.unpack_from("<H", call.block)
        if domid not in tables:
            return HypercallReply(-errno.ESRCH, call.block)
        return channels(tables[domid])(call)

    return dom0(calls={EVENT_CHANNEL_OP: answer})


def test_every_driver_domain_is_read() -> None:
    """Each domain that serves devices has its channels; one that is gone is left out."""
    source = by_domain({3: slots(OPEN, 64), 4: slots(OPEN[:3], 64)})
    found: DriverDomains = value_of(DRIVER_DOMAINS, source, elsewhere(3, 4, 9, 3))

    assert {domid: its.used for domid, its in found.channels.items()} == {3: 7, 4: 2}
    assert found.channels[3].by_domain == DOMAINS


@pytest.mark.parametrize("before", [Snapshot(), elsewhere()], ids=["unknown", "none"])
def test_without_driver_domains_nothing_is_asked(before: Snapshot) -> None:
    """On most hosts dom0 serves everything."""
    source = by_domain({})

    assert value_of(DRIVER_DOMAINS, source, before) == DriverDomains({})
    assert EVENT_CHANNEL_OP not in source.asked


def test_a_capture_without_them_has_none() -> None:
    """What a capture lacks is no failure of the host it was made on."""
    missing = NotCaptured("hypercall 32", "not in this capture")
    source = dom0(errors=dict.fromkeys(("/usr/lib", *LSEVTCHN_DIRECTORIES), missing))

    assert outcome_of(DRIVER_DOMAINS, source, elsewhere(3)).status is Status.NOT_APPLICABLE


def test_driver_domains_are_known_while_xenstored_is_silent() -> None:
    """Their channels are Xen's: an outage of xenstored does not hide them."""
    source = by_domain({3: slots(OPEN, 64)})
    known = after(DRIVER_DOMAINS, source, elsewhere(3))
    known = dataclasses.replace(
        known, snapshot=dataclasses.replace(known.snapshot, xenstore_devices=None)
    )

    assert set(value_of(DRIVER_DOMAINS, source, known).channels) == {3}


def test_lsevtchn_is_asked_about_the_driver_domain() -> None:
    """Without privcmd the tool lists the channels of the domain it is given."""
    source = tool(output(render_lsevtchn(OPEN)), domid=3)
    found: DriverDomains = value_of(DRIVER_DOMAINS, source, elsewhere(3))

    assert (found.channels[3].route, found.channels[3].used) == ("lsevtchn", 7)


def test_a_refusal_about_a_driver_domain_is_a_failure() -> None:
    """With XSM dom0 may be forbidden to ask."""
    source = by_domain({3: [*OPEN, -errno.EPERM]})

    assert "EVTCHNOP_status: " in failure_of(DRIVER_DOMAINS, source, elsewhere(3))
