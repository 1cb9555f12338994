"""Parsers of what Xen and xenstored answer: real answers, and parser against renderer."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captures import LAB
from xenwatch.model.render.domaininfo import render_list
from xenwatch.model.render.evtchn import render_lsevtchn, render_status
from xenwatch.model.render.gnttab import Usage, render_query_size, render_usage
from xenwatch.model.render.xenstore import directory_reply, read_reply, refusal_reply
from xenwatch.model.render.xenversion import render_text, render_version
from xenwatch.parse.domaininfo import (
    SYSCTL,
    X86_LAYOUTS,
    DomainInfo,
    Layout,
    layout_of,
    list_call,
    parse_list,
)
from xenwatch.parse.errors import ParseError
from xenwatch.parse.evtchn import (
    CLOSED,
    INTERDOMAIN,
    IPI,
    PIRQ,
    UNBOUND,
    UNKNOWN,
    VIRQ,
    Channel,
    parse_lsevtchn,
    parse_status,
    status_call,
)
from xenwatch.parse.gnttab import QuerySize, parse_maptrack, parse_query_size, query_size_call
from xenwatch.parse.xenstore import (
    PAYLOAD_MAX,
    parse_device_error,
    parse_directory,
    path_payload,
    refusal,
)
from xenwatch.parse.xenversion import commandline_call, parse_text, parse_version

DOMIDS = st.integers(0, 0x7FF0)
U32 = st.integers(0, 2**32 - 1)
PORTS = st.integers(0, 131071)
VCPUS = st.integers(0, 127)
KINDS = {
    UNBOUND: (DOMIDS, st.none()),
    INTERDOMAIN: (DOMIDS, PORTS),
    PIRQ: (st.none(), U32),
    VIRQ: (st.none(), U32),
    IPI: (st.none(), st.none()),
    UNKNOWN: (st.none(), st.none()),
}
OPEN = st.one_of(
    [st.builds(Channel, PORTS, VCPUS, st.just(kind), *parts) for kind, parts in KINDS.items()]
)
CHANNELS = OPEN | st.builds(Channel, PORTS, VCPUS, st.just(CLOSED))


@settings(deadline=None)
@given(st.lists(OPEN).map(tuple))
def test_lsevtchn_survives_its_renderer(channels: tuple[Channel, ...]) -> None:
    """Channels of every kind and with five-digit ports survive rendering and parsing."""
    assert parse_lsevtchn(render_lsevtchn(channels)) == channels


def test_the_line_lsevtchn_should_not_print_is_named() -> None:
    """An error shows the first line that is not one of a channel, not those before it."""
    good = render_lsevtchn([Channel(1, 0, IPI)])

    with pytest.raises(ParseError, match=r'lsevtchn: expected .*: "Permission denied"'):
        parse_lsevtchn(good + b"Permission denied\n" + good)


def test_lsevtchn_leaves_out_closed_channels() -> None:
    """A closed channel is not printed."""
    assert render_lsevtchn([Channel(0, 0, CLOSED)]) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"lsevtchn: xc_evtchn_status: Permission denied\n",
        b"   1: VCPU 0: Closed\n",
        b"   1: VCPU 0: IPI",
        b"junk   1: VCPU 0: IPI\n",
        b"   1: VCPU 0: IPI\n\n",
        b"\xff\x00\n",
    ],
)
def test_other_output_of_lsevtchn_is_refused(data: bytes) -> None:
    """Anything but whole lines of channels raises `ParseError`."""
    with pytest.raises(ParseError, match="lsevtchn"):
        parse_lsevtchn(data)


@settings(deadline=None)
@given(DOMIDS, CHANNELS)
def test_evtchn_status_survives_its_renderer(domid: int, channel: Channel) -> None:
    """Channels of every kind survive as the block Xen fills, which keeps what was asked."""
    asked, answered = status_call(domid, channel.port).block, render_status(domid, channel)

    assert parse_status(answered) == channel
    assert answered[:8] == asked[:8]
    assert len(answered) == len(asked)


def test_evtchn_status_of_a_real_host() -> None:
    """Blocks of the values that real Xen answered are read as lsevtchn printed them."""
    timer = struct.pack("<HxxIIIII", 0, 1, 4, 0, 0, 0)
    store = struct.pack("<HxxIIIHxxI", 1, 1, 2, 0, 0, 33)

    assert parse_status(timer) == Channel(1, 0, VIRQ, None, 0)
    assert parse_status(store) == Channel(1, 0, INTERDOMAIN, 0, 33)
    lines = (LAB / "5-guests/dom/1/lsevtchn").read_bytes()
    assert parse_lsevtchn(lines)[0] == parse_status(store)


@settings(deadline=None)
@given(st.builds(QuerySize, DOMIDS, U32, U32, st.integers(-10, 0)))
def test_query_size_survives_its_renderer(size: QuerySize) -> None:
    """A grant table's size and status survive as the block Xen fills."""
    assert parse_query_size(render_query_size(size)) == size
    assert render_query_size(size)[:2] == query_size_call(size.domid).block[:2]


