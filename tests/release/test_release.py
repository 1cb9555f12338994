"""Each release by what its files say, and the facts that follow from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import full_snapshot
from xenwatch.readings.host import Host
from xenwatch.readings.processes import Daemons
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.release import names
from xenwatch.release.linux import UNKNOWN as UNKNOWN_LINUX
from xenwatch.release.linux import linux
from xenwatch.release.regimes import REGIMES
from xenwatch.release.release import Release, release, resolve
from xenwatch.release.table import PRODUCTS, ROWS, UNKNOWN, XAPI, XL, Facts

FULL = full_snapshot()


def host(**changes: Any) -> Host:
    """The host of the full snapshot, Debian 12 with Xen 4.17 and Linux 6.1, with changes."""
    assert FULL.host is not None
    return replace(FULL.host, **changes)


def on(platform: str, version: str, kernel: tuple[int, int] = (4, 19), **changes: Any) -> Release:
    """The release of a host with this platform."""
    changed = host(platform=platform, platform_version=version, kernel=kernel, **changes)
    return resolve(changed)


def inventory(brand: str, version: str) -> bytes:
    """The lines of an inventory that say what the host is, among others."""
    return (
        f"PRODUCT_BRAND='{brand}'\nPLATFORM_NAME='XCP'\nPRODUCT_NAME='xenenterprise'\n"
        f"PRODUCT_VERSION='{version}'\nBUILD_NUMBER='125380c'\n"
    ).encode()


def os_release(identity: str, version: str, name: str = "") -> bytes:
    """An os-release with the keys that say what the host is."""
    return f'NAME="{name}"\nID="{identity}"\nVERSION_ID="{version}"\n'.encode()


SPELLINGS = [
    (inventory("XenServer", "6.1.0"), None, "XenServer 6.1"),
    (inventory("XenServer", "6.2.0"), None, "XenServer 6.2"),
    (inventory("XenServer", "6.5.0"), None, "XenServer 6.5"),
    *((inventory("XenServer", f"7.{minor}.0"), None, f"XenServer 7.{minor}") for minor in range(7)),
    *((inventory("XCP-ng", f"7.{minor}.0"), None, f"XCP-ng 7.{minor}") for minor in (4, 5, 6)),
    (inventory("XenServer", "7.1.2"), None, "XenServer 7.1"),
    (inventory("Citrix Hypervisor", "8.0.0"), None, "Citrix Hypervisor 8.0"),
    (inventory("Citrix Hypervisor", "8.1.0"), None, "Citrix Hypervisor 8.1"),
    (inventory("Citrix Hypervisor", "8.2.1"), None, "Citrix Hypervisor 8.2"),
    (inventory("XCP-ng", "8.0.0"), None, "XCP-ng 8.0"),
    (inventory("XCP-ng", "8.1.0"), None, "XCP-ng 8.1"),
    (inventory("XCP-ng", "8.2.1"), None, "XCP-ng 8.2"),
    (inventory("XCP-ng", "8.3.0"), None, "XCP-ng 8.3"),
    (inventory("XenServer", "8.4.0"), None, "XenServer 8"),
    (inventory("XenServer", "8"), None, "XenServer 8"),
    (inventory("XCP-ng", "8.3.0"), os_release("debian", "12"), "XCP-ng 8.3"),
    (None, os_release("xenenterprise", "8.3.0", "XCP-ng"), "XCP-ng 8.3"),
    (None, os_release("xenenterprise", "8.4.0", "XenServer"), "XenServer 8"),
    (None, os_release("xenenterprise", "8.2.1", "Citrix Hypervisor"), "Citrix Hypervisor 8.2"),
    (None, os_release("debian", "12", "Debian GNU/Linux"), "Debian 12"),
    (None, os_release("debian", "13", "Debian GNU/Linux"), "Debian 13"),
]
OTHERS = [
    (inventory("XenServer", "9.0.0"), None, "XenServer 9.0.0", XAPI, None),
    (inventory("XCP-ng", "8.30"), None, "XCP-ng 8.30", XAPI, None),
    (inventory("XCP-ng", ""), None, "XCP-ng", XAPI, None),
    (None, os_release("debian", "11"), "Debian 11", XL, "xl"),
    (None, os_release("debian", ""), "Debian", XL, "xl"),
    (None, os_release("fedora", "42"), "fedora 42", XL, "xl"),
    (None, os_release("opensuse-leap", "15.6"), "opensuse-leap 15.6", XL, "xl"),
    (None, b"", "", None, None),
    (None, None, "", None, None),
]


@pytest.mark.parametrize(("inventory", "os_release", "name"), SPELLINGS)
def test_every_release_is_known_by_its_files(
    inventory: bytes | None, os_release: bytes | None, name: str
) -> None:
    """A release is a row of the table, in every spelling its files have."""
    found = on(*names.platform(inventory, os_release))

    assert found.name == name
    assert found.facts in [row.facts for row in ROWS if f"{row.product} {row.version}" == name]


def test_no_row_is_without_a_host() -> None:
    """Every row of the table is the release of a host above."""
    assert {f"{row.product} {row.version}" for row in ROWS} == {name for *_, name in SPELLINGS}


@pytest.mark.parametrize(("inventory", "os_release", "name", "toolstack", "regime"), OTHERS)
def test_what_is_not_in_the_table_is_not_guessed(
    inventory: bytes | None,
    os_release: bytes | None,
    name: str,
    toolstack: str | None,
    regime: str | None,
) -> None:
    """Of a release that is not known there is what its product or any distribution has."""
    found = on(*names.platform(inventory, os_release))

    assert (found.name, found.facts.toolstack, found.regime) == (name, toolstack, regime)
    assert (found.facts.minors, found.nr_irqs, found.facts.xapi_selects) == (None, None, None)


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [
        ("xenserver", "6.1.0", "xenserver-6.1"),
        ("xenserver", "6.2.0", "xenserver-6.2"),
        ("xenserver", "6.5.0", None),
        ("xenserver", "7.0.0", "xenserver-7.0"),
        ("xenserver", "7.1.0", "xenserver-7"),
        ("xcp-ng", "7.6.0", "xenserver-7"),
        ("citrix hypervisor", "8.2.1", "xapi-8.2"),
        ("xcp-ng", "8.2.1", "xapi-8.2"),
        ("xcp-ng", "8.3.0", "xapi-8.3"),
        ("xenserver", "8.4.0", "xapi-8.3"),
        ("xenserver", "9.0.0", None),
        ("xcp-ng", "", None),
        ("debian", "12", "xl"),
        ("", "", None),
    ],
)
def test_the_regime_of_a_release(platform: str, version: str, expected: str | None) -> None:
    """Each release belongs to the regime whose costs are its own, or to none."""
    assert on(platform, version).regime == expected


def test_every_regime_is_of_a_release() -> None:
    """The regimes of the table are those that are declared."""
    assert {row.facts.regime for row in ROWS} - {None} == set(REGIMES)


def test_no_xen_and_xapi_elsewhere_are_no_regime() -> None:
    """A host without Xen, not read, or with xapi on a distribution has no known costs."""
    assert release(Snapshot()).regime is None
    assert release(replace(FULL, host=host(xen=None), daemons=None)).regime is None
    assert (release(FULL).regime, release(FULL).facts.toolstack) == (None, XAPI)
    assert release(replace(FULL, daemons=Daemons({}))).regime == "xl"


@pytest.mark.parametrize("status", [Status.FAILED, Status.DISABLED])
def test_an_unread_toolstack_is_unknown(status: Status) -> None:
    """A distribution whose daemons were not read may be managed by xapi, a product is not asked."""
    unread = replace(FULL, daemons=None, outcomes={"daemons": Outcome(status)})
    product = host(platform="xcp-ng", platform_version="8.3.0", kernel=(4, 19))

    assert (release(unread).regime, release(unread).facts.toolstack) == (None, None)
    assert release(replace(unread, host=product)) == resolve(product)


def test_xapi_on_its_own_product_changes_nothing() -> None:
    """A running xapi is what XCP-ng has anyway."""
    changed = host(platform="xcp-ng", platform_version="8.3.0", kernel=(4, 19))

    assert release(replace(FULL, host=changed)) == resolve(changed)


@pytest.mark.parametrize(
    ("platform", "version", "kernel", "expected"),
    [
        ("citrix hypervisor", "8.2.1", (4, 19), 4352),
        ("xcp-ng", "8.2.1", (4, 19), 4352),
        ("xcp-ng", "8.3.0", (4, 19), 4352),
        ("xenserver", "8.4.0", (4, 19), 4352),
        ("xcp-ng", "8.3.0", (6, 6), None),
        ("xcp-ng", "7.6.0", (4, 4), None),
        ("debian", "12", (4, 19), None),
        ("", "", (4, 19), None),
    ],
)
def test_nr_irqs_of_a_releases_own_kernel(
    platform: str, version: str, kernel: tuple[int, int], expected: int | None
) -> None:
    """NR_IRQS is known of the kernel that comes with the release, and of no other."""
    assert on(platform, version, kernel).nr_irqs == expected


@pytest.mark.parametrize(
    ("version", "minors", "channels", "centos_5"),
    [
        ("6.1.0", 1024, None, True),
        ("6.2.0", 2048, 4096, True),
        ("6.5.0", 16384, None, True),
        ("7.0.0", 16384, None, False),
        ("7.6.0", 16384, None, False),
        ("8.4.0", 16384, None, False),
    ],
)
def test_what_grew_from_release_to_release(
    version: str, minors: int, channels: int | None, centos_5: bool
) -> None:
    """XenServer's blktap minors, dom0 event channels and base system by release."""
    facts = on("xenserver", version).facts

    assert (facts.minors, facts.channels, facts.centos_5) == (minors, channels, centos_5)


