"""`xenwatch check`: its line, its exit status and its performance data."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.test_daemon_client import response, server
from tests.page.test_charts import HALF
from tests.running import xenwatch
from tests.status.test_host_status import of
from tests.support import full_snapshot
from xenwatch.cli.main import main
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Thresholds
from xenwatch.limits.states import severity
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.status import check
from xenwatch.status.check import CheckError, Question, judge
from xenwatch.status.host_status import HostStatus, LimitRow

ROOT = Path(__file__).resolve().parents[2]
ALL = Question((), {}, {})
FULL = dataclasses.replace(of(full_snapshot()), alerts=())
DATUM = re.compile(r"'[a-z0-9_]+'=\d+B?;(-?\d+)?;(-?\d+)?;0;(\d+)?")
"""A datum as the Monitoring Plugins Development Guidelines want it."""


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of this machine."""
    monkeypatch.setattr("xenwatch.config.config_file.DEFAULT_FILE", str(tmp_path / "none.toml"))


def row(ratio: float | None, **fields: Any) -> LimitRow:
    """A limit of 1,000 units, warning at 0.8, critical at 0.9."""
    used = None if ratio is None else round(1000 * ratio)
    return dataclasses.replace(HALF, used=used, max=1000, ratio=ratio, **fields)


def judged(*rows: LimitRow, asked: Question = ALL, age: float = 1.0) -> tuple[int, str]:
    """Status and line for a host with these limits."""
    found = judge(dataclasses.replace(FULL, limits=rows), asked, age)
    return found.status, found.line()


@pytest.mark.parametrize(
    ("ratio", "status", "words"),
    [
        (0.5, 0, "XENWATCH OK - 1 limit ok, fullest aio_requests 50.0% (500 of 1000)"),
        (0.8, 1, "XENWATCH WARNING - aio_requests 80.0% (800 of 1000)"),
        (0.9, 2, "XENWATCH CRITICAL - aio_requests 90.0% (900 of 1000)"),
        (None, 3, "XENWATCH UNKNOWN - aio_requests could not be read"),
    ],
)
def test_the_state_is_status_and_word(ratio: float | None, status: int, words: str) -> None:
    """Each state has its exit status, and the line begins with it and the reason."""
    found, line = judged(row(ratio))

    assert found == status
    assert line.partition(" | ")[0].strip() == words
    assert line.endswith("\n")
    assert line.count("\n") == 1


def test_performance_data_has_thresholds_and_max() -> None:
    """A datum is used, the thresholds as plugins count them, 0 and the max."""
    assert judged(row(0.5))[1].endswith(" | 'aio_requests'=500;799;899;0;1000\n")
    assert "'aio_requests'=500B;799;899;0;1000" in judged(row(0.5, unit="bytes"))[1]
    never = row(0.5, warning=None, critical=None)
    assert "'aio_requests'=500;;;0;1000" in judged(never)[1]


def test_what_is_not_known_is_no_datum() -> None:
    """Without a reading there is no datum, without a max neither thresholds nor max."""
    assert "|" not in judged(row(None))[1]
    blind = dataclasses.replace(HALF, max=None, ratio=None)
    status, line = judged(blind)

    assert status == 3
    assert "aio_requests 1000, max unknown" in line
    assert line.endswith(" | 'aio_requests'=1000;;;0;\n")


@settings(deadline=None)
@given(st.floats(0.001, 1), st.integers(1, 1 << 50), st.integers(0, 1 << 50))
def test_thresholds_in_data_mean_the_same(ratio: float, maximum: int, used: int) -> None:
    """A plugin that warns above the number in the data warns exactly when the limit does."""
    warns = severity(used / maximum, Thresholds(ratio, None)).value == "warning"

    assert (used > check.edge(ratio, maximum)) is warns


def test_the_worst_counts_and_comes_first() -> None:
    """Of several limits the worst is the status; critical, warning, unknown are told in order."""
    rows = [
        row(ratio, limit=name)
        for name, ratio in (("ptys", None), ("tasks", 0.85), ("irqs", 0.95), ("aio_requests", 0.1))
    ]
    status, line = judged(*rows)

    assert status == 2
    words = ["irqs", "tasks", "ptys could not be read", "1 limit ok, fullest aio_requests"]
    places = [line.index(word) for word in words]
    assert places == sorted(places)
    assert judged(rows[0], rows[1])[0] == 1
    assert judged(rows[0], rows[3])[0] == 3


def test_of_instances_the_fullest_is_told() -> None:
    """A limit with many instances has one datum, whose name does not change with the fullest."""
    frames = {"limit": "grant_frames", "label": "domid"}
    rows = [row(n / 1000, instance=str(n), **frames) for n in (5, 850, 7)]
    status, line = judged(*rows)

    assert status == 1
    assert "grant_frames domid=850 85.0%" in line
    assert re.findall(r"'[^']+'=\d+", line) == ["'grant_frames'=850"]


