"""The rules of the house as tests: what may import what, how long things are, what is written."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge import EDGE
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Limit
from xenwatch.metrics import METRICS
from xenwatch.probes import PROBES

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "xenwatch").rglob("*.py"))
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SOURCES = [*PACKAGE.values(), *TESTS]

FILE_LINES = 400
FUNCTION_LINES = 60

HOST_ONLY = {"ctypes", "fcntl", "mmap", "pyroute2", "subprocess"}
"""What reaches the kernel, Xen or another program."""
IMPURE = HOST_ONLY | {
    "aiohttp",
    "asyncio",
    "concurrent",
    "logging",
    "os",
    "pathlib",
    "psutil",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "structlog",
    "tempfile",
    "threading",
    "time",
}
"""Files, processes, sockets, clocks and threads: for the edge alone."""
PURE_OF_OS = {"fsdecode", "fsencode", "strerror"}
"""What of `os` is a pure function."""

HOST = {
    "xenwatch.sources.commands": "its fixed programs",
    "xenwatch.sources.privcmd": "its hypercalls",
    "xenwatch.sources.host_lock": "who else reads it",
    "xenwatch.sources.multicast": "the links and processes its kernel reports",
    "xenwatch.sources.taskstats": "the counters its kernel keeps of processes",
    "xenwatch.sources.timex": "how good its clock is",
    "xenwatch.daemon.interpreter": "the malloc of its libc",
}
"""The modules that may touch the host."""

GENERATES = {"xenwatch.generate.dashboards": "imported by `xenwatch generate dashboards` alone"}
"""What may need more than the package declares, and why."""

TABLES = {
    "xenwatch.config.settings",
    "xenwatch.probes.base",
    "xenwatch.progress",
    "xenwatch.sources.base",
    "xenwatch.sources.histograms",
    "xenwatch.sources.pem",
    "xenwatch.sources.saved",
    "xenwatch.sources.wire",
}
"""Modules of the edge whose types and tables pure modules may use."""


def within(module: str, names: dict[str, str]) -> bool:
    """Whether `module` is one of `names` or lies in a package among them."""
    return any(module == name or module.startswith(name + ".") for name in names)


def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_bytes(), str(path))


def imports(module: str) -> set[str]:
    """Every module a module of the package imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree(PACKAGE[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            name = str(node.module)
            submodules = {f"{name}.{alias.name}" for alias in node.names} & set(PACKAGE)
            found |= submodules or {name}
    return found


def uses_of_os(module: str) -> set[str]:
    """The names of `os` a module uses that are more than pure functions."""
    return {
        node.attr
        for node in ast.walk(tree(PACKAGE[module]))
        if isinstance(node, ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    } - PURE_OF_OS


def reachable(module: str) -> set[str]:
    """The modules of the package that importing `module` imports."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imports(waiting.pop()) & set(PACKAGE) - found:
            found.add(name)
            waiting.append(name)
    return found


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods and inner ones included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked() -> list[Path]:
    """The files git knows in this checkout that are text."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    paths = [ROOT / name.decode() for name in listing.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def test_only_the_edge_imports_what_does_io() -> None:
    """Modules outside the edge import nothing that knows of files, processes or clocks."""
    offenders = {
        f"{module} imports {name}"
        for module in PACKAGE
        if not within(module, EDGE)
        for name in imports(module)
        if name.split(".")[0] in IMPURE - {"os"} or (name == "os" and uses_of_os(module))
    }

    assert offenders == set()


def test_only_the_host_source_and_events_touch_the_host() -> None:
    """Only the named modules import what reaches the kernel, Xen or another program."""
    offenders = {
        f"{module} imports {name}"
        for module in PACKAGE
        if not within(module, HOST)
        for name in imports(module)
        if name.split(".")[0] in HOST_ONLY
    }

    assert offenders == set()


def test_pure_modules_import_pure_modules() -> None:
    """Modules outside the edge import no module of the edge but for its types and tables."""
    offenders = {
        f"{module} imports {name}"
        for module in PACKAGE
        if not within(module, EDGE)
        for name in imports(module) - TABLES
        if within(name, EDGE)
    }

    assert offenders == set()


def test_pure_modules_open_and_print_nothing() -> None:
    """Modules outside the edge do not call open, print or input."""
    offenders = {
        f"{module}:{node.lineno} calls {node.func.id}"
        for module, path in PACKAGE.items()
        if not within(module, EDGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in {"open", "print", "input", "exec", "eval", "__import__"}
        # Compiles the methods of dataclasses, as the standard library does.
        if (module, node.func.id) != ("xenwatch.values", "exec")
    }

    assert offenders == set()


@pytest.mark.parametrize("package", ["xenwatch.limits", "xenwatch.release"])
def test_the_model_does_not_know_what_it_checks(package: str) -> None:
    """No module of the model imports limits or releases, directly or through another."""
    offenders = {
        f"{module} imports {name}"
        for module in PACKAGE
        if module.startswith("xenwatch.model")
        for name in reachable(module)
        if within(name, {package: ""})
    }

    assert offenders == set()


def declared(lines: list[str]) -> set[str]:
    """The names under which the requirements of a list are imported."""
    names = (re.split(r"[^\w-]", line)[0] for line in lines)
    others = {"PyYAML": "yaml", "markdown-it-py": "markdown_it"}
    return {others.get(name, name.replace("-", "_")) for name in names}


def test_the_package_needs_only_what_it_declares() -> None:
    """Every import is the package's own, the standard library's or a declared dependency's."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["tui"]
    known = {"xenwatch"} | declared(lines) | sys.stdlib_module_names
    to_generate = declared(document["dependency-groups"]["generate"])
    offenders = {
        f"{module} imports {name}"
        for module in PACKAGE
        for name in imports(module)
        if name.split(".")[0] not in known | (to_generate if within(module, GENERATES) else set())
    }

    assert offenders == set()


def test_the_tests_need_only_what_they_declare() -> None:
    """Every import of the tests is declared too, so that they run on a fresh machine."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = document["dependency-groups"]
    lines = document["project"]["dependencies"] + groups["test"] + groups["generate"]
    known = {"xenwatch", "tests"} | declared(lines) | sys.stdlib_module_names
    offenders = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in TESTS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
        )
        if name.split(".")[0] not in known
    }

    assert offenders == set()


def test_pure_modules_leave_exceptions_to_the_fence() -> None:
    """Outside the edge only the fence catches whatever is raised: elsewhere it would hide a bug."""
    offenders = {
        module
        for module, path in PACKAGE.items()
        if not within(module, EDGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        if node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
    }

    assert offenders == {"xenwatch.fence"}


def test_every_exception_is_still_needed() -> None:
    """A module named as an exception would break its rule without it."""
    needed = {
        module
        for module in PACKAGE
        for name in imports(module)
        if within(module, HOST) and name.split(".")[0] in HOST_ONLY
    }
    present = {name for name in (*EDGE, *GENERATES) if any(within(m, {name: ""}) for m in PACKAGE)}

    assert needed == HOST.keys()
    assert present == EDGE.keys() | GENERATES.keys()


def test_every_test_says_what_it_shows() -> None:
    """Every test function has a docstring of one sentence."""
    offenders = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in TESTS
        for function in functions(path)
        if function.name.startswith("test_")
        if not re.fullmatch(r"(?:(?!\. [A-Z]).)+\.", ast.get_docstring(function) or "", re.DOTALL)
    }

    assert offenders == set()


def test_files_are_short() -> None:
    """No file of Python is longer than a reader's patience."""
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}

    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


def test_functions_fit_a_screen() -> None:
    """No function of the package and no test is longer than a screen."""
    lengths = {
        f"{path.relative_to(ROOT)}:{function.name}": (function.end_lineno or 0) - function.lineno
        for path in SOURCES
        for function in functions(path)
        if path not in TESTS or function.name.startswith("test_")
    }

    assert {name: length for name, length in lengths.items() if length >= FUNCTION_LINES} == {}


def test_nothing_names_this_checkout() -> None:
    """No tracked file holds the path of this checkout or of the environment the tests run in."""
    paths = [f"{directory}/".encode() for directory in (ROOT, sys.prefix)]
    offenders = {
        str(path.relative_to(ROOT))
        for path in tracked()
        if any(directory in path.read_bytes() for directory in paths)
    }

    assert offenders == set()


def test_the_text_speaks_of_the_project_alone() -> None:
    """Documents and comments speak of the program, of sessions of iSCSI, and not of its making."""
    foreign = r"(?i)(?<!SI )(?<!-m )(?<!`)\b(sessions?|agents?|prompts?|issues? #?\d+)\b"
    offenders = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in tracked()
        if path.suffix in {".md", ".py", ".toml", ".yml", ".yaml", ".service"}
        for line in path.read_text(errors="replace").splitlines()
        if re.search(foreign, line if path.suffix == ".md" else line.partition("#")[2])
    }

    assert offenders == set()


def test_no_metric_is_named_twice() -> None:
    """Names of metrics, those made from the limits included, are unique."""
    names = Counter(metric.name for metric in METRICS)

    assert {name for name, count in names.items() if count > 1} == set()


def test_every_limit_has_a_probe() -> None:
    """Every limit names the probe that reads it."""
    assert {limit.probe for limit in LIMITS} <= {probe.name for probe in PROBES}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_a_limit_warns_before_it_is_critical(limit: Limit) -> None:
    """A limit's default thresholds are ratios, the warning at or below the critical one."""
    warning, critical = limit.thresholds.warning, limit.thresholds.critical
    assert 0 < (warning or 0.5) <= (critical or 1) <= 1
