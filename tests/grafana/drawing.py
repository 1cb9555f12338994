"""Dashboards drawn by Grafana's own components in headless Chromium.

`tests/grafana/*.jsx` are bundled by esbuild; what they need is in `build/grafana`, where `make`
has npm put it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.grafana.hosts import STEP
from tests.page.browser import Browser
from tests.tools import NODE, need, tool

HERE: Final = Path(__file__).resolve().parent
WIDTH: Final = 1440
PATIENCE: Final = 60
"""Seconds until a dashboard is drawn on a busy machine."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def site(directory: Path) -> Iterator[str]:
    """The address at which the page that draws is served, after it was bundled."""
    built = directory / "site"
    node = tool("node")
    need("Grafana's components")
    argv = [node, str(HERE / "build.mjs"), str(NODE / "node_modules"), str(built)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built / "index.html").write_bytes((HERE / "index.html").read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=built))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True, slots=True)
class View:
    """What a dashboard is asked to show: values of variables, the end and the length in minutes.

    Rows of the grid from `below` on are left out.
    """

    prometheus: str
    end: float
    values: Mapping[str, str] = field(default_factory=dict)
    minutes: int = 60
    step: int = STEP
    below: int | None = None

    def asked(self, dashboard: Any) -> dict[str, Any]:
        """The view as the page takes it."""
        found: dict[str, Any] = {
            "dashboard": dashboard,
            "prometheus": self.prometheus,
            "end": self.end,
            "minutes": self.minutes,
            "step": self.step,
            "rateInterval": "4m",
            "values": dict(self.values),
            "width": WIDTH,
        }
        return found if self.below is None else found | {"below": self.below}


SEEN: Final = (HERE / "seen.js").read_text()
"""What is seen of each panel that is drawn."""


def draw(browser: Browser, dashboard: Any, view: View) -> list[dict[str, Any]]:
    """Draw a dashboard. What is seen of its panels, in order."""
    browser.driver.set_script_timeout(PATIENCE)
    script = (
        "const done = arguments[arguments.length - 1];"
        "draw(JSON.parse(arguments[0])).then(() => done(''), error => done(String(error.stack)))"
    )
    error = browser.driver.execute_async_script(script, json.dumps(view.asked(dashboard)))
    assert error == "", error
    found: list[dict[str, Any]] = browser.run(SEEN)
    return found


def table(panel: dict[str, Any]) -> list[dict[str, dict[str, str]]]:
    """The rows of a table as they are on the screen, cells by heading."""
    head, *rows = panel["rows"]
    headings = [cell["text"] for cell in head]
    return [dict(zip(headings, row, strict=True)) for row in rows]


def texts(rows: list[dict[str, dict[str, str]]], heading: str) -> list[str]:
    """A column of a table."""
    return [row[heading]["text"] for row in rows]
