"""The page of error messages, over HTTP."""

from __future__ import annotations

import re

from tests.http.test_server import Site
from xenwatch.page import errors


async def test_error_messages_are_searched() -> None:
    """The page of errors has them all, or what a message means; its links lead to runbooks."""
    async with Site().client() as client:
        async with client.get(errors.PATH) as answer:
            everything = await answer.text()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        query = {"q": "[1.2] maptrack limit reached, can't <b>map</b>"}
        async with client.get(errors.PATH, params=query) as answer:
            found = await answer.text()
        assert answer.status == 200
        for path in set(re.findall(r'href="(/[^"#]+)"', everything)):
            async with client.get(path) as answer:
                assert answer.status in (200, 503)

    assert "<script" not in everything
    assert everything.count("<tr") > 40
    assert found.count("<tr") == 2
    assert "/runbooks/XenwatchMaptrackFramesNearLimit.md" in found
    assert "&lt;b&gt;" in found
    assert "<b>" not in found