@pytest.mark.parametrize(
    ("machine", "name", "nr_irqs"),
    [("x86_64", "x86", 4352), ("aarch64", "arm", None), ("riscv64", None, None)],
)
def test_the_architecture_is_a_fact_of_the_release(
    machine: str, name: str | None, nr_irqs: int | None
) -> None:
    """NR_IRQS of XCP-ng's kernel is that of x86, and unknown elsewhere."""
    found = on("xcp-ng", "8.3.0", machine=machine)

    assert (found.architecture.name if found.architecture else None) == name
    assert found.nr_irqs == nr_irqs


@pytest.mark.parametrize(("machine", "channels"), [("i686", 4096), ("x86_64", None)])
def test_the_channels_of_a_release_are_those_of_its_32_bit_dom0(
    machine: str, channels: int | None
) -> None:
    """XenServer 6.2 changed Xen's number for its own dom0."""
    assert on("xenserver", "6.2.0", (2, 6), machine=machine).channels == channels


@pytest.mark.parametrize(
    ("of", "kernel", "xen", "fifo", "reason"),
    [
        (("debian", "12"), (6, 1), (4, 17), True, "default of Linux 3.14 and Xen 4.4 or later"),
        (("debian", "12"), (3, 14), (4, 4), True, "default of Linux 3.14"),
        (("debian", "12"), (3, 13), (4, 17), False, "Linux 3.13 has no FIFO ABI"),
        (("debian", "12"), (3, 14), (4, 3), False, "Xen 4.3 has no FIFO ABI"),
        (("xenserver", "7.0.0"), (3, 10), (4, 6), True, "XenServer's own addition"),
        (("xenserver", "6.5.0"), (3, 10), (4, 4), True, "XenServer's own addition"),
        (("xenserver", "6.5.0"), (3, 10), (4, 3), False, "Xen 4.3 has no FIFO ABI"),
        (("xenserver", "6.2.0"), (2, 6), (4, 1), False, "Linux 2.6 has no FIFO ABI"),
        (("xenserver", "7.0.0"), (3, 12), (4, 6), False, "Linux 3.12 has no FIFO ABI"),
        (("xcp-ng", "8.3.0"), (4, 19), (4, 17), True, "default of Linux 3.14"),
        (("debian", "12"), (0, 0), (4, 17), None, "unknown"),
        (("debian", "12"), (6, 1), None, None, "unknown"),
    ],
)
def test_whether_the_fifo_abi_is_possible(
    of: tuple[str, str],
    kernel: tuple[int, int],
    xen: tuple[int, int] | None,
    fifo: bool | None,
    reason: str,
) -> None:
    """FIFO event channels need a Linux and a Xen that have them; the reason names what has not."""
    found = on(*of, kernel, xen=xen)

    assert found.fifo is fifo
    assert reason in found.fifo_reason