USAGES = st.builds(Usage, DOMIDS, st.integers(1, 2), U32, U32, U32, U32)


@settings(deadline=None)
@given(st.lists(USAGES, unique_by=lambda usage: usage.domid))
def test_maptrack_survives_its_renderer(usages: list[Usage]) -> None:
    """Each domain's maptrack frames are found in a dump of many, and no others."""
    dump = render_usage(usages)

    for usage in usages:
        assert parse_maptrack(dump, usage.domid) == (usage.maptrack, usage.max_maptrack)
    assert parse_maptrack(dump, 0x7FF1) is None


def test_maptrack_of_a_real_host() -> None:
    """The last dump in the hypervisor's console is the one that counts."""
    before = (LAB / "0-guests/debug-key-g").read_bytes()
    after = (LAB / "5-guests/debug-key-g").read_bytes()

    assert parse_maptrack(before) == (0, 1024)
    assert parse_maptrack(before + after) == (2, 1024)


@st.composite
def infos(draw: st.DrawFn, layout: Layout) -> DomainInfo:
    """A domain as a release with this layout can tell of it."""
    return DomainInfo(
        draw(DOMIDS),
        draw(U32),
        draw(U32),
        draw(U32),
        draw(st.integers(0, 2**63)),
        draw(VCPUS),
        draw(VCPUS | st.just(0xFFFFFFFF)),
        draw(st.binary(min_size=16, max_size=16)),
        draw(U32) if layout.emulation else None,
        layout.old_pvh,
        layout.sure_hvm,
        layout.arm,
    )


@pytest.mark.parametrize("version", X86_LAYOUTS, ids=lambda pair: f"{pair[0]}.{pair[1]}")
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_domains_survive_their_renderer(
    machine: str, version: tuple[int, int], data: st.DataObject
) -> None:
    """Domains survive as the block that each release of Xen fills, in the size it was given."""
    layout = layout_of(machine, version)
    if layout is None:
        assert (machine, version < (4, 4)) == ("aarch64", True)
        return
    domains = tuple(data.draw(st.lists(infos(layout), max_size=5)))
    call = list_call(layout, 0, 5)

    block = render_list(layout, call.block, domains)

    assert parse_list(layout, block) == domains
    assert len(block) == len(call.block)
    assert call.number == SYSCTL


def test_domains_that_do_not_fit_are_refused() -> None:
    """An answer that claims more records than it holds raises `ParseError`."""
    layout = X86_LAYOUTS[4, 17]
    call = list_call(layout, 0, 1)
    block = render_list(layout, call.block, [DomainInfo(1, 0, 0, 0, 0, 1, 0, bytes(16), 0)])

    with pytest.raises(ParseError, match="getdomaininfolist"):
        parse_list(layout, block[:-1])


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        (0x20, "running"),
        (0x10, "blocked"),
        (0x08, "paused"),
        (0x04, "shutdown"),
        (0x30004, "crashed"),
        (0x09, "dying"),
        (0x00, "running"),
    ],
)
def test_state_from_flags(flags: int, state: str) -> None:
    """The state is the gravest of the flags Xen sets, a crash being a shutdown with reason 3."""
    assert DomainInfo(1, flags, 0, 0, 0, 1, 0, bytes(16), 0).state == state


