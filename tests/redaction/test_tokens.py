"""What stands in place of names and addresses: of the same form, distinct, and the same again."""

from __future__ import annotations

import ipaddress
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.redaction.canaries import KEY
from xenwatch.redaction.patterns import Patterns
from xenwatch.redaction.tokens import VM, Tokens


def text(data: bytes) -> bytes:
    """A text with other addresses."""
    return Patterns(Tokens(KEY)).text(data)


@pytest.mark.parametrize("number", [300, 3000])
def test_many_addresses_stay_distinct(number: int) -> None:
    """More addresses than the ranges for documentation have get others that nobody has."""
    tokens = Tokens(KEY)
    made = [ipaddress.ip_address(tokens.ip(bytes([10, 0, n >> 8, n & 255]))) for n in range(number)]
    assert len(set(made)) == number
    ranges = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "240.0.0.0/4"]
    networks = [ipaddress.ip_network(each) for each in ranges]
    assert all(any(address in network for network in networks) for address in made)


@given(st.lists(st.binary(min_size=6, max_size=6), unique=True))
def test_hardware_addresses_are_local(addresses: list[bytes]) -> None:
    """Each is a locally administered one of a single interface, and they are distinct."""
    tokens = Tokens(KEY)
    changed = {raw: made for raw in addresses if (made := tokens.mac(raw)) != raw}
    assert len(set(changed.values())) == len(changed)
    assert all(made[0] & 3 == 2 or made[:2] == b"33" for made in changed.values())


def test_a_uuid_stays_one() -> None:
    """A UUID becomes one of version 4; that of zeros, which dom0 has, stays."""
    tokens = Tokens(KEY)
    assert uuid.UUID(bytes=tokens.uuid(bytes(range(16)))).version == 4
    assert tokens.uuid(bytes(16)) == bytes(16)


def test_a_disk_is_the_same_in_every_form_of_its_name() -> None:
    """Behind what says where the name stands, as maps of multipath and sysfs have it."""
    heads = (b"wwn-0x", b"0x", b"naa.", b"3", b"scsi-3")
    made = text(b" ".join(head + b"5000c500a1b2c3d4" for head in heads)).split()
    assert len({each.removeprefix(head) for each, head in zip(made, heads, strict=True)}) == 1


def test_only_the_key_tells_the_original() -> None:
    """The same name is another in a capture with another key, and the same with the same."""
    assert Tokens(KEY).name(VM, b"web") == Tokens(KEY).name(VM, b"web")
    assert Tokens(KEY).name(VM, b"web") != Tokens(b"other").name(VM, b"web")


@pytest.mark.parametrize(
    "kept",
    [
        b"127.0.0.1:10730 0.0.0.0 255.255.255.0 224.0.0.1 ::1 [::]:80 ff02::1",
        b"00:00:00:00:00:00 fe:ff:ff:ff:ff:ff 01:80:c2:00:00:00",
        b"4.19.19-8.0.38.1.xcpng8.3 4.13.5.9.40 6.1.0-18-amd64 999.1.1.1",
        b"12:34:56 0000:03:00.0 3:0:0:1 foo::bar() 0123456789abcdef",
    ],
)
def test_what_has_a_meaning_stays(kept: bytes) -> None:
    """Loopback, masks, groups, versions, times and addresses of buses are no addresses of hosts."""
    assert text(kept) == kept


@pytest.mark.parametrize(
    ("was", "form"),
    [
        (b"10.1.2.3:80", rb"IP4:80"),
        (b"x=10.1.2.3,y", rb"x=IP4,y"),
        (b"80:10.1.2.3", rb"80:IP4"),
        (b"[2001:DB9::5]:80", rb"\[IP6\]:80"),
        (b"2001:db9::5:/export", rb"IP6:/export"),
        (b"addr:2001:db9::5", rb"addr:IP6"),
        (b"2001:db9:0:0:0:0:0:5", rb"IP6"),
        (b"::ffff:10.1.2.3", rb"::ffff:IP4"),
        (b"fe80::216:3eff:fe12:3456%eth0", rb"fe80::[0-9a-f:]+%eth0"),
        (b"00:16:3E:12:34:56", rb"[0-9A-F]{2}(?::[0-9A-F]{2}){5}"),
        (b"00-16-3e-12-34-56", rb"[0-9a-f]{2}(?:-[0-9a-f]{2}){5}"),
        (b"MAC=00:16:3e:12:34:56:00:16:3e:12:34:57:08:00", rb"MAC=(?:[0-9a-f]{2}:){12}08:00"),
        (b"1B4E28BA-2FA1-11D2-883F-0016D3CCA427", rb"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
        (b"1b4e28ba2fa111d2883f0016d3cca427", rb"[0-9a-f]{32}"),
        (b"1b4e28ba--2fa1--11d2--883f--0016d3cca427", rb"[0-9a-f]{8}(?:--[0-9a-f]+){4}"),
        (rb"a\x2d1b4e28ba\x2d2fa1\x2d11d2\x2d883f\x2d0016d3cca427", rb"a(?:\\x2d[0-9a-f]+){5}"),
        (b"iqn.2001-05.com.acme:lun.1 x", rb"iqn\.2001-01\.com\.example:[0-9a-f]{16} x"),
        (b"wwn-0x5000c500a1b2c3d4", rb"wwn-0x5[0-9a-f]{15}"),
        (b"360014051234567890123456789abcdef", rb"36[0-9a-f]{31}"),
        (b"35000c500a1b2c3d4", rb"35[0-9a-f]{15}"),
        (b"scsi-35002538123456789", rb"scsi-35[0-9a-f]{15}"),
        (b"naa.5000C500A1B2C3D4", rb"naa\.5[0-9A-F]{15}"),
        (b"eui.0025388b710116a6", rb"eui\.0[0-9a-f]{15}"),
        (b"0x21000024ff123456", rb"0x2[0-9a-f]{15}"),
        (b"20000024ff123456", rb"2[0-9a-f]{15}"),
        (b"x10000000c9123456", rb"x1[0-9a-f]{15}"),
        (b"nqn.2014.08.org.nvmexpress:144dS4EV", rb"nqn\.2001-01\.com\.example:[0-9a-f]{16}"),
        (b"IQN.2010-10.ORG.ACME:payroll", rb"iqn\.2001-01\.com\.example:[0-9a-f]{16}"),
        (b"t10.ATA_____SAMSUNG_S3Z8NB0K123456", rb"t10\.[0-9a-f]{16}"),
        (b"nvme.144d-5334-5341-00000001", rb"nvme\.144d-[0-9a-f]{16}"),
        (b"0011.2233.4455", rb"[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}"),
    ],
)
def test_every_form_is_found(was: bytes, form: bytes) -> None:
    """An address, UUID or name of storage is replaced by one of the same form and case."""
    import re

    form = form.replace(b"IP4", rb"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.[0-9]+")
    made = text(was)
    assert re.fullmatch(form.replace(b"IP6", rb"2001:(?i:db8):(?i:[0-9a-f:]+)"), made)
    assert made != was
