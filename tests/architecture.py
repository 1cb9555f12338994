"""The packages of xenwatch: their files, what imports what, and on which floor each stands.

`python -m tests.architecture` prints it, with `--write` it renews the picture in
docs/architecture.md.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- packages: begin -->\n", "<!-- packages: end -->\n"


def modules(root: Path = ROOT) -> Mapping[str, Path]:
    """The modules of the package by name."""
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((root / "xenwatch").rglob("*.py"))
    }


def package(module: str) -> str:
    """The package a module is in; a module of its own beside the packages is its own."""
    return [*module.split("."), ""][1] or "xenwatch"


def imported(module: str, known: Mapping[str, Path]) -> set[str]:
    """The modules of xenwatch that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(known[module].read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known.keys()) or {node.module}
    return found & known.keys() - {module}


def arrows(known: Mapping[str, Path]) -> Mapping[str, set[str]]:
    """By package: the packages that its modules import."""
    found: dict[str, set[str]] = {package(module): set() for module in known}
    for module in known:
        targets = {package(target) for target in imported(module, known)}
        found[package(module)] |= targets - {package(module), "xenwatch"}
    return found


def cycles(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The arrows between packages that lead back to where they began."""

    def reachable(start: str) -> set[str]:
        found, waiting = set[str](), [start]
        while waiting:
            for name in graph[waiting.pop()] - found:
                found.add(name)
                waiting.append(name)
        return found

    within = {name: reachable(name) for name in graph}
    return sorted((a, b) for a in graph for b in graph[a] if a in within[b])


def floors(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The packages from the lowest floor, which imports none, upwards. Raises `ValueError`."""
    height: dict[str, int] = {}
    if cycles(graph):
        raise ValueError(f"packages import each other: {cycles(graph)}")
    while len(height) < len(graph):
        for name, targets in graph.items():
            if name not in height and targets <= height.keys():
                height[name] = 1 + max((height[target] for target in targets), default=-1)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for name in sorted(height):
        found[height[name]].append(name)
    return [found[number] for number in sorted(found)]


def picture(graph: Mapping[str, set[str]]) -> str:
    """The floors from the top down, each package with those it imports."""
    lines = []
    for number, names in reversed(list(enumerate(floors(graph)))):
        for name in names:
            below = " ".join(sorted(graph[name]))
            lines.append(f"{number:2}  {name:<11} {below}".rstrip())
    return "\n".join(lines) + "\n"


def document(text: str, drawing: str) -> str:
    """The text with the drawing between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```\n{drawing}```\n\n{END}{after}"


def report(root: Path = ROOT) -> str:
    """Files by package, arrows and cycles, for people."""
    known = modules(root)
    graph = arrows(known)
    lines = []
    for name in sorted(graph):
        files = [m.removeprefix(f"xenwatch.{name}").strip(".") for m in known if package(m) == name]
        lines.append(f"{name} ({len(files)}): {' '.join(file or '__init__' for file in files)}")
    count = sum(map(len, graph.values()))
    back = ", ".join(f"{a} -> {b}" for a, b in cycles(graph)) or "none"
    lines += [f"arrows between packages: {count}", f"cycles: {back}"]
    drawing = "" if cycles(graph) else picture(graph)
    return "\n".join(lines) + "\n\n" + drawing


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        drawn = document(DOCUMENT.read_text(), picture(arrows(modules())))
        DOCUMENT.write_text(drawn)
    else:
        sys.stdout.write(report(Path(sys.argv[1]) if sys.argv[1:] else ROOT))
