"""Grant-table frames of every domain, and dom0's maptrack."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.captures import CAPTURES, domids
from tests.probes.support import (
    FakeHost,
    dom0,
    failure_of,
    grant_sizes,
    info,
    outcome_of,
    output,
    value_of,
    xen,
)
from xenwatch.model.render.gnttab import Usage, render_usage
from xenwatch.parse.gnttab import GRANT_TABLE_OP, PERMISSION_DENIED, QuerySize
from xenwatch.probes.grants import GRANTS, MAPTRACK
from xenwatch.readings.grants import GrantFrames, Grants, Maptrack
from xenwatch.readings.snapshot import Status
from xenwatch.sources.base import CommandOutput, HypercallReply, SourceError

XL = "/usr/sbin/xl"
KEY, LOG = (XL, "debug-keys", "g"), (XL, "dmesg")
DUMP = render_usage([Usage(0, 1, 2, 64, 4, 1024), Usage(7, 1, 9, 64, 1, 1024)])


def host(domains: list[int], sizes: list[QuerySize]) -> FakeHost:
    """A dom0 with these domains and tables."""
    calls = {**xen(map(info, domains)), GRANT_TABLE_OP: grant_sizes(sizes)}
    return dom0(calls=calls)


def frames(source: FakeHost) -> dict[int, GrantFrames]:
    """What the probe of grants reads."""
    found: Grants = value_of(GRANTS, source)
    return dict(found.frames)


def test_every_domain_is_asked_about() -> None:
    """Frames and their maximum come for dom0 and each guest."""
    sizes = [QuerySize(0, 1, 64, 0), QuerySize(7, 33, 32, 0)]

    assert frames(host([0, 7], sizes)) == {0: GrantFrames(1, 64), 7: GrantFrames(33, 32)}


@pytest.mark.parametrize("count", [63, 64, 65, 300])
def test_many_domains_are_asked_about_in_batches(count: int) -> None:
    """However many domains there are, each is there once."""
    sizes = [QuerySize(domid, domid, 400, 0) for domid in range(count)]

    assert frames(host(list(range(count)), sizes)) == {
        domid: GrantFrames(domid, 400) for domid in range(count)
    }


def test_a_domain_that_goes_away_is_left_out() -> None:
    """A domain that is gone when it is asked about is not there, and the others are."""
    assert set(frames(host([0, 7, 8], [QuerySize(0, 1, 64, 0), QuerySize(8, 1, 64, 0)]))) == {0, 8}


def test_a_domain_that_may_not_be_asked_about_is_not_gone() -> None:
    """What Xen's security policy forbids is a failure that says so, and never no domain."""
    source = host([0, 7], [QuerySize(0, 1, 64, 0), QuerySize(7, 0, 0, PERMISSION_DENIED)])

    assert failure_of(GRANTS, source) == (
        "GNTTABOP_query_size of domain 7: permission denied by Xen's security policy (XSM)"
    )


def test_another_status_of_xen_is_a_failure() -> None:
    """A status that is not that of a missing domain is named by its number."""
    source = host([0, 7], [QuerySize(0, 1, 64, 0), QuerySize(7, 0, 0, -1)])

    assert failure_of(GRANTS, source) == (
        "GNTTABOP_query_size of domain 7: failed with GNTST status -1"
    )


def test_a_refusal_is_a_failure() -> None:
    """A hypercall that Xen refuses is no domain without grants."""
    source = host([0], [])
    source.calls = {
        **source.calls,
        GRANT_TABLE_OP: lambda call: HypercallReply(-errno.EPERM, call.block),
    }

    assert failure_of(GRANTS, source) == "GNTTABOP_query_size: Operation not permitted"


def test_without_a_list_of_domains_xenstores_are_asked_about() -> None:
    """Frames have one record everywhere: where Xen's list is unknown, xenstore's does."""
    source = host([0, 7], [QuerySize(0, 1, 64, 0), QuerySize(7, 33, 32, 0)])
    source.machine = "riscv64"
    source.store = {"/local/domain/0/name": b"Domain-0", "/local/domain/7/name": b"web"}

    assert frames(source) == {0: GrantFrames(1, 64), 7: GrantFrames(33, 32)}