@pytest.mark.parametrize(
    ("xen", "option"),
    [
        ((4, 1), "gnttab_max_nr_frames"),
        ((4, 4), "gnttab_max_nr_frames"),
        ((4, 5), "gnttab_max_frames"),
        (None, None),
    ],
)
def test_the_option_of_grant_frames(xen: tuple[int, int] | None, option: str | None) -> None:
    """Xen 4.5 renamed the option; without Xen there is none."""
    assert on("debian", "12", xen=xen).frames_option == option


@pytest.mark.parametrize(
    ("comm", "platform", "version", "xen", "selects"),
    [
        ("oxenstored", "debian", "12", (4, 4), True),
        ("oxenstored", "debian", "12", (4, 5), False),
        ("xenstored", "debian", "12", (4, 2), True),
        ("xenstored", "debian", "12", (4, 3), False),
        ("xenconsoled", "xenserver", "6.1.0", (4, 1), True),
        ("xenconsoled", "xenserver", "6.2.0", (4, 1), False),
        ("xenconsoled", "", "", (4, 3), False),
        ("xenconsoled", "debian", "12", None, None),
        ("xapi", "xenserver", "6.1.0", (4, 1), True),
        ("xapi", "citrix hypervisor", "8.2.1", (4, 13), True),
        ("xapi", "xcp-ng", "8.3.0", (4, 17), None),
        ("xapi", "debian", "12", (4, 17), None),
        ("another", "debian", "12", (4, 17), None),
    ],
)
def test_which_daemons_select(
    comm: str, platform: str, version: str, xen: tuple[int, int] | None, selects: bool | None
) -> None:
    """A daemon is asked by its own name; one whose version nobody knows is not guessed."""
    assert on(platform, version, xen=xen).selects(comm) is selects


