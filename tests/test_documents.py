"""The documents: every command they show is run, every link leads somewhere.

A fenced block marked `sh` holds commands; one marked `console` holds commands after `$ ` and,
below each, what it prints, where `...` stands for anything.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.runbooks.blocks import KINDS, SECTIONS
from tests.shown import (
    CHANGING,
    DOCUMENTS,
    GUIDES,
    MANUALS,
    ROLE,
    ROOT,
    RUNBOOKS,
    Command,
    commands,
    texts,
)
from tests.tools import BY_PROGRAM, SEARCH, tool
from xenwatch.alerts.near_limit import near_limit
from xenwatch.alerts.table import ALERTS, WATCHES
from xenwatch.limits import LIMITS

DAEMON = "tests/daemon/test_daemon.py starts the daemon and stops it"
API = "tests/http/test_headroom.py asks the server the same"
MAKE = ".ci/run calls it on a clean checkout"
INSTALL = "tests/xen/test_install.py runs it in a dom0"
UNITS = "tests/xen/test_units.py runs it in a dom0"
KEPT = "tests/xen runs the same script and capture in a dom0, in directories of their own"
TRUTH = "tests/xen/dom0/truth.sh asks a dom0 so"
QUOTA = "tests/xen/test_two_level.py asks a dom0 with the C xenstored so"
CHANGES = "it changes the reader's host"
REMOVES = "it removes what the reader has installed"
BOARDS = "tests/generate/test_dashboards.py checks what those files hold"
MAINTENANCE = "tests/cli/test_maintenance.py runs it"
CHECK = "tests/cli/test_check.py asks a daemon, and reads the definition for Icinga"
TOP = "tests/cli/test_top.py starts it in a terminal"
DEMO = "tests/e2e/test_demo.py starts the same"
FLEET = "tests/e2e/test_fleets.py starts smaller ones"
SCALE = "tests/e2e/test_scale.py measures a smaller one"
VMALERT = "tests/e2e/fleets.py starts it with the same options"
FAULTS = "tests/benchmarks/test_faults.py runs them for seconds, in CI for a minute"
RELEASE = "tests/test_habits.py releases so in a copy of the repository"
HOOKS = "tests/test_habits.py runs the hooks in a repository of its own"
MUTANTS = "it takes minutes, and needs what no test does"
DRIVER_DOMAIN = "it needs a driver domain; tests/test_driver_domains.py reads what one has"
HA = "it needs a pool with high availability; tests/parse/test_liveset.py has what it prints"
XAPI = "tests/messages/test_units.py checks it, for want of a host with xapi"
FEWER = "it takes long; make test runs the same with fewer"
PACKAGES = "it takes minutes, and make test-packages installs what it builds"
LOCK = "it changes the checkout, from what mirrors have that day"
WHEEL = "tests/test_wheel.py builds the wheel and installs it"
NRPE = "tests/checks/test_nrpe.py installs it below a directory and runs it"
CHECKMK = "tests/checks/test_checkmk.py installs it below a directory and runs it"
SNMP = "tests/snmp/test_traps.py installs it below a directory and runs it"
GUIDE = "tests/packages/test_guides.py runs it in a root"
PLAYED = "tests/packages/test_ansible.py plays it on a root"
HASH = "tests/web_config/test_document.py runs it with this Python"
STRANGERS = "tests/benchmarks/test_strangers.py runs shorter attacks"
TEXTFILE = "tests/e2e/test_textfile.py starts the same with a directory of its own"

SNMP_BY_HAND = next(
    command.line
    for command in commands((ROOT / "docs/snmp.md").read_text())
    if command.line.startswith("echo ")
)
"""An alert in one line, too long to repeat."""
PASSWORD = next(
    command.line
    for command in commands((ROOT / "docs/web.md").read_text())
    if "bcrypt" in command.line
)
"""A line that makes a hash of a password."""

BY_GUIDE = {
    command.line: PLAYED if path == ROLE else GUIDE
    for path in (*GUIDES, ROLE)
    if path.stem != "laptop"
    for command in commands(path.read_text())
}
ELSEWHERE: dict[str, str] = BY_GUIDE | {
    ".venv/bin/python contrib/fleet.py --hosts 500 --sites a,b --vms 20 --faulty "
    "synthetic:debian-12=3": FLEET,
    ".venv/bin/python -m tests.e2e.scale prometheus --hosts 1000 --vms 20 --interval 60 "
    "--minutes 10": SCALE,
    "vmalert -rule=mine/contrib/prometheus/xenwatch.rules.yml -disableAlertgroupLabel  "
    "-datasource.url=http://192.0.2.30:8428 -remoteWrite.url=http://192.0.2.30:8428  "
    "-remoteRead.url=http://192.0.2.30:8428  "
    "-notifier.url=http://192.0.2.20:9093 -evaluationInterval=15s": VMALERT,
    PASSWORD: HASH,
    **{
        command.line: "tests/cli/test_replay.py runs it on the record of such a night"
        for command in commands((ROOT / "docs/after-an-incident.md").read_text())
    },
    "xenwatch replay --at 03:12": "tests/cli/test_replay_terminal.py steps through a record",
    "xenwatch report --from 22:00 --to 06:00 --output night.html": (
        "tests/cli/test_replay.py writes a report of a night"
    ),
    "xenwatch support /root/xenwatch-support": "tests/cli/test_support.py writes such an archive",
    "xenwatch once --source record@03:12": "tests/cli/test_passes.py reads a record by its time",
    "make run": "tests/test_make_run.py runs it in a fresh clone",
    "make test": MAKE,
    "make test SETUP=1": "tests/test_tools.py calls the same; .ci/run sets CI, which does the same",
    "make test COVERAGE=1": "it is slow; .ci/run measures with Python 3.13",
    "make test-xen": MAKE,
    "make generate": "tests/generate/test_generated.py checks what it writes",
    ".ci/bare-root bookworm": MAKE,
    ".venv/bin/pre-commit install": HOOKS,
    "version=$(.venv/bin/xenwatch --version | cut -d ' ' -f 2)": RELEASE,
    'git commit --all --message "Release $version"': RELEASE,
    'git tag --annotate "v$version" --message "xenwatch $version"': RELEASE,
    "gpg --armor --detach-sign dist/packages/SHA256SUMS": "it needs the key of the releases",
    'python3 -c \'import json; [print(w["package"], w["version"], sep="==") for w in '
    'json.load(open("contrib/packages/lock.json"))["wheels"]]\' | '
    "pip-audit --requirement /dev/stdin --no-deps --disable-pip": "it needs the internet",
    'KILLS=200 make test ARGS="tests/daemon/test_killed.py -s --timeout 0"': FEWER,
    ".venv/bin/python -m tests.benchmarks.faults --minutes 10": FAULTS,
    ".venv/bin/python -m tests.benchmarks.soak 100000": "tests/benchmarks/test_soak.py runs fewer",
    "python3 -m zipfile --list dist/xenwatch-$version-*.whl": RELEASE,
    'git push origin HEAD "v$version"': RELEASE,
    'LAW_10_EXAMPLES=5000 make test ARGS="tests/laws/test_law_10.py --timeout 0"': FEWER,
    'FUZZ_EXAMPLES=50000 make test ARGS="tests/parse/test_robust.py --timeout 0"': FEWER,
    "cp -r grafana/dashboards https/ && sed -i 's,http://${,https://${,' https/dashboards/*.json": (
        "tests/generate/test_generated.py compares what sed makes with what is generated"
    ),
    'make test ARGS="-k xenstore"': MAKE,
    'make test ARGS="tests/parse -k xenstore"': MAKE,
    'make test ARGS="-p no:randomly -x"': MAKE,
    "make test-xen SUITE=trixie": "another host of the same tests, by hand",
    "make test-xen ARCH=arm64": "another host of the same tests, by hand",
    'make test-xen ARGS="-k two_level"': MAKE,
    'make test-xen ARGS="-k hostile"': MAKE,
    "tests/xen/dom0/truth.sh /tmp/host/before moving": KEPT,
    "xenwatch capture /tmp/host/capture": KEPT,
    "tests/xen/dom0/truth.sh /tmp/host/truth": KEPT,
    "make keep-captures": "it changes the checkout, from what make test-xen leaves",
    "make dashboards-look": "it changes the checkout; tests/grafana draws the same",
    "make format": "it changes the checkout; make test checks the same format",
    "make mutants ARGS=\"'xenwatch.planning.*'\"": MUTANTS,
    ".venv/bin/mutmut results": MUTANTS,
    ".venv/bin/mutmut show xenwatch.planning.capacity.x_fit__mutmut_27": MUTANTS,
    "make wheel": WHEEL,
    "make packages": PACKAGES,
    "make bench": "it takes over an hour; tests/benchmarks tests its parts",
    ".venv/bin/python -m tests.benchmarks.strangers": STRANGERS,
    ".venv/bin/python contrib/packages/lock.py": LOCK,
    "make test-packages": PACKAGES,
    "apt-get install python3-venv": MAKE,
    "python3 -m venv /opt/xenwatch": WHEEL,
    "/opt/xenwatch/bin/pip install dist/xenwatch-*.whl": WHEEL,
    "ln -s /opt/xenwatch/bin/xenwatch /usr/local/sbin/xenwatch": INSTALL,
    "xenwatch doctor": INSTALL,
    "xenwatch maintenance on --for 2h --reason 'new disks'": MAINTENANCE,
    "xenwatch maintenance status": MAINTENANCE,
    "xenwatch maintenance off": MAINTENANCE,
    "xenwatch run": DAEMON,
    "xenwatch run --source synthetic:fill-windows-6.1": DAEMON,
    "install -m 644 systemd/*.service systemd/*.socket /etc/systemd/system/": INSTALL,
    "install -D -m 644 systemd/sysusers.d/xenwatch.conf /etc/sysusers.d/xenwatch.conf": INSTALL,
    "install -D -m 644 systemd/tmpfiles.d/xenwatch.conf /etc/tmpfiles.d/xenwatch.conf": INSTALL,
    "systemd-sysusers /etc/sysusers.d/xenwatch.conf": INSTALL,
    "systemd-tmpfiles --create /etc/tmpfiles.d/xenwatch.conf": INSTALL,
    "systemctl daemon-reload": INSTALL,
    "systemctl enable --now xenwatch": INSTALL,
    "systemctl status xenwatch": INSTALL,
    "journalctl -u xenwatch": INSTALL,
    "curl -s http://127.0.0.1:10730/metrics": DAEMON,
    "curl -s 'http://127.0.0.1:10730/api/v1/headroom?shape=windows&count=20'": API,
    "install -d -m 755 /etc/xenwatch": INSTALL,
    "cp -n contrib/xenwatch.toml /etc/xenwatch/": INSTALL,
    "chgrp xenwatch /etc/xenwatch/xenwatch.toml": INSTALL,
    "chmod 640 /etc/xenwatch/xenwatch.toml": INSTALL,
    "systemd-analyze security --no-pager xenwatch.service xenwatch-reader.service": UNITS,
    "xenwatch check-config": INSTALL,
    "systemctl reload xenwatch": INSTALL,
    "systemctl disable --now xenwatch": INSTALL,
    "rm -r /opt/xenwatch /usr/local/sbin/xenwatch /etc/systemd/system/xenwatch*.s*"
    " /etc/xenwatch": REMOVES,
    "rm /etc/sysusers.d/xenwatch.conf /etc/tmpfiles.d/xenwatch.conf": REMOVES,
    "rm -rf /var/lib/xenwatch": REMOVES,
    "cp contrib/prometheus/xenwatch.rules.yml /etc/prometheus/": "tests/rules checks that file",
    "promtool check rules /etc/prometheus/xenwatch.rules.yml": "tests/rules runs it",
    "install -d /var/lib/grafana/dashboards/xenwatch": BOARDS,
    "install -m 644 grafana/dashboards/*.json /var/lib/grafana/dashboards/xenwatch/": BOARDS,
    "install -m 644 grafana/provisioning/dashboards/xenwatch.yml"
    " /etc/grafana/provisioning/dashboards/": BOARDS,
    "install -m 644 grafana/provisioning/datasources/prometheus.yml"
    " /etc/grafana/provisioning/datasources/": BOARDS,
    "systemctl restart grafana-server": CHANGES,
    "systemctl restart xenwatch": UNITS,
    "xenwatch generate dashboards --config.file /etc/xenwatch/xenwatch.toml"
    " --directory DIR": BOARDS,
    "apt-get install prometheus prometheus-alertmanager": CHANGES,
    "make demo": DEMO,
    "ssh -N -L 10730:127.0.0.1:10730 root@dom0.example": "it needs a dom0",
    "xenwatch top": TOP,
    "xenwatch top --source synthetic": TOP,
    "xenwatch check": CHECK,
    "install -D -m 644 contrib/icinga/xenwatch.conf "
    "/etc/icinga2/zones.d/global-templates/xenwatch.conf": CHECK,
    "curl -s http://127.0.0.1:10730/api/v1/overview": "asked by tests/http/test_server.py",
    'make demo ARGS="--prometheus-port 9190 --alertmanager-port 9193"': DEMO,
    "xenwatch doctor --source host": DRIVER_DOMAIN,
    "xenwatch run --textfile /var/lib/prometheus/node-exporter": TEXTFILE,
    "chgrp xenwatch /var/lib/prometheus/node-exporter": CHANGES,
    "chmod g+w /var/lib/prometheus/node-exporter": CHANGES,
    "install -D -m 644 contrib/nrpe/xenwatch.cfg /etc/nagios/nrpe.d/xenwatch.cfg": NRPE,
    "systemctl reload nagios-nrpe-server": CHANGES,
    "check_nrpe -H dom0.example -c check_xenwatch": NRPE,
    "install -D -m 755 contrib/checkmk/xenwatch /usr/lib/check_mk_agent/local/60/xenwatch": CHECKMK,
    "apt-get install snmp": CHANGES,
    "install -D -m 755 contrib/snmp/xenwatch-trap /usr/local/bin/xenwatch-trap": SNMP,
    "install -D -m 644 contrib/snmp/XENWATCH-MIB.txt /usr/share/snmp/mibs/XENWATCH-MIB.txt": SNMP,
    "snmptranslate -m +XENWATCH-MIB -On XENWATCH-MIB::xenwatchAlertFiring": SNMP,
    SNMP_BY_HAND: SNMP,
    "systemctl enable --now xenwatch-messages.socket": CHANGES,
    "xe message-list name=XenwatchXapiUnresponsive params=uuid,obj-uuid,timestamp,body": XAPI,
    "xe host-data-source-list host=xen1": XAPI,
}
"""Commands that need a dom0, root, systemd or a daemon that stays, and where they are tested."""


def called(line: str) -> set[str]:
    """The programs a command line calls: its first word, and the first of each part of a pipe."""
    return set(re.findall(r"(?:^|[|;&(]\s*)([\w.-]+)", line))


def runnable() -> list[str]:
    """The documents that show a command that can be run here."""
    return [
        name
        for name, text in texts(MANUALS).items()
        if any(command.line not in ELSEWHERE for command in commands(text))
    ]


@pytest.mark.parametrize("name", runnable())
def test_the_commands_shown_work(name: str, tmp_path: Path) -> None:
    """The commands of a document succeed, one after another, and print what is shown."""
    scripts = sysconfig.get_path("scripts")
    # A document says where `make` installs; here that is wherever the tests run from.
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(scripts)
    environment = {**os.environ, "PATH": f"{scripts}:{SEARCH}"}
    for command in commands(texts()[name]):
        if command.line in ELSEWHERE:
            continue
        for program in sorted(called(command.line) & BY_PROGRAM.keys()):
            tool(program)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

        assert done.returncode == 0, f"{command.line}\n{done.stderr}"
        if command.output:
            check = doctest.OutputChecker().check_output
            assert check(command.output, done.stdout, doctest.ELLIPSIS), done.stdout


def test_no_command_run_here_changes_the_host() -> None:
    """A command that changes settings of the machine is run in a dom0 made for it, or nowhere."""
    changing = {
        f"{name}: {command.line}"
        for name, text in texts(MANUALS).items()
        for command in commands(text)
        if command.line not in ELSEWHERE and CHANGING.search(command.line)
    }

    assert changing == set()


def test_no_exception_is_left_over() -> None:
    """Every command said to be tested elsewhere is still shown in a document."""
    shown = {command.line for text in texts(MANUALS).values() for command in commands(text)}

    assert set(ELSEWHERE) <= shown


def test_what_is_tested_elsewhere_is_there() -> None:
    """The tests said to run the other commands exist."""
    named = {name for why in ELSEWHERE.values() for name in re.findall(r"tests/[\w./]+", why)}

    assert {name for name in named if not (ROOT / name).exists()} == set()


RUN = [(line, why) for line, why in ELSEWHERE.items() if why == INSTALL]


@pytest.mark.parametrize(("line", "why"), RUN, ids=lambda text: text)
def test_what_is_run_elsewhere_stands_there(line: str, why: str) -> None:
    """A test said to run a command holds it as the document shows it."""
    assert f'"{line}"' in (ROOT / why.split(maxsplit=1)[0]).read_text()


def test_every_fence_is_of_a_known_kind() -> None:
    """A fenced block says what it holds, so that no command escapes the tests."""
    known = {"", "sh", "console", "toml", "yaml", "promql", "ini", "json", "python"}
    fences = {
        (name, kind)
        for name, text in texts().items()
        for kind in re.findall(r"(?m)^ *```(.*)$", text)
        if ROOT / name not in RUNBOOKS or not set(kind.split()) <= {"sh", *KINDS}
    }

    assert {fence for fence in fences if fence[1] not in known} == set()


def test_the_commands_of_a_runbook_stand_in_blocks_that_are_run() -> None:
    """A runbook has no block of commands with what they print: that differs from host to host."""
    names = {path.name for path in RUNBOOKS if "\n```console" in path.read_text()}

    assert names == set()


def anchors(text: str) -> set[str]:
    """What a link may point at in a document: its headings and its named places."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Links within the repository point at files, and at headings, that exist."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            broken.append(target)

    assert broken == []