def test_thresholds_of_the_check_go_before() -> None:
    """A threshold given to the check is used in place of the daemon's, in the data too."""
    asked = Question((), {"aio_requests": 0.4}, {"aio_requests": 0.7})
    status, line = judged(row(0.5), asked=asked)

    assert status == 1
    assert "=500;399;699;0;1000" in line


def test_only_what_is_asked_for_is_checked() -> None:
    """With limits named, another that is full is not looked at."""
    found, line = judged(
        row(0.5), row(1.0, limit="ptys"), asked=Question(("aio_requests",), {}, {})
    )

    assert found == 0
    assert "ptys" not in line


def test_a_limit_the_host_does_not_have_is_unknown() -> None:
    """A limit that is named and not there is unknown, with what the probe said."""
    outcomes = {
        "aio": Outcome(Status.OK),
        "blktap": Outcome(Status.NOT_APPLICABLE, "no blktap | here"),
    }
    host = of(Snapshot(outcomes=outcomes))
    assert host.alerts is None
    found = judge(host, Question(("blktap_minors",), {}, {}), 0)

    assert found.status == 3
    assert "blktap_minors has no reading (not applicable: no blktap / here)" in found.line()


def test_a_host_without_any_limit_is_unknown() -> None:
    """Nothing to judge is not well."""
    assert judged()[0] == 3


def test_old_readings_are_unknown() -> None:
    """What a daemon read long ago says nothing about now."""
    status, line = judged(row(0.5), age=check.OLD + 1)

    assert status == 3
    assert "121 s old" in line
    assert judged(row(0.5), age=check.OLD)[0] == 0


def hosts() -> list[HostStatus]:
    """Statuses of which a check must say something."""
    return [FULL, of(Snapshot()), of(Snapshot(outcomes={"aio": Outcome(Status.FAILED, "a|b\nc")}))]


@pytest.mark.parametrize("host", hosts())
def test_the_line_is_one_that_plugins_print(host: HostStatus) -> None:
    """Every line is one line with at most one bar, and after it data in the form agreed on."""
    line = judge(host, ALL, 0).line()

    assert line.count("\n") == 1
    assert line.count("|") <= 1
    assert all(DATUM.fullmatch(datum) for datum in line.partition("|")[2].split())


@settings(deadline=None)
@given(st.text())
def test_no_name_breaks_the_line(name: str) -> None:
    """Whatever an instance is called, the line has one line and one bar."""
    _, line = judged(row(0.95, instance=name, label="bridge"))

    assert line[:-1].isprintable()
    assert line.count("|") == 1


def test_a_warning_above_critical_is_refused() -> None:
    """Thresholds the wrong way round are an error that names the limit and what to set."""
    words = "aio_requests: warning 0.95 is above critical 0.9; set --warning aio_requests=RATIO"
    with pytest.raises(CheckError, match=words):
        judged(row(0.5), asked=Question((), {"aio_requests": 0.95}, {}))


def test_inverted_options_are_refused_before_anything_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A warning above critical in the options is an error also where no host can be read."""
    options = ("--warning", "aio_requests=0.9", "--critical", "aio_requests=0.8")
    status, out = run(capsys, "--source=tree:/nonexistent", *options)

    assert status == 3
    assert "aio_requests: warning 0.9 is above critical 0.8; set --warning" in out


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Status and stdout of the command."""
    status = main(["check", *arguments])
    return status, capsys.readouterr().out


SYNTHETIC = "--source=synthetic"


def test_it_takes_one_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """With a source the command reads it, and every limit there is in the data."""
    status, out = run(capsys, SYNTHETIC)

    assert status == 1
    assert re.match(
        r"XENWATCH WARNING - SYNTHETIC: .*; VM 'mail' \([-0-9a-f]{36}\) is running with a "
        "failed vif",
        out,
    )
    names = set(re.findall(r"'(\w+)'=", out))
    assert names <= {limit.name for limit in LIMITS}
    assert {"event_channels", "aio_requests", "file_system"} <= names


