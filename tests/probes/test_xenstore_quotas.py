"""Quotas of xenstore by guest, of the C xenstored and of oxenstored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from tests.probes.support import (
    DOM0,
    NO_XEN,
    FakeHost,
    after,
    dom0,
    failed,
    failure_of,
    info,
    outcome_of,
    value_of,
    xen,
)
from xenwatch.model.render.xenstore import refusal_reply
from xenwatch.model.render.xenstore_quota import (
    render_acknowledged,
    render_domain,
    render_own_quota,
    render_oxenstored,
    render_settings,
)
from xenwatch.probes.base import Pass
from xenwatch.probes.xenstore_quotas import LOGGED_REQUESTS, REQUESTS, XENSTORE_QUOTAS
from xenwatch.readings.host import Host
from xenwatch.readings.snapshot import Snapshot, Status
from xenwatch.readings.xenstore_quotas import Quota, XenstoreQuotas
from xenwatch.sources.base import SourceError, XenstoreReply

QUOTAS = {"nodes": 1000, "watches": 128, "transactions": 10, "memory": 2621440}
USED = {"nodes": 42, "watches": 12, "transactions": 0, "memory": 9120}
SILENT = SourceError("xenstored", "timed out after 2 s")

Answer = Callable[[Sequence[str]], XenstoreReply]


@dataclass
class QuotaHost(FakeHost):
    """A dom0 whose xenstored answers control commands by their words, and XS_GET_QUOTA.

    `asked_about` are the domains of each connection.
    """

    control: Answer = lambda words: render_acknowledged()
    get_quota: Answer = lambda words: refusal_reply("ENOSYS")
    asked_about: list[list[int]] = field(default_factory=list)
    connections: int = 0

    def xenstore_control(self, requests: Sequence[tuple[int, bytes]]) -> tuple[XenstoreReply, ...]:
        """Each answered by its words."""
        self.connections += 1
        replies, domids = [], []
        for op, payload in requests:
            words = payload.decode().removesuffix("\0").split("\0")
            if op == 0:
                replies.append(self.control(words))
                domids += [int(word) for word in words[1:]]
            else:
                replies.append(self.get_quota(words))
        if domids:
            self.asked_about.append(domids)
        return tuple(replies)


def c_xenstored(
    words: Sequence[str], quotas: dict[str, int] | None = None, gone: Sequence[int] = ()
) -> XenstoreReply:
    """The C xenstored, in which every domain uses the same."""
    if len(words) == 1:
        return render_settings(quotas or QUOTAS)
    domid = int(words[1])
    return refusal_reply("ENOENT") if domid in gone else render_domain(domid, USED)


def oxenstored(words: Sequence[str]) -> XenstoreReply:
    """oxenstored, in which a domain owns as many nodes as its domid, and those above 900 none."""
    if len(words) == 1:
        return render_acknowledged()
    domid = int(words[1])
    return render_oxenstored(domid, (domid, 1000) if domid <= 900 else None)


def host(control: Answer, domids: Sequence[int] = (0, 5, 7)) -> QuotaHost:
    """A dom0 with these domains."""
    return QuotaHost(files=dict(DOM0), calls=xen(map(info, domids)), control=control)


def on_xen(version: tuple[int, int]) -> Snapshot:
    """A context in which the release is known."""
    return Snapshot(
        host=Host(
            xen=version,
            xen_version="",
            xen_command_line="",
            kernel=(6, 1),
            kernel_release="6.1.0",
            machine="x86_64",
            kernel_command_line="",
            platform="debian",
            platform_version="12",
            cgroup_version=2,
            is_dom0=True,
            abi=None,
            nr_irqs=None,
        )
    )


def test_the_c_xenstored_tells_every_kind() -> None:
    """Each guest has its use of each quota, and dom0, which has no quotas, is not asked about."""
    source = host(c_xenstored)
    expected = {kind: Quota(USED[kind], QUOTAS[kind]) for kind in USED}

    assert value_of(XENSTORE_QUOTAS, source) == XenstoreQuotas(
        "xenstored", {5: expected, 7: expected}
    )
    assert source.asked_about == [[5, 7]]


def test_oxenstored_tells_nodes() -> None:
    """Nodes and their quota are all that oxenstored tells."""
    assert value_of(XENSTORE_QUOTAS, host(oxenstored)) == XenstoreQuotas(
        "oxenstored", {5: {"nodes": Quota(5, 1000)}, 7: {"nodes": Quota(7, 1000)}}
    )


def test_an_oxenstored_is_never_asked_what_it_may_not_know() -> None:
    """XS_GET_QUOTA, which some releases drop without a reply, goes to the C xenstored alone."""
    source = host(oxenstored)

    def refuse(words: Sequence[str]) -> XenstoreReply:
        raise AssertionError(words)

    source.get_quota = refuse
    value_of(XENSTORE_QUOTAS, source, on_xen((4, 22)))


def test_a_quota_that_is_off_is_no_max() -> None:
    """0 switches a quota off: use is told, without a max."""
    source = host(lambda words: c_xenstored(words, {**QUOTAS, "memory": 0}))

    assert value_of(XENSTORE_QUOTAS, source).domains[5]["memory"] == Quota(9120, None)


def test_a_domain_that_goes_away_has_nothing() -> None:
    """A domain that xenstored does not have is no failure, and has no use."""
    source = host(lambda words: c_xenstored(words, gone=(5,)))

    domains = value_of(XENSTORE_QUOTAS, source).domains
    assert domains[5] == {}
    assert domains[7]["nodes"] == Quota(42, 1000)


def test_from_xen_4_22_on_each_guest_has_its_own_quota() -> None:
    """A guest's own quota counts, 0 is none, and one that is not set is that of all."""
    own = {"watches": 512, "nodes": 0}
    source = host(c_xenstored)
    source.get_quota = lambda words: render_own_quota(own.get(words[1], 0xFFFFFFFF))
    found = value_of(XENSTORE_QUOTAS, source, on_xen((4, 22))).domains[5]

    assert found["watches"] == Quota(12, 512)
    assert found["nodes"] == Quota(42, None)
    assert found["transactions"] == Quota(0, 10)