@pytest.mark.parametrize(
    ("flags", "emulation", "old_pvh", "kind"),
    [
        (0, 0, False, "pv"),
        (2, 1, False, "pvh"),
        (2, 0x7FF, False, "hvm"),
        (2, None, False, None),
        (0x80, None, True, "pvh"),
        (0x82, None, True, "pvh"),
    ],
)
def test_type_from_flags(flags: int, emulation: int | None, old_pvh: bool, kind: str) -> None:
    """The type is told where the release tells it, and unknown where it does not."""
    assert DomainInfo(1, flags, 0, 0, 0, 1, 0, bytes(16), emulation, old_pvh).type == kind


NODES = st.lists(st.from_regex(r"[A-Za-z0-9@_-]{1,20}", fullmatch=True)).map(tuple)


@settings(deadline=None)
@given(NODES)
def test_a_directory_survives_its_renderer(names: tuple[str, ...]) -> None:
    """Names in a xenstore directory survive rendering and parsing, none of them too."""
    assert parse_directory(directory_reply(names).payload) == names


def test_a_directory_that_is_cut_off_is_refused() -> None:
    """A directory whose last name lacks its end raises `ParseError`."""
    with pytest.raises(ParseError, match="truncated"):
        parse_directory(b"vm\0nam")


def test_refusals_and_answers() -> None:
    """A refusal is told by its errno name, an answer by none."""
    assert refusal(refusal_reply("ENOENT")) == "ENOENT"
    assert refusal(read_reply(b"ENOENT")) is None


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        (b"28 mapping shared-frames 521/522 port tx 9 rx 10", 28),
        (b"1 allocating event channel", 1),
        (b"22 creating queues", 22),
        (b"no number", 0),
        (b"", 0),
    ],
)
def test_errno_of_a_device_error(text: bytes, errno: int) -> None:
    """The number that begins an error node is its errno, and the text is kept."""
    assert parse_device_error(text) == (errno, text.decode())


def test_a_path_too_long_to_ask_is_refused() -> None:
    """A path that does not fit a payload of xenstored raises `ParseError`."""
    assert len(path_payload("/" + "a" * (PAYLOAD_MAX - 2))) == PAYLOAD_MAX
    with pytest.raises(ParseError, match="xenstore"):
        path_payload("/" + "a" * (PAYLOAD_MAX - 1))


@settings(deadline=None)
@given(st.integers(0, 0x7FFF), st.integers(0, 0xFFFF))
def test_the_version_survives_its_renderer(major: int, minor: int) -> None:
    """Major and minor version survive as the hypercall's result."""
    assert parse_version(render_version((major, minor))) == (major, minor)


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=1023))
def test_the_command_line_survives_its_renderer(text: str) -> None:
    """Xen's command line survives as the block Xen fills."""
    block = render_text(commandline_call().block, text)

    assert parse_text(block) == text
    assert len(block) == 1024


@pytest.mark.parametrize(("version", "kind"), [((4, 1), "hvm"), ((4, 6), "hvm"), ((4, 7), None)])
def test_before_todays_pvh_the_bit_of_hvm_is_sure(
    version: tuple[int, int], kind: str | None
) -> None:
    """Up to Xen 4.6 what has the bit is HVM; 4.7 has PVH with the same bit and tells no more."""
    layout = X86_LAYOUTS[version]
    block = list_call(layout, 1, 1).block
    told = DomainInfo(1, 1 << 1, 0, 0, 0, 1, 0, bytes(16), None)

    assert parse_list(layout, render_list(layout, block, [told]))[0].type == kind
