"""A headless Chromium that looks at the status page, and the server it asks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.fake_clock import FakeClock
from tests.sources.fakes import TableSource
from tests.tools import tool
from xenwatch.assessment import Rules
from xenwatch.http.refusals import Refusals
from xenwatch.http.server import Handlers
from xenwatch.passes.publisher import AssessedPass, Publisher
from xenwatch.passes.scheduler import Scheduler

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


class Site:
    """A server whose scheduler stands still, in a thread of its own."""

    def __init__(self, newest: AssessedPass, record: str = "") -> None:
        clock = FakeClock()
        scheduler = Scheduler(TableSource(), [], clock)
        self.publisher = Publisher(scheduler, Rules(), clock)
        self.publisher.newest = newest
        self.publisher.complete = True
        self.url = ""
        self.record = record

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for the time of the block."""
        ready = threading.Event()
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve() -> None:
            handlers = Handlers(self.publisher, [], 40, Refusals(float), record=self.record)
            application = handlers.application("/metrics")
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            ready.set()
            await stop.wait()
            await runner.cleanup()

        def run() -> None:
            loop.run_until_complete(serve())
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            assert ready.wait(30), "the server did not start"
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()


class Browser:
    """One window. What it said and asked for is kept by Chromium until it is taken."""

    def __init__(self, directory: Path) -> None:
        options = ChromeOptions()
        options.binary_location = tool("chromium")
        for flag in (*FLAGS, f"--user-data-dir={directory}"):
            options.add_argument(flag)
        logs = {"browser": "ALL", "performance": "ALL"}
        options.set_capability("goog:loggingPrefs", logs)
        driver = tool("chromedriver")
        self.driver = Chrome(options=options, service=Service(executable_path=driver))
        self.driver.set_page_load_timeout(30)

    def look(self, width: int, height: int, scheme: str) -> None:
        """Give the window a size and the user a taste, `light` or `dark`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        taste = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", taste)

    def run(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def scroll_to(self, selector: str) -> None:
        """Have the first element of that selector at the top of the window."""
        self.run(f"document.querySelector({selector!r}).scrollIntoView()")

    def until(self, script: str) -> None:
        """Wait until a script returns what is true."""
        WebDriverWait(self.driver, 20, 0.05).until(lambda _: self.run(script))

    def keys(self, *names: str) -> None:
        """Press keys by their names."""
        ActionChains(self.driver).send_keys(
            *(getattr(Keys, name.upper()) for name in names)
        ).perform()

    def type_into(self, identity: str, text: str) -> None:
        """Type text into the input of that id; a newline sends its form."""
        self.driver.find_element(By.ID, identity).send_keys(text)

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return window.innerWidth")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        assert self.driver.save_screenshot(str(path))

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is shown now."""
        axe = (resources.files("axe_core_python") / "axe.min.js").read_text()
        self.run(axe)
        script = (
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {runOnly: arguments[0]}).then(found => done(found.violations))"
        )
        found = self.driver.execute_async_script(script, WCAG)
        return [
            f"{violation['id']}: {node['html'][:200]} {node['any'][:1]}"
            for violation in found
            for node in violation["nodes"]
        ]

    def said(self) -> list[str]:
        """What was written to the console since this was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def asked_for(self) -> list[str]:
        """The addresses that were asked for since this was last asked."""
        entries = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        events = (json.loads(entry["message"])["message"] for entry in entries)
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all the tests of a file, with a profile of its own."""
    found = Browser(tmp_path_factory.mktemp("profile"))
    try:
        yield found
    finally:
        found.driver.quit()
