"""Commands and advice that make more room, as the host's release understands them."""

from __future__ import annotations

import pytest

from tests.planning import full_xl, plan, states_of, xenserver
from xenwatch import remedies
from xenwatch.snapshot import Snapshot


@pytest.mark.parametrize(
    ("snapshot", "limit", "words"),
    [
        (xenserver("6.1.0"), "grant_frames", "--set-xen gnttab_max_nr_frames=64, "),
        (xenserver("6.1.0"), "aio_requests", "echo 'fs.aio-max-nr = 888832' >> /etc/sysctl.conf,"),
        (xenserver("6.2.0"), "ptys", "echo 'kernel.pty.max = 8192' >> /etc/sysctl.conf,"),
        (full_xl(), "ptys", "echo 'kernel.pty.max = 8192' > /etc/sysctl.d/99-kernel.pty.max.conf,"),
    ],
)
def test_a_remedy_is_the_releases_own(snapshot: Snapshot, limit: str, words: str) -> None:
    """Options are those of the host's Xen, settings go where its init scripts look for them."""
    room = next(room for room in plan(snapshot, windows=1).rooms if room.limit == limit)

    assert any(words in remedy for remedy in room.remedies)


def test_frames_of_a_later_xen_have_their_own_option() -> None:
    """From Xen 4.5 on the option of grant frames has its present name."""
    snapshot = full_xl()
    found = [remedies.of(state, snapshot, 0) for state in states_of(snapshot, "grant_frames")]

    assert all("add gnttab_max_frames=" in texts[0] for texts in found)
