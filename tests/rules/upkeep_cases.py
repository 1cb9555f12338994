"""Cases of the alert about certificates, see `tests.rules.cases`."""

from __future__ import annotations

from typing import Final

from tests.rules.cases import Case, Series, labelled, own

WRITTEN: Final = "xenwatch_record_last_write_successful"
DAY: Final = 86400
TITLE: Final = "XenwatchCertificateExpiring"
XAPI: Final = {"certificate": "xapi", "path": "/etc/xensource/xapi-ssl.pem"}
POOL: Final = {"certificate": "xapi-pool", "path": "/etc/xensource/xapi-pool-tls.pem"}


def ends(days: int, labels: dict[str, str], critical: int | None = 7) -> tuple[Series, ...]:
    """A certificate that ends so many days after the minute that is looked at."""
    values = f"{60 + days * DAY}+0x9"
    metric = "xenwatch_certificate_not_after_timestamp_seconds"
    return own(metric, values, TITLE, 30, critical, **labels)


UPKEEP: Final = (
    Case(TITLE, "at the threshold, not below it", 1, ends(30, XAPI)),
    Case(TITLE, "in four weeks", 1, ends(28, XAPI), (("warning", XAPI, 28 * DAY),)),
    Case(TITLE, "clients may not even verify it", 1, ends(2, XAPI),
         (("warning", XAPI, 2 * DAY),)),
    Case(TITLE, "hosts will refuse each other in two days", 1, ends(2, POOL),
         (("warning", POOL, 2 * DAY), ("critical", POOL, 2 * DAY))),
    Case(TITLE, "hosts have refused each other for two days", 1, ends(-2, POOL),
         (("warning", POOL, -2 * DAY), ("critical", POOL, -2 * DAY))),
    Case(TITLE, "never critical", 1, ends(2, POOL, None), (("warning", POOL, 2 * DAY),)),
    Case(TITLE, "new", 1, ends(3650, POOL)),
    Case("XenwatchRecordFailing", "for ten minutes", 11, (labelled(WRITTEN, "0+0x15"),),
         (("warning", {}, 0),)),
    Case("XenwatchRecordFailing", "for a while", 11,
         (labelled(WRITTEN, "1 1 1 0 0 1+0x9"),)),
)  # fmt: skip
"""The cases."""