def test_it_asks_a_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a source it asks the daemon, and says unknown once that is gone."""
    with xenwatch(SYNTHETIC) as running:
        running.get_ready()
        status, out = run(capsys, f"--url={running.url}")

    assert status == 0, out  # the alerts are pending: a daemon waits for as long as configured
    assert out.startswith("XENWATCH OK - ")
    status, out = run(capsys, f"--url={running.url}")
    assert status == 3
    assert "Connection refused. Is the daemon running?" in out


def test_options_reach_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    """Limits and thresholds are those of the options."""
    status, out = run(
        capsys, SYNTHETIC, "--limit=tasks", "--critical=tasks=0.001", "--warning=tasks=0.001"
    )

    assert status == 2
    assert re.findall(r"'(\w+)'=", out) == ["tasks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SYNTHETIC, "--limit=ptsy"], "unknown limit 'ptsy'; did you mean ptys?"),
        ([SYNTHETIC, "--warning=0.8"], "--warning '0.8' is not LIMIT=RATIO"),
        ([SYNTHETIC, "--warning=ptys=80"], "the ratio must be more than 0 and at most 1"),
        ([SYNTHETIC, "--critical=ptys=nan"], "is not LIMIT=RATIO"),
        ([SYNTHETIC, "--limit=ptys", "--warning=irqs=0.8"], "excluded by --limit"),
        ([SYNTHETIC, "--exclude=zombies"], "unknown limit or alert 'zombies'"),
        ([SYNTHETIC, "--exclude=zombie_domian"], "did you mean zombie_domain?"),
        (
            [SYNTHETIC, "--exclude=ptys", "--limit=ptys"],
            "ptys: --limit and --exclude are mutually exclusive",
        ),
        ([SYNTHETIC, "--exclude=ptys", "--warning=ptys=0.8"], "excluded by --exclude"),
        (["--url=http://127.0.0.1:1", SYNTHETIC], "mutually exclusive"),
        (["--url=file:///etc/passwd"], "is not a URL such as http://127.0.0.1:10730"),
        (["--source=tree:/nowhere"], "/nowhere: not a capture directory"),
        (["--config.file=/nowhere", SYNTHETIC], "/nowhere: No such file"),
    ],
)
def test_what_cannot_be_asked_is_unknown(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Every error is the plugin's line and status 3, so that no alarm is raised by a slip."""
    status, out = run(capsys, *arguments)

    assert status == 3
    assert out.startswith("XENWATCH UNKNOWN - ")
    assert message in out


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(b'{"error": "unknown limit x"}', status="400 Bad Request"), "UNKNOWN - unknown"),
        (
            response(b'{"error": "no readings yet"}', status="503 Busy"),
            "HTTP status 503 Busy: it has no",
        ),
        (response(b"", status="401 Unauthorized"), "give --user NAME:PASSWORD"),
        (response(b"", status="404 Not Found"), "older than this command: systemctl restart"),
        (response(b"400", status="400 Bad Request"), "the URL begins https://"),
        (response(b"{}"), "the answer is not from xenwatch"),
        (response(b"[" * 100000), "the answer is not from xenwatch"),
    ],
)
def test_what_is_no_verdict_is_unknown(
    capsys: pytest.CaptureFixture[str], answer: bytes, message: str
) -> None:
    """A daemon that refuses, is older, or is something else, is said so with the next step."""
    with server(answer) as (url, _):
        status, out = run(capsys, f"--url={url}")

    assert status == 3
    assert message in out


def test_what_is_asked_reaches_the_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option is a parameter of the request, whatever is in it."""
    with server(response(b"{}")) as (url, asked):
        run(capsys, f"--url={url}", "--limit=a&b", "--limit=c", "--warning=ptys=0.5", "--exclude=d")

    path = asked[0].split()[1].decode()
    assert parse_qs(path.partition("?")[2]) == {
        "limit": ["a&b", "c"],
        "warning": ["ptys=0.5"],
        "exclude": ["d"],
    }


@pytest.mark.parametrize("option", ["--no-such-option", "--timeout=0", "--timeout=soon"])
def test_bad_usage_is_unknown_too(capsys: pytest.CaptureFixture[str], option: str) -> None:
    """The status for bad usage is 3, for 2 would be a critical limit, and there is a line."""
    with pytest.raises(SystemExit) as left:
        run(capsys, option)

    assert left.value.code == 3
    out, err = capsys.readouterr()
    assert re.fullmatch(r"XENWATCH UNKNOWN - [^\n]*--(no-such-option|timeout)[^\n]*\n", out)
    assert err.startswith("usage: ")


def test_a_defect_is_unknown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even an error nobody thought of is no warning."""
    monkeypatch.setattr(check, "judge", lambda *_: 1 // 0)
    status, out = run(capsys, SYNTHETIC)

    assert (status, "ZeroDivisionError" in out) == (3, True)


def test_the_command_definition_names_options_that_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every option of the definition for Icinga is one of the command's."""
    text = (ROOT / "contrib/icinga/xenwatch.conf").read_text()
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    usage = capsys.readouterr().out
    options = set(re.findall(r'"(--[a-z.]+)" = ', text))

    assert {"--url", "--limit", "--exclude", "--warning", "--critical", "--timeout"} == options
    assert all(f"{option} " in usage for option in options)


def test_icinga_checks_each_host_itself() -> None:
    """The service for Icinga runs on the host, or asks that host by its address."""
    text = (ROOT / "contrib/icinga/xenwatch.conf").read_text()
    service = " ".join(text.partition("apply Service")[2].split())

    assert (
        "if (host.vars.agent_endpoint) { command_endpoint = host.vars.agent_endpoint }" in service
    )
    by_address = 'vars.xenwatch_url = "http://" + host.address + ":10730"'
    assert f"else if (!host.vars.xenwatch_url) {{ {by_address} }}" in service