def test_what_a_block_holds_is_found() -> None:
    """Commands are taken from both kinds of blocks, with the output shown below them."""
    text = (
        "```sh\n# why\na \\\n  b\n```\n\n```console\n$ c\nd\n...\n$ e\n```\n```toml\nf = 1\n```\n"
    )

    assert commands(text) == [Command("a    b", ""), Command("c", "d\n...\n"), Command("e", "")]


def test_the_programs_of_a_command_are_found() -> None:
    """Programs are those in the place of a program, not words among the arguments."""
    assert called("ps -e | sort; (ss -t) && free --format vmstat") == {"ps", "sort", "ss", "free"}


URGENCY = re.compile(r"(?:- )?(?:\w+: )?(?:now|today|this week|not urgent)\b", re.IGNORECASE)
TITLES = [*(alert.title for alert in ALERTS), *(watch.title for watch in WATCHES)]


@pytest.mark.parametrize("title", TITLES)
def test_every_alert_has_a_runbook(title: str) -> None:
    """A runbook has the seven sections, and begins its urgency with when to act."""
    text = (ROOT / f"contrib/runbooks/{title}.md").read_text()

    assert text.startswith(f"# {title}\n")
    sections = re.split(r"(?m)^## (.*)\n", text)[1:]
    assert sections[::2] == list(SECTIONS)
    assert all(body.strip() for body in sections[1::2])
    urgency = sections[2 * SECTIONS.index("Urgency") + 1].strip()
    assert URGENCY.match(urgency)


def test_no_runbook_is_left_over() -> None:
    """Every runbook but the page of errors is that of an alert."""
    assert {path.stem for path in RUNBOOKS} - set(TITLES) == {"errors"}


def test_the_symptoms_of_every_limit_are_explained() -> None:
    """The page of errors leads to the runbook of every limit that has thresholds."""
    text = (ROOT / "contrib/runbooks/errors.md").read_text()
    titles = {near_limit(limit).title for limit in LIMITS if limit.thresholds.critical is not None}

    assert {title for title in titles if f"({title}.md)" not in text} == set()
