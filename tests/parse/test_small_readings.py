"""Small readings: what each takes of its file, and what it refuses."""

from __future__ import annotations

import pytest

from xenwatch.parse.domaininfo import SYSCTL, X86_LAYOUTS
from xenwatch.parse.errors import ParseError
from xenwatch.parse.gnttab import query_size_call
from xenwatch.parse.interrupts import parse_interrupts
from xenwatch.parse.netdev import parse_net_dev
from xenwatch.parse.physinfo import physinfo_call
from xenwatch.parse.qemu import USB, backend_of, emulated_devices
from xenwatch.parse.text import voluntary_switches
from xenwatch.sources.base import BLOCK

STATUS = b"Name:\tx\nvoluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n"


def test_voluntary_switches_are_those_of_their_line() -> None:
    """The count is that of voluntary switches, not of the others below it."""
    assert voluntary_switches(STATUS) == 42


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Name:\tx\n",
        b"Name:\tx\nvoluntary_ctxt_switches:\t42",
        b"Name:\tx\nvoluntary_ctxt_switches:\t-1\n",
        b"Name:\tx\nvoluntary_ctxt_switches:\t" + b"1" * 21 + b"\n",
    ],
)
def test_a_status_without_whole_line_is_refused(data: bytes) -> None:
    """Without a whole line of a number of voluntary switches there is no count."""
    with pytest.raises(ParseError, match="voluntary_ctxt_switches"):
        voluntary_switches(data)


NET_DEV = b"Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n"


def test_interfaces_have_their_counters_by_name() -> None:
    """A name's colons and bytes that are no UTF-8 stay; its padding goes."""
    counters = tuple(range(16))
    row = b" ".join(b"%d" % number for number in counters)
    data = NET_DEV + b"    lo: " + row + b"\n eth0:1: " + row + b"\n  v\xff: " + row + b"\n"

    assert parse_net_dev(data) == dict.fromkeys(("lo", "eth0:1", "v\udcff"), counters)


def test_a_host_without_interfaces_has_no_counters() -> None:
    """The two lines of header alone are a table without rows, one line is none."""
    assert parse_net_dev(NET_DEV) == {}
    with pytest.raises(ParseError, match=r'/proc/net/dev: expected two lines of header: "Inter-'):
        parse_net_dev(NET_DEV.split(b"\n")[0])


def test_the_label_column_is_as_wide_as_the_narrowest_label() -> None:
    """Of all rows the colon furthest left counts, and without rows three columns."""
    rows = b"  123:  5   x  y\n 1:  5   x  y\n"

    assert parse_interrupts(b"     CPU0\n" + rows).width == 2
    assert parse_interrupts(b"     CPU0\n").width == 3


def test_physinfo_is_a_sysctl_with_its_own_block() -> None:
    """The hypercall has one argument, the block that Xen fills."""
    call = physinfo_call(X86_LAYOUTS[4, 17])

    assert call == type(call)(SYSCTL, (BLOCK,), call.block)


def test_the_size_of_a_grant_table_is_asked_of_a_domain() -> None:
    """The block has the domain's number, and zeros that Xen fills."""
    assert query_size_call(7).block == (7).to_bytes(16, "little")


@pytest.mark.parametrize(
    ("argv", "domid"),
    [
        (["/usr/bin/qemu-system-i386", "-xen-domid", "3", "-xen-attach"], 3),
        (["/usr/bin/qemu-system-i386", "-xen-domid", "3"], None),
        (["/usr/bin/qemu-system-i386", "-xen-attach"], None),
        (["/bin/sh", "-xen-domid", "3", "-xen-attach"], None),
        ([], None),
    ],
)
def test_which_domain_a_backend_serves(argv: list[str], domid: int | None) -> None:
    """A QEMU that is attached to a domain serves it; any other process serves none."""
    assert backend_of(argv) == domid


@pytest.mark.parametrize(
    "argv",
    [
        ["-machine", "pc,usb=on"],
        ["-M", "pc,usb=on"],
        ["-usb"],
        ["-device", "driver=piix3-usb-uhci"],
        ["-device", "piix3-usb-uhci,id=x"],
    ],
)
def test_a_usb_controller_by_any_option(argv: list[str]) -> None:
    """A controller is asked for by machine, by option or as a device."""
    assert emulated_devices(["qemu", *argv]) == (USB,)
