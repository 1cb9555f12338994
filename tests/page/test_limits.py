"""The limits on the status page."""

from __future__ import annotations

import pytest

from tests.page.test_charts import HALF
from tests.page.test_page import changed, rendered


@pytest.mark.parametrize(
    ("ends", "said"),
    [({}, "about 1h 0m."), ({HALF.limit: (3000.0, 7260.0)}, "about 1h 0m (50m 0s to 2h 1m).")],
)
def test_a_forecast_is_said_with_its_ends(ends: dict[str, tuple[float, float]], said: str) -> None:
    """The soonest and the latest stand beside it, where they are known."""
    status = changed(limits=(HALF,), seconds_to_full={HALF.limit: 3600.0}, full_between=ends)

    assert f"At the current rate exhausted in {said}" in rendered(status)


@pytest.mark.parametrize("seconds", [0.0, 59.9])
def test_an_end_that_is_near_is_not_counted_in_seconds(seconds: float) -> None:
    """A forecast is not that exact, and the limit may be used up already."""
    ends = {HALF.limit: (0.0, 70.0)}
    status = changed(limits=(HALF,), seconds_to_full={HALF.limit: seconds}, full_between=ends)

    assert "At the current rate exhausted within a minute, if not already." in rendered(status)
