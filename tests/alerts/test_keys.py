"""What the keys about alerts take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xenwatch.alerts import keys


@pytest.mark.parametrize(
    ("convert", "value", "result"),
    [
        (keys.duration, 0, 0),
        (keys.duration, 0.5, 0.5),
        (keys.bound, 3600, 3600),
        (keys.bound, "never", None),
        (keys.url, "", ""),
        (keys.url, "https://u:p@[::1]:9093/x?y=z", "https://u:p@[::1]:9093/x?y=z"),
        (keys.urls, ["http://a", "http://b", "http://a"], ("http://a", "http://b")),
        (keys.argv, [], ()),
        (keys.argv, ["/bin/mail", "root"], ("/bin/mail", "root")),
        (keys.runbooks, "https://wiki.example/?page=", "https://wiki.example/?page="),
        (keys.runbooks, "", ""),
        (keys.state_file, "", ""),
        (keys.state_file, "/var/lib/x", "/var/lib/x"),
    ],
)
def test_good_values_are_taken(
    convert: Callable[[object], object], value: object, result: object
) -> None:
    """Values an operator may write become what the daemon uses."""
    assert convert(value) == result


@pytest.mark.parametrize(
    ("convert", "value", "reason"),
    [
        (keys.duration, False, "is not a number"),
        (keys.duration, -1, "is not between"),
        (keys.bound, 0, "is not a number more than 0"),
        (keys.bound, True, "is not a number more than 0"),
        (keys.bound, float("nan"), "is not a number more than 0"),
        (keys.url, "ftp://a", "is not a URL such as"),
        (keys.url, "http://", "is not a URL such as"),
        (keys.url, "http://a:x", "is not a URL such as"),
        (keys.url, "http://[", "is not a URL such as"),
        (keys.url, "http://a b", "is not a URL such as"),
        (keys.urls, "http://a", "is not an array"),
        (keys.urls, [""], "has '', which is empty"),
        (keys.urls, ["x"], "has 'x', which is not a URL"),
        (keys.urls, ["http://a"] * 9, "at most 8"),
        (keys.argv, ["mail"], "has 'mail' first, which is not an absolute path"),
        (keys.argv, ["/bin/mail", "a\0"], "has a NUL in it"),
        (keys.argv, "mail", "is not an array"),
        (keys.runbooks, "/usr/share", "is not a URL that ends with /"),
        (keys.runbooks, "https://wiki.example", "is not a URL that ends with /"),
        (keys.state_file, "alerts.json", "is not an absolute path"),
    ],
)
def test_bad_values_are_refused(
    convert: Callable[[object], object], value: object, reason: str
) -> None:
    """What cannot work is refused with the reason."""
    with pytest.raises(ValueError, match=r"^(has|is) ") as caught:
        convert(value)
    assert reason in str(caught.value)
