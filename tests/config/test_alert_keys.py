"""What the keys about alerts take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xenwatch.config import alert_keys


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
        (alert_keys.state_file, "", ""),
        (alert_keys.state_file, "/var/lib/x", "/var/lib/x"),
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
        (alert_keys.url, "http://[", "must be a URL such as"),
        (alert_keys.url, "http://a b", "must be a URL such as"),
        (alert_keys.urls, "http://a", "must be an array"),
        (alert_keys.urls, [""], "contains '', which must not be empty"),
        (alert_keys.urls, ["x"], "contains 'x', which must be a URL"),
        (alert_keys.urls, ["http://a"] * 9, "at most 8"),
        (alert_keys.argv, ["mail"], "starts with 'mail', which must be an absolute path"),
        (alert_keys.argv, ["/bin/mail", "a\0"], "must not contain a NUL"),
        (alert_keys.argv, "mail", "must be an array"),
        (alert_keys.runbooks, "/usr/share", "must be a URL that ends with /"),
        (alert_keys.runbooks, "https://wiki.example", "must be a URL that ends with /"),
        (alert_keys.state_file, "alerts.json", "must be an absolute path"),
    ],
)
def test_bad_values_are_refused(
    convert: Callable[[object], object], value: object, reason: str
) -> None:
    """What cannot work is refused with the reason."""
    with pytest.raises(ValueError, match=r"^(contains|starts|must) ") as caught:
        convert(value)
    assert reason in str(caught.value)
