"""Records of earlier versions, which every later one reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from xenwatch.readings.snapshot import READINGS
from xenwatch.record.past import past
from xenwatch.record.record import Record
from xenwatch.record.segments import Segment

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.moments"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_a_record_of_an_earlier_version_is_read(path: Path) -> None:
    """Every reading it has is understood, and the alerts, the forecast and the maintenance are.

    Where this fails, a reading was renamed or has gained a field without a default: hosts would
    lose it from their record at the next upgrade.
    """
    segment = Segment(path)
    [moment] = segment.moments()
    found = past(segment.header, moment, str(path))
    recorded = set(READINGS) & moment.values.keys()
    lost = {
        name: found.snapshot.outcomes[name].detail
        for name in recorded
        if getattr(found.snapshot, name) is None
    }
    assert lost == {}
    assert len(recorded) > 50
    assert found.alerts is not None
    assert [active.alert.name for active in found.alerts.firing] == ["aio_requests_near_limit"]
    assert found.seconds_to_full == {"irqs": 7.0}
    assert str(found.maintenance) == "in maintenance until 2030-03-17 17:46 UTC: new disks"
    assert Record(str(path)).at(1e11).time == 1796000000.0
