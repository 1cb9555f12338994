"""What only xenstored knows of domains: their names, and whose QEMU a stubdomain runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.probes.support import (
    Before,
    FakeHost,
    after,
    denied,
    dom0,
    failed,
    failure_of,
    handle,
    info,
    value_of,
    xen,
)
from xenwatch.probes.base import Pass
from xenwatch.probes.xenstore import SLICE, XENSTORE, read_key, rotation
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.snapshot import Snapshot
from xenwatch.readings.xenstore import Xenstore
from xenwatch.sources.base import SourceError

MANY = 3 * SLICE
"""Domains that take several passes to be asked for again."""


def names_of(domids: range | list[int]) -> dict[str, bytes]:
    """A xenstore with the names of these domains."""
    return {f"/local/domain/{domid}/name": b"vm%d" % domid for domid in domids}


def named(source: FakeHost, before: Before = None) -> Pass:
    """What is known after a run of the probe of names."""
    return after(XENSTORE, source, before)


def names(known: Pass) -> dict[int, bytes]:
    """The names it has read, by domid."""
    assert known.snapshot.xenstore is not None
    return {domid: name for (domid, _), name in known.snapshot.xenstore.names.items()}


def asked_names(source: FakeHost) -> set[int]:
    """The domids whose names were asked for."""
    paths = [path.split("/") for path in source.asked if str(path).endswith("/name")]
    return {int(path[3]) for path in paths}


def test_names_are_read_with_their_domains() -> None:
    """Each domain's name comes as xenstore's own bytes, with the UUID it was read for."""
    store = {**names_of([0]), "/local/domain/7/name": b'\xff"\n'}
    found = value_of(XENSTORE, dom0(calls=xen([info(0), info(7)]), store=store))

    assert found == Xenstore({(0, str(handle(0))): b"vm0", (7, str(handle(7))): b'\xff"\n'})


def test_a_stubdomain_is_known_by_its_target() -> None:
    """A domain named as one is asked whose QEMU it runs; others are not, and some run none."""
    store = names_of([0, 7]) | {
        "/local/domain/8/name": b"vm7-dm",
        "/local/domain/8/target": b"7",
        "/local/domain/9/name": b"odd-dm",
        "/local/domain/7/target": b"9",
    }
    source = dom0(calls=xen([info(domid) for domid in (0, 7, 8, 9)]), store=store)
    known = named(source)

    assert known.snapshot.xenstore is not None
    assert known.snapshot.xenstore.stubdomains == {(8, str(handle(8))): 7}
    assert "/local/domain/7/target" not in source.asked
    gone = named(dom0(calls=xen([info(0), info(7)]), store=store), known).snapshot.xenstore
    assert gone is not None
    assert gone.stubdomains == {}


@pytest.mark.parametrize("target", [b"", b"7x", b"-1", b"123456", b"\xff"])
def test_a_target_that_is_no_domid_is_none(target: bytes) -> None:
    """What is no number of a domain says nothing."""
    store = {"/local/domain/8/name": b"vm-dm", "/local/domain/8/target": target}
    found = value_of(XENSTORE, dom0(calls=xen([info(8)]), store=store))

    assert found.stubdomains == {}


def test_a_stubdomain_that_is_named_first_is_known_later() -> None:
    """Its name is written before its target, which the next reading of the name finds."""
    calls, store = xen([info(0), info(8)]), {"/local/domain/8/name": b"vm-dm"}
    known = named(dom0(calls=calls, store=store))
    again = named(dom0(calls=calls, store=store | {"/local/domain/8/target": b"7"}), known)

    assert again.snapshot.xenstore is not None
    assert again.snapshot.xenstore.stubdomains == {(8, str(handle(8))): 7}


def test_a_domain_without_name_has_none() -> None:
    """A domain xenstore does not know is listed without name, and asked for again."""
    source = dom0(calls=xen([info(0), info(7)]), store=names_of([0]))
    first = named(source)
    source.asked.clear()
    named(source, first)

    assert names(first) == {0: b"vm0"}
    assert 7 in asked_names(source)


def test_known_names_are_asked_for_a_slice_a_pass() -> None:
    """New domains are asked for at once, known ones in slices that come to all of them."""
    store = names_of(range(MANY + 1))
    infos = [info(domid) for domid in range(MANY)]
    first_source = dom0(calls=xen(infos), store=store)
    found = named(first_source)
    assert asked_names(first_source) == set(range(MANY))

    asked: set[int] = set()
    for turn in range(3):
        source = dom0(calls=xen([*infos, info(MANY)]), store=store)
        found = named(source, found)
        new = asked_names(source)
        assert len(new) <= SLICE + 2
        assert (MANY in new) or turn
        assert names(found)[MANY] == b"vm%d" % MANY
        asked |= new

    assert asked == set(range(MANY + 1))


def test_a_new_name_is_found_within_a_turn() -> None:
    """A domain that was renamed has its new name once its slice has come."""
    infos = [info(domid) for domid in range(MANY)]
    store = names_of(range(MANY))
    found = named(dom0(calls=xen(infos), store=store))
    store = {**store, f"/local/domain/{MANY - 1}/name": b"renamed"}
    for _ in range(3):
        found = named(dom0(calls=xen(infos), store=store), found)

    assert names(found)[MANY - 1] == b"renamed"
    assert len(names(found)) == MANY


def test_gone_domains_are_dropped() -> None:
    """A domain that is no more has no name, however lately it was read."""
    first = named(dom0(calls=xen([info(0), info(7)]), store=names_of([0, 7])))
    found = named(dom0(calls=xen([info(0)]), store=names_of([0, 7])), first)

    assert names(found) == {0: b"vm0"}


def test_another_domain_under_the_same_domid_is_asked_for() -> None:
    """A name is known for a domain, not for its number: nothing is carried over."""
    infos = [info(domid) for domid in range(MANY)]
    first = named(dom0(calls=xen(infos), store=names_of(range(MANY))))
    infos[-1] = info(MANY - 1, generation=9999)
    source = dom0(calls=xen(infos), store=names_of(range(MANY - 1)))
    found = named(source, first)

    assert MANY - 1 in asked_names(source)
    assert MANY - 1 not in names(found)


def test_a_domain_that_lost_its_name_has_none() -> None:
    """A name that was removed is not kept."""
    first = named(dom0(calls=xen([info(0)]), store=names_of([0])))
    found = named(dom0(calls=xen([info(0)]), store={}), first)

    assert names(found) == {}


def test_after_a_failure_all_names_are_asked_for() -> None:
    """Names of before an outage of xenstored are not taken for those of after it."""
    infos = [info(domid) for domid in range(MANY)]
    first = named(dom0(calls=xen(infos), store=names_of(range(MANY))))
    source = dom0(calls=xen(infos), store=names_of(range(MANY)))
    named(source, failed(XENSTORE, first))

    assert asked_names(source) == set(range(MANY))


def test_without_hypercalls_xenstore_lists_the_domains() -> None:
    """Where Xen cannot be asked, xenstore's own list says whose names to read."""
    found = value_of(XENSTORE, dom0(store=names_of([0, 7])))

    assert found == Xenstore({(0, ""): b"vm0", (7, ""): b"vm7"})


