"""xenwatch inside dom0: installed from its wheel, run as its unit, read over HTTP from here."""

from __future__ import annotations

import http.client
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import Series, series
from tests.xen import wheels
from tests.xen.qemu import CPUS
from tests.xen.vm import Vm
from xenwatch.probes import PROBES
from xenwatch.probes.base import Probe

UNITS: Final = tuple(sorted((wheels.ROOT / "systemd").glob("*.s*")))
"""The services and their sockets."""
ETC: Final = "/etc/systemd/system"
PORT: Final = 10730
DROP_INS: Final = f"{ETC}/xenwatch-reader.service.d"
"""Of the part that reads: what a probe needs in addition is allowed there."""
SCRIPTS: Final = "/root/dom0"
PREFIX: Final = "/opt/xenwatch"
PROGRAM: Final = f"{PREFIX}/bin/xenwatch"
CONFIG: Final = "/etc/xenwatch/xenwatch.toml"
INTERVAL: Final = 10.0
"""Seconds between two readings where nothing else is said; emulation makes each dear."""
PATIENCE: Final = 15.0
"""Seconds a reading may take at least: some are thirty times as slow as on metal."""
ANSWER: Final = 30.0
"""Seconds within which /metrics has to answer at all times."""

START: Final = 300.0
"""Seconds in which the unit has to be up; the unit itself has more."""