@pytest.mark.parametrize("epoll", [True, False])
@pytest.mark.parametrize("version", ["8.2.1", "8.3.0"])
def test_a_xapi_that_was_asked_says_itself_how_it_waits(version: str, epoll: bool) -> None:
    """What the daemon shows goes before what its release usually has."""
    assert on("xcp-ng", version, xen=(4, 17)).selects("xapi", epoll) is not epoll


@pytest.mark.parametrize(
    ("fact", "first", "before"),
    [
        ("fifo", (3, 14), (3, 13)),
        ("loop_control", (3, 1), (3, 0)),
        ("sparse_irqs", (6, 5), (6, 4)),
        ("masters", (3, 9), (3, 8)),
        ("openvswitch_kinds", (3, 17), (3, 16)),
        ("aio_doubled", (3, 12), (3, 11)),
        ("aio_doubled", (4, 14), (4, 15)),
        ("classic", (2, 6), (3, 0)),
    ],
)
def test_facts_of_linux_begin_with_a_version(
    fact: str, first: tuple[int, int], before: tuple[int, int]
) -> None:
    """A fact holds of the first kernel that has it and not of the one beside it."""
    assert getattr(linux(first), fact) is True
    assert getattr(linux(before), fact) is False


@pytest.mark.parametrize("version", [None, (0, 0)])
def test_a_kernel_of_no_version_has_no_facts(version: tuple[int, int] | None) -> None:
    """Nothing follows from a release that begins with no number."""
    assert linux(version) == UNKNOWN_LINUX


PAIRS = st.tuples(st.integers(0, 40), st.integers(0, 99))
HOSTS = st.builds(
    host,
    xen=st.none() | PAIRS,
    kernel=PAIRS,
    platform=st.text() | st.sampled_from(["debian", *(name.lower() for name in PRODUCTS)]),
    platform_version=st.text()
    | st.sampled_from([row.version for row in ROWS])
    | PAIRS.map(lambda pair: f"{pair[0]}.{pair[1]}"),
)


@given(HOSTS)
def test_any_host_has_a_release(host: Host) -> None:
    """Whatever a host says of itself there is an answer, its reason, and a remedy's text."""
    found = release(Snapshot(host=host))

    assert found.regime is None or found.regime in REGIMES
    assert found.fifo in (True, False, None)
    assert found.fifo_reason
    assert all(found.selects(comm) in (True, False, None) for comm in ("xapi", "xenstored"))
    assert "{" not in found.facts.xen_option.format(option="a=1")


@given(HOSTS)
def test_facts_are_those_of_a_row_or_a_product_or_none(host: Host) -> None:
    """No facts are made up for a platform the table does not have."""
    rows: list[Facts] = [row.facts for row in ROWS]
    found = resolve(host)

    if not host.platform:
        assert found.facts == UNKNOWN
    elif host.platform in {product.lower() for product in PRODUCTS}:
        assert found.facts in [*rows, *PRODUCTS.values()]
    else:
        assert found.facts not in rows
