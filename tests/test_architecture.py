"""Which package may import which, and the picture of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import architecture

KNOWN = architecture.modules()
GRAPH = architecture.arrows(KNOWN)

ORDER = (
    *("values", "threads", "fence", "errors", "readings", "clock", "exposition", "display", "log"),
    *("sources", "parse", "progress", "release", "model", "redaction", "probes", "events"),
    *("limits", "advice", "planning", "alerts", "explain", "assessment", "record"),
    *("messages", "metrics", "config", "status", "delivery", "page", "terminal"),
    *("passes", "generate", "report", "web_config", "sockets", "http", "daemon", "reader", "cli"),
    "__main__",
)
"""The packages from the bottom up: each may import those before it."""


def test_every_package_has_its_place() -> None:
    """A package that is new says where it stands."""
    assert set(GRAPH) - {"xenwatch"} == set(ORDER)


def test_imports_between_packages_go_one_way() -> None:
    """A package imports only packages below its own."""
    upward = {
        f"{package} imports {target}"
        for package, targets in GRAPH.items()
        for target in targets
        if ORDER.index(target) >= ORDER.index(package)
    }

    assert upward == set()
    assert architecture.cycles(GRAPH) == []


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("sources", {"parse", "probes", "events"}),
        ("metrics", {"probes"}),
        ("status", {"cli", "page"}),
        ("page", {"probes", "http"}),
        ("model", {"limits", "planning", "release"}),
        ("http", {"daemon", "cli"}),
        ("reader", {"alerts", "config", "delivery", "http", "limits", "log", "page", "probes"}),
    ],
)
def test_what_a_package_must_not_know(package: str, never: set[str]) -> None:
    """Some packages know nothing of some others, wherever those stand."""
    assert GRAPH[package] & never == set()


@pytest.mark.parametrize("module", ["xenwatch.terminal.picture", "xenwatch.cli.top"])
def test_the_terminal_needs_no_html(module: str) -> None:
    """What draws in a terminal imports nothing of the status page."""
    targets = {architecture.package(name) for name in architecture.imported(module, KNOWN)}

    assert "page" not in targets


def test_few_modules_stand_beside_the_packages() -> None:
    """Only what every package may need lies flat in xenwatch."""
    flat = {path.stem for path in (architecture.ROOT / "xenwatch").glob("*.py")}

    assert flat == {
        "__init__",
        "__main__",
        "clock",
        "fence",
        "log",
        "progress",
        "threads",
        "values",
    }


def test_the_picture_is_current() -> None:
    """The document shows the packages as they are; `make generate` draws them anew."""
    text = architecture.DOCUMENT.read_text()

    assert architecture.document(text, architecture.picture(GRAPH)) == text


def test_a_cycle_is_named(tmp_path: Path) -> None:
    """Two packages that import each other have no floors, and the report names them."""
    for name, other in (("a", "b"), ("b", "a")):
        package = tmp_path / "xenwatch" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"import xenwatch.{other}\n")
    known = architecture.modules(tmp_path)

    assert architecture.cycles(architecture.arrows(known)) == [("a", "b"), ("b", "a")]
    assert "a -> b, b -> a" in architecture.report(tmp_path)
    with pytest.raises(ValueError, match="a"):
        architecture.picture(architecture.arrows(known))
