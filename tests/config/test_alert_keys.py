"""What the keys about alerts take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xenwatch.alerts.base import PERCENT, Alert
from xenwatch.alerts.table import ALERTS
from xenwatch.config import alert_keys, converters


@pytest.mark.parametrize(
    ("convert", "value", "result"),
    [
        (alert_keys.duration, 0, 0),
        (alert_keys.duration, 0.5, 0.5),
        (alert_keys.bound, 3600, 3600),
        (alert_keys.bound, "never", None),
        (alert_keys.url, "", ""),
        (alert_keys.url, "https://u:p@[::1]:9093/x?y=z", "https://u:p@[::1]:9093/x?y=z"),
        (alert_keys.urls, ["http://a", "http://b", "http://a"], ("http://a", "http://b")),
        (alert_keys.argv, [], ()),
        (alert_keys.argv, ["/bin/mail", "root"], ("/bin/mail", "root")),
        (alert_keys.runbooks, "https://wiki.example/?page=", "https://wiki.example/?page="),
        (alert_keys.runbooks, "", ""),
        (alert_keys.file, "", ""),
        (alert_keys.file, "/var/lib/x", "/var/lib/x"),
    ],
)
def test_good_values_are_accepted(
    convert: Callable[[object], object], value: object, result: object
) -> None:
    """Values an operator may write become what the daemon uses."""
    assert convert(value) == result


@pytest.mark.parametrize(
    ("convert", "value", "reason"),
    [
        (alert_keys.duration, False, "must be a number"),
        (alert_keys.duration, -1, "must be between"),
        (alert_keys.bound, 0, "must be a number greater than 0"),
        (alert_keys.bound, 10**400, "must be at most 1e+18"),
        (alert_keys.bound, True, "must be a number greater than 0"),
        (alert_keys.bound, float("nan"), "must be a number greater than 0"),
        (alert_keys.url, "ftp://a", "must be a URL such as"),
        (alert_keys.url, "http://", "must be a URL such as"),
        (alert_keys.url, "http://a:x", "must be a URL such as"),
        (alert_keys.url, "http://a..b", "must be a URL such as"),
        (alert_keys.url, "http://" + "a" * 64, "must be a URL such as"),
        (alert_keys.url, "http://[", "must be a URL such as"),
        (alert_keys.url, "http://a b", "must be a URL such as"),
        (alert_keys.urls, "http://a", "must be an array"),
        (alert_keys.urls, [""], "contains '', which must not be empty"),
        (alert_keys.urls, ["x"], "contains 'x', which must be a URL"),
        (alert_keys.urls, ["http://a"] * 9, "at most 8"),
        (
            alert_keys.alertmanagers,
            ["http://a:9093/x/api/v2/alerts"],
            "which must not have the path of the API; remove /api/v",
        ),
        (converters.ratio, "off", 'must be a number, or "never"'),
        (converters.ratio, 30, 'at most 1, or "never"'),
        (alert_keys.argv, ["mail"], "must start with the absolute path of a program"),
        (alert_keys.argv, ["/bin/mail", "a\0"], "must not contain a NUL"),
        (alert_keys.argv, "mail", "must be an array"),
        (alert_keys.runbooks, "/usr/share", "must be a URL that ends with /"),
        (alert_keys.runbooks, "https://wiki.example", "must be a URL that ends with /"),
        (alert_keys.file, "alerts.json", "must be an absolute path"),
    ],
)
def test_bad_values_are_refused(
    convert: Callable[[object], object], value: object, reason: str
) -> None:
    """What cannot work is refused with the reason."""
    with pytest.raises(ValueError, match=r"^(contains|starts|must) ") as caught:
        convert(value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "alert", [one for one in ALERTS if one.shown == PERCENT], ids=lambda alert: alert.name
)
def test_a_ratio_has_no_threshold_above_one(alert: Alert) -> None:
    """A threshold that no ratio reaches, such as 30 for 30 %, is refused; others may be so high."""
    for key in alert_keys.own(alert):
        assert key.convert(1) == 1
        with pytest.raises(ValueError, match="must be a ratio"):
            key.convert(30)


def test_a_number_may_be_above_one() -> None:
    """A threshold of what is no ratio is any number."""
    (alert,) = (one for one in ALERTS if one.name == "tasks_blocked")

    assert [key.convert(30) for key in alert_keys.own(alert)] == [30, 30]
