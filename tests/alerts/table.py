"""The table of what is told in each scene, as the document has it.

`python -m tests.alerts.table` prints it, with `--write` it renews it in docs/notifications.md.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from tests.alerts.notified import BY_NAME
from tests.alerts.scenes import MAIL, PAGE, SCENES, fired, played, told

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs/notifications.md"
BEGIN: Final = "<!-- begin: python -m tests.alerts.table -->\n"
END: Final = "<!-- end -->\n"
HEADER: Final = (
    "| What happens | Alerts that fire | Alertmanager tells | The daemon tells | Expected |\n"
    "| --- | --- | --- | --- | --- |\n"
)
NOTHING: Final = "nothing"


def minutes(times: list[float]) -> str:
    """Times, as few as say it."""
    return ", ".join(f"{time:g}" for time in sorted(set(times)))


def row(name: str) -> str:
    """The row of a scene: alerts and notifications, each with the minutes from the event to it."""
    scene = SCENES[name]
    alerts: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for one in fired(name):
        alerts[BY_NAME[one.alert].title, one.severity].append(one.begin - scene.event)
    by_keeper: defaultdict[str, list[float]] = defaultdict(list)
    for each in told(name):
        by_keeper[each.receiver].append(each.minute - scene.event)
    by_daemon: defaultdict[str, list[float]] = defaultdict(list)
    for minute, event in played(name).events:
        what = event["labels"]["severity"] if event["status"] == "firing" else "over"
        by_daemon[what].append(minute - scene.event)
    cells = (
        name,
        "; ".join(
            f"{title} {severity}{f' ({len(times)})' if len(times) > 1 else ''}: {times[0]:g}"
            for (title, severity), times in alerts.items()
        ),
        "; ".join(f"{who}: {minutes(by_keeper[who])}" for who in (PAGE, MAIL) if by_keeper[who]),
        "; ".join(f"{what}: {minutes(times)}" for what, times in by_daemon.items()),
        "; ".join(f"{who}: {what}" for who, what in dict.fromkeys(scene.expected)),
    )
    return f"| {' | '.join(cell or NOTHING for cell in cells)} |\n"


def document(text: str) -> str:
    """The text with the table between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{HEADER}{''.join(map(row, SCENES))}{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(document(DOCUMENT.read_text()))
    else:
        sys.stdout.write(HEADER + "".join(map(row, SCENES)))
