"""The generated documents: complete, current and safe against what a table may hold."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.config.file import parse
from xenwatch.config.keys import KEYS, make_keys
from xenwatch.generate import command
from xenwatch.generate.alerts import alerts_page
from xenwatch.generate.configuration import configuration_page, example_file
from xenwatch.generate.documents import documents
from xenwatch.generate.limits import limits_page
from xenwatch.generate.markdown import table
from xenwatch.generate.metrics import metrics_page
from xenwatch.generate.probes import probes_page
from xenwatch.limits import LIMITS
from xenwatch.limits.base import Cost, Limit, Thresholds
from xenwatch.metrics import METRICS
from xenwatch.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]

LIMIT = Limit(
    name="widgets",
    title="Widgets of dom0",
    probe="aio",
    used=lambda snapshot: {},
    max=lambda snapshot: {},
    thresholds=Thresholds(0.75, None),
    source="/proc/widgets",
    symptom="no more widgets",
    reference="widgets(7)",
    costs={"xl": {"pv": Cost(domain=2, disk=1)}},
)


def generate(*arguments: str) -> int:
    """Exit status of `xenwatch generate` with these arguments."""
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers(), "Generate.")
    parsed = parser.parse_args(["generate", *arguments])
    return int(parsed.run(parsed))


@pytest.mark.parametrize("what", command.WHAT)
def test_the_repository_is_current(what: str) -> None:
    """The generated files in this checkout are what the tables say."""
    assert generate(what, "--check", "--directory", str(ROOT)) == 0


@pytest.mark.parametrize("hard", [False, True])
def test_a_link_in_place_of_a_rule_file_is_not_followed(tmp_path: Path, hard: bool) -> None:
    """What somebody has put there to have root write elsewhere stays as it is."""
    assert generate("rules", "--directory", str(tmp_path / "out")) == 0
    victim, [file, *_] = tmp_path / "victim", sorted((tmp_path / "out").rglob("*.yml"))
    victim.write_text("kept")
    file.unlink()
    if hard:
        file.hardlink_to(victim)
        assert generate("rules", "--directory", str(tmp_path / "out")) == 0
    else:
        file.symlink_to(victim)
        with pytest.raises(OSError, match=f"{file}: is not a regular file; remove it, or"):
            generate("rules", "--directory", str(tmp_path / "out"))
    assert victim.read_text() == "kept"


def test_the_page_of_alerts_shows_the_condition_of_each_severity() -> None:
    """Conditions that differ stand side by side; one that is the same for all stands once."""
    rows = {line.partition("]")[0]: line for line in alerts_page().splitlines()}

    assert (
        "_ratio > 0`, `xenwatch_multipath_paths_down_ratio >= 1`"
        in rows["| [XenwatchStoragePathLost"]
    )
    assert rows["| [XenwatchPtysNearLimit"].count("reaches the limit's threshold") == 1


@pytest.mark.parametrize("what", command.WHAT)
def test_written_documents_are_current(what: str, tmp_path: Path) -> None:
    """What the command writes, its check finds current."""
    assert generate(what, "--directory", str(tmp_path)) == 0
    assert generate(what, "--check", "--directory", str(tmp_path)) == 0


def test_a_stale_document_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document that was changed by hand fails the check, which names it and leaves it alone."""
    generate("docs", "--directory", str(tmp_path))
    page = tmp_path / "docs/limits.md"
    page.write_text("mine")
    capsys.readouterr()

    assert generate("docs", "--check", "--directory", str(tmp_path)) == 1
    assert (
        capsys.readouterr().err
        == f"xenwatch: {page} is stale; run the same command without --check\n"
    )
    assert page.read_text() == "mine"


