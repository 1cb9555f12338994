"""The command line under fire: whatever is typed is answered in words, with a known status."""

from __future__ import annotations

import contextlib
import io
import re
import types
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xenwatch.cli import advise
from xenwatch.cli.commands import HELP
from xenwatch.cli.main import PARTS, RECORDS, main
from xenwatch.daemon.daemon import Daemon
from xenwatch.probes import PROBES

PYTHON = re.compile(
    r"Traceback|Errno|\bb'|Expecting |\bNoneType\b|JSONDecode|\w+Error\b|codec can't|"
    r"object is not|argument of type|invalid \w+ value|set_int_max|<class|\bTrue\b|\bFalse\b"
)
"""Words that are Python's, and not an operator's."""
NUMBERS = ["nan", "inf", "-inf", "-5", "0", "1e400", "9" * 400, "0x10", "1_0", "\u0663", "", " 1"]
VALUES = [
    *NUMBERS,
    *("x", "{}", "[", "\udcff", "a\nb", "%s", "/proc/none/file", "/dev/null/x", "/dev/zero"),
    *(
        "synthetic",
        "synthetic:",
        "synthetic:debian-12",
        "synthetic:boot-storm@nan",
        "tree:",
        "auto",
    ),
    *("tree:/none", "tree:/proc", "ptys=nan", "ptys=2", "windows=", "windows=-1", "http://"),
    *("http://[", "http://127.0.0.1:1", "ftp://x", "127.0.0.1:99999", "json", "host", "debian-12"),
]
NAMES = [name for name in HELP if name not in PARTS]
NOTHING_THERE = re.compile(r"Is the daemon running|: no record: ")
"""The reason where there is neither a daemon nor a record."""
NEEDED = {
    "maintenance": ["status"],
    "generate": ["rules"],
    "capture": ["/proc/none/file"],
    "report": ["--from=1d"],
    "support": ["/proc/none/file"],
}
"""What a command cannot do without: the fuzz gives no other places to write to."""