def test_without_privcmd_nothing_is_known() -> None:
    """There is no other road to grant tables."""
    assert "/dev/xen/privcmd" in failure_of(GRANTS, dom0())


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_real_hosts_frames(capture: Path) -> None:
    """What a real Xen told by its own tool is what the probe makes of the same numbers."""
    sizes = []
    for domid in domids(capture):
        line = (capture / f"dom/{domid}/gnttab_query_size").read_text()
        fields = dict(part.strip().split("=") for part in line.split(":")[1].split(","))
        sizes.append(QuerySize(domid, int(fields["nr_frames"]), int(fields["max_nr_frames"]), 0))
    found = frames(host(list(domids(capture)), sizes))

    assert set(found) == set(domids(capture))
    assert all(0 < one.used <= one.max == 64 for one in found.values())


def with_xl(
    log: CommandOutput | SourceError,
    key: CommandOutput | SourceError | None = None,
    directory: str = "/usr/sbin",
) -> FakeHost:
    """A dom0 whose xl answers so."""
    path = f"{directory}/xl"
    found = {(path, *KEY[1:]): key or output(b""), (path, *LOG[1:]): log}
    return dom0(
        directories={directory: ("xl", "xentop")},
        commands={
            argv: answer for argv, answer in found.items() if isinstance(answer, CommandOutput)
        },
        errors={argv: answer for argv, answer in found.items() if isinstance(answer, SourceError)},
    )


def test_maptrack_is_off_unless_asked_for() -> None:
    """The dump lists every grant of the host: no pass makes one by default."""
    assert not MAPTRACK.enabled


@pytest.mark.parametrize("directory", ["/usr/sbin", "/sbin", "/usr/local/sbin"])
def test_maptrack_is_in_the_dump(directory: str) -> None:
    """The key is sent first, then dom0's own frames are found in the console."""
    source = with_xl(output(DUMP), directory=directory)

    assert value_of(MAPTRACK, source) == Maptrack(4, 1024)
    assert [one for one in source.asked if isinstance(one, tuple)] == [
        (f"{directory}/xl", "debug-keys", "g"),
        (f"{directory}/xl", "dmesg"),
    ]


@pytest.mark.parametrize(("capture", "used"), [(CAPTURES[0], 0), (CAPTURES[1], 2)])
def test_a_real_hosts_maptrack(capture: Path, used: int) -> None:
    """A real dump has dom0's frames: none before the first guest."""
    source = with_xl(output((capture / "debug-key-g").read_bytes()))

    assert value_of(MAPTRACK, source) == Maptrack(used, 1024)


def test_an_older_xen_does_not_tell_maptrack_frames() -> None:
    """A dump of Xen before 4.10 has no frames: no size of the console ring would show any."""
    rest = render_usage([Usage(0, 1, 2, 32, 4, 256)], frames=False)
    outcome = outcome_of(MAPTRACK, with_xl(output(rest)))

    assert outcome.status is Status.NOT_APPLICABLE
    assert outcome.detail == "debug key g of Xen before 4.10 does not print maptrack frames"


def test_a_dump_that_was_overwritten_is_a_failure() -> None:
    """When the ring was too small for dom0's part, the failure says what to raise."""
    rest = render_usage([Usage(7, 1, 9, 64, 1, 1024)])

    assert "conring_size" in failure_of(MAPTRACK, with_xl(output(rest)))


@pytest.mark.parametrize(
    ("key", "log", "reason"),
    [
        (
            output(b"", 1, b"denied\n"),
            output(DUMP),
            f"{XL} debug-keys g: failed with exit status 1: denied",
        ),
        (output(b""), output(DUMP, 3, b"no"), f"{XL} dmesg: failed with exit status 3: no"),
        (SourceError("xl", "timed out after 5 s"), output(DUMP), "timed out"),
    ],
)
def test_an_xl_that_fails_is_named(
    key: CommandOutput | SourceError, log: CommandOutput, reason: str
) -> None:
    """An old dump in the console is not read when the new one could not be asked for."""
    assert reason in failure_of(MAPTRACK, with_xl(log, key))


def test_without_xl_maptrack_is_not_applicable() -> None:
    """A dom0 without xl has no way to ask."""
    assert outcome_of(MAPTRACK, dom0()).status is Status.NOT_APPLICABLE
