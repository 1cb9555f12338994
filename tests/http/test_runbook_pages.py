"""Runbooks as they are served: pages to browsers, Markdown to everybody else."""

from __future__ import annotations

import re

from tests.http.test_server import Site
from xenwatch.alerts import runbooks
from xenwatch.alerts.table import ALERTS
from xenwatch.page import errors


async def test_runbooks_are_listed_and_need_no_ending() -> None:
    """The list leads to every runbook, which is served without the ending of its file too."""
    async with Site().client() as client:
        for path in ("/runbooks/", "/runbooks"):
            async with client.get(path) as answer:
                listed = (await answer.text()).split()
        assert {"/runbooks/errors", *runbooks.files()} == set(listed)
        for path in listed:
            async with client.get(path) as full, client.get(path.removesuffix(".md")) as short:
                assert full.status == short.status == 200
                page = errors.PATH in (path, path.removesuffix(".md"))
                assert page or await full.read() == await short.read()


async def test_browsers_get_runbooks_as_pages() -> None:
    """A browser gets each as a page whose links lead on, everybody else the Markdown."""
    asks = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with Site().client() as client:
        pages, plain = {}, {}
        for path in ("/runbooks/", *runbooks.files()):
            async with client.get(path, headers=asks) as answer:
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                assert answer.headers["Vary"] == "Accept"
                pages[path] = await answer.text()
            async with client.get(f"{path}?plain", headers=asks) as answer:
                plain[path] = await answer.text()
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        links = {link for text in pages.values() for link in re.findall(r'href="(/[^"?]*)"', text)}
        for link in links:
            async with client.get(link) as answer:
                assert answer.status == 200
    assert {f"/runbooks/{alert.title}" for alert in ALERTS} <= links
    assert plain["/runbooks/XenwatchDown.md"].startswith("# XenwatchDown")