def ended(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(arguments)
        except SystemExit as left:
            status = int(left.code or 0)
    out.seek(0)
    return status, out.read(), err.getvalue()


def options(name: str) -> list[str]:
    """The options of a command, but the one that prints this."""
    found = re.findall(r"^  (?:-\w, )?(--[a-z.-]+)", ended([name, "--help"])[1], re.MULTILINE)
    return [flag for flag in dict.fromkeys(found) if flag != "--help"]


OPTIONS = {name: options(name) for name in NAMES}


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with a few of its options, each with some value, and perhaps an argument."""
    name = draw(st.sampled_from(NAMES))
    text = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=20)
    found = [name, *NEEDED.get(name, [])]
    for flag in draw(st.lists(st.sampled_from(OPTIONS[name]), max_size=3)):
        value = draw(st.sampled_from(VALUES) | text)
        found += [f"{flag}={value}"] if draw(st.booleans()) else [flag, value]
    if name not in NEEDED and draw(st.booleans()):
        found.append(draw(st.sampled_from(VALUES)))
    return found


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody serves, waits or reads a terminal, and all that is written is written here.

    A pass is of one probe, which says as much of a command line as all do.
    """

    async def serve(*_: object) -> int:
        return 0

    file = tmp_path / "xenwatch.toml"
    file.write_text(f'[maintenance]\nfile = "{tmp_path}/maintenance.json"\n')
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", str(file))
    monkeypatch.setattr("xenwatch.config.settings.Settings.probes", lambda _self: PROBES[:1])
    monkeypatch.setattr("xenwatch.log.configure", lambda _level, _format: None)
    monkeypatch.setattr("xenwatch.sources.kept.raise_limit", lambda: None)
    monkeypatch.setattr(Daemon, "run", serve)
    monkeypatch.setattr(advise, "time", types.SimpleNamespace(sleep=lambda _seconds: None))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.chdir(tmp_path)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(["advise", "--interval=nan"])
@example(["check", "--url=http://["])
@example(["once", "--source=tree:/proc"])
@example(["plan", "--shape=windows", "--count", "-5"])
@example(["run", "--web.max-requests", "9" * 400])
@given(lines())
@pytest.mark.usefixtures("quiet")
def test_whatever_is_typed_is_answered_in_words(arguments: list[str]) -> None:
    """A known status, no traceback, and no words of Python."""
    status, out, err = ended(arguments)

    assert status in range(4)
    assert status == 0 or out or err
    # What was typed may be anything, and is repeated.
    typed = [text for each in arguments for text in (each, each.partition("=")[2]) if len(text) > 3]
    said = err
    for text in typed:
        said = said.replace(text, "")
    assert PYTHON.search(said) is None, said


@pytest.mark.parametrize(
    "words",
    [
        ("once", "--config.file"),
        ("check", "--url"),
        ("check", "--user"),
        ("check", "--cacert"),
        ("check", "--cert"),
        ("check", "--key"),
        ("plan", "--learn"),
        ("reader", "--socket"),
        ("capture",),
    ],
)
def test_an_empty_name_is_none(words: tuple[str, ...]) -> None:
    """The variable of a script that is empty is told so, and not taken for another place."""
    status, out, err = ended([*words, ""])

    assert status == (3 if words[0] == "check" else 2)
    assert "must not be empty" in out + err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("onec",), "once"),
        (("once", "--sorce=synthetic"), "--source"),
        (("once", "--fromat", "json"), "--format"),
        (("top", "--view", "disk"), "disks"),
        (("generate", "rule"), "rules"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion(words: tuple[str, ...], meant: str) -> None:
    """For what is like a command, an option or a choice that one is suggested."""
    status, out, err = ended(words)

    assert (status, out) == (2, "")
    assert err.endswith(f"; did you mean {meant}?\n")


def test_a_word_like_no_other_is_answered_with_all() -> None:
    """The commands are listed; nothing is suggested for an option like none, or a stray word."""
    assert ended(["once", "form"])[2].endswith("unrecognized arguments: form\n")
    assert "must be one of: run, once, " in ended(["zzz"])[2]
    assert ended(["once", "--zzz"])[2].endswith("unrecognized arguments: --zzz\n")


def test_a_home_directory_in_a_source_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell leaves the ~ of tree:~/DIR alone; the capture there is meant."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ended(["capture", "--source=synthetic", str(tmp_path / "host")])[0] == 0

    assert ended(["once", "--source=tree:~/host"])[0] == 0
    assert f"{tmp_path}/none" in ended(["once", "--source=tree:~/none"])[2]


@pytest.mark.parametrize("value", ["nan", "-5", "", "\udcff", "/dev/zero"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("top", "explain")])
@pytest.mark.usefixtures("quiet")
def test_a_value_that_is_rejected_is_named(name: str, value: str) -> None:
    """Where a single option is the reason, the message has it, and what is wrong with it."""
    for flag in OPTIONS[name]:
        status, out, err = ended([name, *NEEDED.get(name, []), f"{flag}={value}"])
        statuses = {"check": {3}, "check-config": {1, 2}}.get(name, {2})
        if status in statuses and not NOTHING_THERE.search(out + err):
            assert flag.lstrip("-") in out + err, (flag, err)


@pytest.mark.parametrize("name", [name for name in NAMES if "--source" in OPTIONS[name]])
def test_help_has_the_default_source(name: str) -> None:
    """A command that asks a daemon reads no host by itself; the others read this one."""
    text = " ".join(ended([name, "--help"])[1].split())
    asks, looks_back = "--url" in OPTIONS[name], name in RECORDS

    assert ("Default: none; a daemon is queried." in text) == asks
    assert ("(default: record, the one of the service)" in text) == looks_back
    assert asks or looks_back or re.search(r"[Dd]efault: host\b", text)