READING: Final = "xenwatch_probe_reading_timestamp_seconds"
SUCCESS: Final = "xenwatch_probe_success"
APPLICABLE: Final = "xenwatch_probe_applicable"
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One scrape: the series and the bytes they came from."""

    text: bytes
    series: Series

    def get(self, name: str, **labels: str) -> float | None:
        """A series' value, `None` where there is none."""
        return self.series.get((name, frozenset(labels.items())))

    def of(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """All series of one metric by their labels."""
        return {labels: value for (found, labels), value in self.series.items() if found == name}

    def by(self, name: str, label: str) -> dict[str, float]:
        """All series of a metric by the value of one label; the last one of equals."""
        return {dict(labels)[label]: value for labels, value in self.of(name).items()}

    def failed(self) -> set[str]:
        """The probes whose last run failed."""
        return {probe for probe, value in self.by(SUCCESS, "probe").items() if not value}


def install(vm: Vm, build: Path) -> None:
    """Install the wheel offline, with its unit, as an operator does."""
    vm.put([wheels.dependencies(), wheels.xenwatch(build)], "/root/wheels")
    vm.put([Path(__file__).parent / "dom0"], "/root")
    vm.run(f"cp {SCRIPTS}/block-tests /etc/xen/scripts")
    pip = f"pip --python {PREFIX}/bin/python install -q --no-compile --no-index"
    vm.run(f"mv /root/wheels/wheels-*/* /root/wheels; python3 -m venv --without-pip {PREFIX}")
    vm.run(f"{pip} --find-links /root/wheels xenwatch", deadline=300)
    # The unit may not write, so the byte code of what the daemon imports is written before.
    vm.run(
        f"{PREFIX}/bin/python -c 'import xenwatch.daemon, xenwatch.sources.multicast'", deadline=120
    )
    install_units(vm)
    weighed(vm)


def install_units(vm: Vm) -> None:
    """Install the units with their user, as an operator does."""
    vm.put(UNITS, ETC)
    for directory in ("sysusers.d", "tmpfiles.d"):
        vm.put([wheels.ROOT / f"systemd/{directory}/xenwatch.conf"], f"/etc/{directory}")
    vm.run("systemd-sysusers /etc/sysusers.d/xenwatch.conf", 90)
    vm.run("systemd-tmpfiles --create /etc/tmpfiles.d/xenwatch.conf; systemctl daemon-reload", 90)


def remove_units(vm: Vm) -> None:
    """Stop the services and remove their units and drop-ins."""
    vm.attempt("systemctl disable --now xenwatch", 90)
    vm.run(f"rm -rf {ETC}/xenwatch*; systemctl daemon-reload", 90)


def weighed(vm: Vm) -> None:
    """Give the reader a quota that binds nothing, which has systemd enable the slices' weights.

    What the tests compare includes the weights; the units themselves enable none.
    """
    drop_in = f"[Service]\nCPUQuota={CPUS}00%\n"
    vm.run(f"mkdir -p {DROP_INS}; cat > {DROP_INS}/tests.conf", stdin=drop_in.encode())


def share(vm: Vm) -> float:
    """What three busy tasks of a service get beside six of root: a third, if all weigh the same."""
    return float(vm.run(f"{SCRIPTS}/share.sh", 240))


class Daemon:
    """The daemon of a dom0."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.slowest = 0.0
        self.interval = INTERVAL
        self.also = ""

    def start(self) -> float:
        """Start the unit with the tests' interval; the seconds until it answered."""
        self.interval, self.also = INTERVAL, ""
        self.vm.run(f"mkdir -p /etc/xenwatch; cat > {CONFIG}", stdin=configuration(INTERVAL))
        started = time.monotonic()
        self.restart()
        return time.monotonic() - started

    def restart(self) -> None:
        """Start the unit as it is now, and wait until it answers."""
        self.vm.run("systemctl daemon-reload; systemctl restart xenwatch", START)
        self.wait()

    def wait(self) -> float:
        """Wait until /metrics answers; the seconds it took."""
        return self.vm.wait(self.answers, "/metrics", START)

    def configure(self, interval: float, also: str = "") -> float:
        """Have the running daemon take up another configuration; dom0's time before that.

        `also` are more sections, see `section`.
        """
        self.interval, self.also = interval, also
        reload = f"date +%s.%N; cat > {CONFIG}; systemctl reload xenwatch"
        return float(self.vm.run(reload, stdin=configuration(interval, also)))

    def page(self) -> Page:
        """One scrape. Raises `OSError` when there is no answer in time."""
        started = time.monotonic()
        url = f"http://127.0.0.1:{self.vm.local_port}/metrics"
        with urllib.request.urlopen(url, timeout=ANSWER) as answer:
            text = answer.read()
        self.slowest = max(self.slowest, time.monotonic() - started)
        return Page(text, series(text))

    def answers(self) -> bool:
        """Whether /metrics can be had."""
        try:
            self.page()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def fresh(self, since: float = 0.0, probes: Iterable[str] = ()) -> Page:
        """A page on which the readings are newer than `since`, dom0's time, and than now.

        `probes` are those that count; else all that were not left out and do not fail.
        """
        if since:
            time.sleep(max(0.0, since - float(self.vm.run("date +%s.%N"))))
        # A probe whose interval is another than before is run at once.
        moment = self.configure(self.interval + 1e-6, self.also)
        found: list[Page] = []

        def done() -> bool:
            page = self.page()
            times = page.by(READING, "probe")
            wanted = set(probes) or expected(page)
            if any(times.get(probe, 0) <= moment for probe in wanted):
                return False
            found.append(page)
            return True

        self.vm.wait(done, f"readings newer than {moment:.1f}", 120)
        return found[-1]


def expected(page: Page) -> set[str]:
    """The probes that have a reading to come: all that are on, but for what this host has not.

    Of a daemon that has just started a probe may not be on the page yet.
    """
    applicable = page.by(APPLICABLE, "probe")
    return {probe.name for probe in PROBES if probe.enabled and applicable.get(probe.name, 1)}


def configuration(interval: float, also: str = "") -> bytes:
    """A configuration in which every probe that is on has the same interval, and what is `also`."""
    return "\n".join(
        [*(section(probe, interval) for probe in PROBES if probe.enabled), also]
    ).encode()


def section(probe: Probe, interval: float = INTERVAL) -> str:
    """One probe's section of the configuration, which switches it on and gives it time."""
    deadline = max(probe.deadline, PATIENCE)
    return (
        f"[probes.{probe.name}]\nenabled = true\ninterval = {interval}\nshare = 1\n"
        f"deadline = {deadline}\n"
    )