@pytest.mark.parametrize("option", ["--by=pool", "--job=dom0", "--no-keep-firing-for"])
@pytest.mark.parametrize("what", [what for what in command.WHAT if what != command.RULES])
def test_options_of_rules_are_refused_elsewhere(
    what: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only rules have is refused where it would change nothing, and nothing is written."""
    with pytest.raises(SystemExit) as left:
        generate(what, option, f"--directory={tmp_path}")

    assert left.value.code == 2
    assert "--job, --by and --no-keep-firing-for are options of rules" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_documents_end_as_text_does() -> None:
    """Every generated document ends with one newline and has no blank at the end of a line."""
    for text in documents().values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert all(line == line.rstrip() for line in text.splitlines())


def test_a_new_limit_needs_no_other_place() -> None:
    """An entry of the table is all the page of the limits needs."""
    page = limits_page([LIMIT])

    assert "[Widgets of dom0](#widgets)" in page
    assert "| 75 % | never |" in page
    assert "`xenwatch_widgets_used`, `xenwatch_widgets_max`" in page
    assert "- Symptom when exhausted: no more widgets\n" in page
    assert "| xl | pv | 2 | 1 |" in page
    assert "Caveat" not in page


def test_every_alert_is_described() -> None:
    """The page of the alerts has one row for every alert."""
    page = alerts_page()
    titles = [*(alert.title for alert in ALERTS), *(watch.title for watch in WATCHES)]

    assert all(page.count(f"| [{title}](") == 1 for title in titles)


def test_every_limit_and_probe_is_described() -> None:
    """The pages have one section for every limit and every probe."""
    limits, probes = limits_page(LIMITS), probes_page(PROBES)

    assert all(limits.count(f'<a id="{limit.name}"></a>') == 1 for limit in LIMITS)
    assert all(probes.count(f"## `{probe.name}`\n") == 1 for probe in PROBES)


def test_a_cell_cannot_break_its_table() -> None:
    """Bars and newlines in a value stay inside their cell."""
    assert table(("a", "b"), [("x|y", "1\n2")]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 2 |\n"


@pytest.mark.parametrize("mark", ["#", ""], ids=["as it is", "all keys set"])
def test_the_example_configuration_loads(mark: str) -> None:
    """The example file is accepted as it stands, and sets every key to its default when told to."""
    keys = make_keys(PROBES, [*LIMITS, LIMIT])
    text = re.sub(r"(?m)^#(\w+ = )", mark + r"\1", example_file(keys))
    problems: list[str] = []
    values = parse(text.encode(), "xenwatch.toml", keys, problems)

    assert problems == []
    assert values == ({} if mark else {key.path: key.default for key in keys})


def test_every_key_is_described() -> None:
    """The page of the configuration has a row for every key, with its command-line option."""
    rows = [line for line in configuration_page(KEYS).splitlines() if line.startswith("| `")]

    assert [row.split("`")[1] for row in rows] == [key.path for key in KEYS]
    assert all(f"`{key.flag}`" in row for row, key in zip(rows, KEYS, strict=True) if key.flag)


def test_every_metric_is_described() -> None:
    """The page of the metrics has one row for every metric, with its labels."""
    rows = [line for line in metrics_page(METRICS).splitlines() if line.startswith("| `xenwatch_")]

    assert [row.split("`")[1] for row in rows] == [metric.name for metric in METRICS]
    assert all(
        f"`{label}`" in row for row, m in zip(rows, METRICS, strict=True) for label in m.labels
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "{file} was not read; to use it: --config.file {file}"),
        (["--config.file", "{file}"], "configuration: {file}"),
        ([], "configuration: none, the defaults"),
    ],
)
def test_rules_say_whose_they_are(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    said: str,
) -> None:
    """Who generates rules sees which configuration they follow, and whether the host's was not."""
    file = tmp_path / "xenwatch.toml"
    if "{file}" in said:
        file.touch()
    monkeypatch.setattr("xenwatch.generate.command.DEFAULT_FILE", str(file))
    given = [option.format(file=file) for option in options]
    generate("rules", "--directory", str(tmp_path), *given)

    assert capsys.readouterr().err.splitlines()[0] == f"xenwatch: {said.format(file=file)}"


def test_links_to_daemons_with_tls_say_so(tmp_path: Path) -> None:
    """With --scheme https no rule and no dashboard links to a daemon by http."""
    for what in ("rules", "dashboards"):
        assert generate(what, "--scheme=https", "--directory", str(tmp_path)) == 0
    texts = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]

    assert sum("https://{{ $labels.instance }}/runbooks/" in text for text in texts) == 1
    assert any("https://${instance:raw}/" in text for text in texts)
    assert [text for text in texts if re.search(r"http://(\{\{|\$)", text)] == []
    for made in tmp_path.glob("grafana/dashboards/*.json"):  # docs/web.md has it done by sed
        shipped = (ROOT / "grafana/dashboards" / made.name).read_text()
        assert made.read_text() == shipped.replace("http://${", "https://${")