def test_a_xenstored_older_than_its_xen_has_quotas_for_all() -> None:
    """Where the request for a guest's own quota is unknown, that of all holds."""
    found = value_of(XENSTORE_QUOTAS, host(c_xenstored), on_xen((4, 22))).domains[5]

    assert found["watches"] == Quota(12, 128)


def test_without_guests_nothing_is_asked() -> None:
    """A host without guests costs xenstored nothing."""
    source = host(c_xenstored, (0,))

    assert value_of(XENSTORE_QUOTAS, source) == XenstoreQuotas("", {})
    assert source.connections == 0


@pytest.mark.parametrize(
    ("control", "most"), [(c_xenstored, REQUESTS), (oxenstored, LOGGED_REQUESTS)]
)
def test_many_guests_are_asked_about_in_turn(control: Answer, most: int) -> None:
    """No run asks about more than its part; after enough runs each guest was asked about."""
    guests = list(range(1, 2 * most + 2))
    source = host(control, [0, *guests])
    known: Pass | None = None
    for _ in range(3):
        known = after(XENSTORE_QUOTAS, source, known)

    assert known is not None
    assert known.snapshot.xenstore_quotas is not None
    assert sorted(known.snapshot.xenstore_quotas.domains) == guests
    assert max(map(len, source.asked_about)) == most
    assert source.connections == 2 * 3


def test_guests_known_longest_are_asked_about_again() -> None:
    """Once all are known, two runs read each of twice as many guests as fit one run again."""
    guests = list(range(1, 2 * LOGGED_REQUESTS + 1))
    source = host(oxenstored, [0, *guests])
    known: Pass | None = None
    for _ in range(4):
        known = after(XENSTORE_QUOTAS, source, known)

    again = [domid for asked in source.asked_about[2:] for domid in asked]
    assert sorted(again) == guests


def test_guests_that_own_nothing_do_not_hold_up_the_others() -> None:
    """A guest about which there is nothing to tell waits for its turn as all others do."""
    empty = list(range(901, 901 + LOGGED_REQUESTS))
    source = host(oxenstored, [0, 5, *empty, 2000])
    known: Pass | None = None
    for _ in range(2):
        known = after(XENSTORE_QUOTAS, source, known)

    assert 2000 in source.asked_about[1]


def test_another_domain_with_the_number_is_asked_about_at_once() -> None:
    """What an old domain used is not told of a new one with its domid."""
    source = host(oxenstored, [0, *range(1, LOGGED_REQUESTS + 2)])
    known = after(XENSTORE_QUOTAS, source, after(XENSTORE_QUOTAS, source))
    source.calls = xen([info(0), info(1, generation=77), *map(info, range(2, LOGGED_REQUESTS + 2))])
    after(XENSTORE_QUOTAS, source, known)

    assert source.asked_about[-1][0] == 1


def test_after_a_failure_everything_is_read_again() -> None:
    """What was known before a failure is not told after it."""
    source = host(c_xenstored)
    known = failed(XENSTORE_QUOTAS, after(XENSTORE_QUOTAS, source))
    after(XENSTORE_QUOTAS, source, known)

    assert source.asked_about == [[5, 7], [5, 7]]


@pytest.mark.parametrize("name", ["EINVAL", "ENOSYS"])
def test_an_older_c_xenstored_does_not_apply(name: str) -> None:
    """A C xenstored without the command is no failure."""
    outcome = outcome_of(XENSTORE_QUOTAS, host(lambda words: refusal_reply(name)))

    assert outcome.status is Status.NOT_APPLICABLE


def test_an_oxenstored_that_only_acknowledges_does_not_apply() -> None:
    """Before Xen 4.2 oxenstored tells dom0 nothing unless it is configured to."""
    outcome = outcome_of(XENSTORE_QUOTAS, host(lambda words: render_acknowledged()))

    assert outcome.status is Status.NOT_APPLICABLE


def test_a_refusal_is_a_failure() -> None:
    """What may not be asked is not nothing used."""
    source = host(lambda words: refusal_reply("EACCES"))

    assert failure_of(XENSTORE_QUOTAS, source) == "xenstored, quota: EACCES"


def test_a_xenstored_that_does_not_answer_is_a_failure() -> None:
    """Silence is a failure, and nothing else waits for it."""

    def silent(words: Sequence[str]) -> XenstoreReply:
        raise SILENT

    assert "timed out" in failure_of(XENSTORE_QUOTAS, host(silent))


@pytest.mark.parametrize("files", NO_XEN.values(), ids=NO_XEN)
def test_elsewhere_than_in_dom0_it_does_not_apply(files: dict[str, bytes]) -> None:
    """A machine that is no dom0 has no xenstored to ask."""
    source = dom0()
    source.files = files

    assert outcome_of(XENSTORE_QUOTAS, source).status is Status.NOT_APPLICABLE