def test_without_hypercalls_names_still_find_their_domains() -> None:
    """A name that was read for a domain known from xenstore alone is that domain's name."""
    domain = Domain(7, str(handle(7)), None, None, None, None, None, None, None)
    last = Snapshot(domains=Domains((domain,), "xenstore"))
    found = named(dom0(store=names_of([0, 7])), last)

    assert found.snapshot.name(domain) == b"vm7"


def test_a_silent_xenstored_is_a_failure() -> None:
    """A xenstored that does not answer fails the probe, whatever names were known."""
    first = named(dom0(calls=xen([info(0)]), store=names_of([0])))
    source = dom0(calls=xen([info(0)]), store=None)

    assert failure_of(XENSTORE, source, first) == "xenstored: timed out after 2 s"


def test_a_key_that_is_refused_is_named() -> None:
    """A refusal that is not that of a missing key names the key."""
    path = "/local/domain/0/name"
    with pytest.raises(SourceError, match=f"{path}: Permission denied"):
        read_key(dom0(errors={path: denied(path)}), path)
    assert read_key(dom0(), path) is None


@given(st.integers(0, 5 * SLICE), st.integers(0, 10 * SLICE))
def test_a_rotation_comes_to_all(count: int, cursor: int) -> None:
    """From any cursor on, slices of bounded size come to every item in as few as can be."""
    items, seen = range(count), set()
    turns = max(1, -(-count // SLICE))
    for _ in range(turns):
        part, cursor = rotation(items, cursor)
        assert len(part) == len(set(part)) == min(count, SLICE)
        seen |= set(part)

    assert seen == set(items)
