"""`xenwatch plan --pool` and `--prometheus`: hosts of every kind, and what is said of them."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.support import Done, no_traces, run
from xenwatch.assessment import assess_pass
from xenwatch.cli.source import open_source
from xenwatch.http.headroom import headroom
from xenwatch.planning.shapes import BUILT_IN
from xenwatch.probes import PROBES
from xenwatch.probes.base import take
from xenwatch.status.host_status import PATH, dumps, host_status

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
REAL = {
    "xen1": "debian-12-xen-4.17/10-guests",
    "xen2": "debian-12-xen-4.17/1-guest",
    "xen3": "debian-12-xen-4.17/0-guests",
    "xen4": "debian-13-xen-4.20/1-guest",
}


def pool(path: Path, **hosts: str) -> str:
    """A file with hosts, each a source or a URL."""
    file = path / "hosts.toml"
    kinds = {name: "url" if "//" in value[:8] else "source" for name, value in hosts.items()}
    file.write_text(
        "".join(f'[hosts.{name}]\n{kinds[name]} = "{value}"\n' for name, value in hosts.items())
    )
    return str(file)


Plan = Callable[..., Done]


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> Plan:
    """The command."""
    return lambda *arguments: run(capsys, "plan", *arguments)


def found(plan: Plan, *arguments: str) -> dict[str, Any]:
    """Its JSON."""
    document: dict[str, Any] = json.loads(plan(*arguments, "--format=json").out)
    return document


def test_five_trees_by_hand(plan: Plan, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of four captures of real hosts and the tree of a synthetic one, that alone cannot be lost."""
    # `xl info` of the real ones says that 2,839, 3,935, 4,031 and 3,935 of 6,143 MiB are free: so
    # 14,740 MiB for the VMs of another host. `xl list` of xen1 says that its VMs have 7 times 96,
    # twice 160 and 192 MiB: 1,184, which the 11,901 of the other three hold. The synthetic one has
    # 8 PV VMs of 1 GiB, 4 PVH VMs of 2 GiB and 3 HVM VMs of 1 GiB: 19 GiB, which 14,740 MiB do not
    # hold; it holds the VMs of all others.
    big = tmp_path / "big"
    assert run(capsys, "capture", "--source=synthetic:debian-12", str(big)).status == 0
    trees = {name: f"tree:{HOSTS / path}/capture" for name, path in REAL.items()}
    file = pool(tmp_path, **trees, xen5=f"tree:{big}")
    answer = found(plan, "--pool", file)

    assert {each["name"]: each["vms"] for each in answer["hosts"]} == {
        "xen1": 10,
        "xen2": 1,
        "xen3": 0,
        "xen4": 1,
        "xen5": 15,
    }
    # 2 GiB and 3 MiB, 2 MiB for a vCPU and 16 MiB of the paging pool: one each, by host_memory.
    assert [each["headroom"]["windows"] for each in answer["hosts"]][:4] == [1, 1, 1, 1]
    assert answer["binding"]["windows"]["host_memory"] == 4
    loss = answer["losses"]["1"]
    assert (loss["hosts"], loss["vms"], loss["survives"]) == (["xen5"], 15, False)
    assert plan("--pool", file).status == 1
    assert "Loss of any host: not survived; of the 15 VMs on xen5" in plan("--pool", file).out
    assert answer["losses"]["2"]["survives"] is False
    assert answer["free_first"]["vms"] == 1

    # Without the large one the loss of any host is survived, and of any two.
    four = found(plan, "--pool", pool(tmp_path, **trees))
    assert [four["losses"][count]["survives"] for count in ("1", "2")] == [True, True]
    assert four["losses"]["1"]["hosts"] == ["xen1"]
    assert sum(sum(vms.values()) for vms in four["losses"]["1"]["placed"].values()) == 10


def test_vms_go_where_there_is_room(plan: Plan, tmp_path: Path) -> None:
    """Four Windows VMs fit on four hosts, one each, and a fifth nowhere."""
    file = pool(tmp_path, **{name: f"tree:{HOSTS / path}/capture" for name, path in REAL.items()})
    answer = found(plan, "--pool", file, "--shape=windows", "--count=4")
    assert answer["placement"]["placed"] == {name: {"windows": 1} for name in REAL}
    assert plan("--pool", file, "--shape=windows", "--count=4").status == 0
    done = plan("--pool", file, "--shape=windows", "--count=5")
    assert done.status == 1
    assert "5 windows: they do not fit; no room for 1 windows" in done.out
    assert plan("--pool", file, "--add=windows=1", "--add=linux=2").status == 0


def test_a_host_that_cannot_be_read_leaves_the_rest(plan: Plan, tmp_path: Path) -> None:
    """It has no room, the answer says why, and no becomes cannot say."""
    file = pool(
        tmp_path,
        xen1=f"tree:{HOSTS / REAL['xen1']}/capture",
        gone="tree:/nowhere",
        away="http://127.0.0.1:9",
    )
    done = plan("--pool", file, "--add=linux=1")
    assert done.status == 0
    assert "/nowhere: not a capture directory" in done.out
    assert "127.0.0.1:9" in done.out
    done = plan("--pool", file, "--add=linux=100")
    assert done.status == 3
    assert "100 linux: cannot say whether they fit; no room found for 98 linux" in done.out


def test_a_pool_of_which_nothing_is_known_says_so(plan: Plan, tmp_path: Path) -> None:
    """Where no host can be read, it cannot be said that VMs do not fit."""
    done = plan("--pool", pool(tmp_path, xen1="tree:/nowhere"), "--add=linux=1")

    assert done.status == 3
    assert "1 linux: cannot say whether they fit" in done.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected tables such as [hosts.xen1]"),
        ("[hosts]", "expected tables such as [hosts.xen1]"),
        ("hosts = 1", "expected tables such as [hosts.xen1]"),
        ("[hosts.a]\nurl = 1", "hosts.a must have exactly one of source and url; all"),
        ("[hosts.a]\nhost = 'x'", "hosts.a must have exactly one of source and url; all"),
        ("[hosts.a]\nurl = 'x'\nsource = 'y'", "hosts.a must have exactly one of source and url"),
        (
            "[hosts.a]\nurl = 'x'\nca_files = 'y'",
            "hosts.a has an unknown key: ca_files; allowed with url: ",
        ),
        ("[hosts.a]\nsource = 'x'\nca_file = 'y'", "hosts.a has an unknown key: ca_file"),
        ("[hosts.a]\nurl = 'http://x'\nusername = 'y'", "must have both username and"),
        ("[hosts.a]\nurl = 'http://x'\nca_file = 'y'", "hosts.a: ca_file requires https, but"),
        ("[hosts.a]\nurl = 'https://x'\nca_file = 'y'", "y: No such file or directory"),
        (
            "[hosts.a]\nurl = 'http://x'\nusername = 'y'\npassword_file = 'none'",
            "none: No such file or directory",
        ),
        ("[hosts.a", "--pool: "),
    ],
)
def test_a_bad_file_is_refused(plan: Plan, tmp_path: Path, text: str, words: str) -> None:
    """With the file and what it must have."""
    file = tmp_path / "hosts.toml"
    file.write_text(text)
    done = plan("--pool", str(file))
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert str(file) in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--pool=/none",), "/none"),
        (("--pool=x", "--like=1"), "--pool and --like are mutually exclusive"),
        (("--pool=x", "--source=host"), "--pool and --source are mutually exclusive"),
        (
            ("--prometheus=http://x", "--shape=linux", "--memory=1GiB"),
            "--prometheus and --memory are mutually exclusive",
        ),
        (("--user=a:b",), "--user requires --pool FILE or --prometheus URL"),
        (("--prometheus=http://x", "--cacert=y"), "--prometheus: --cacert requires https"),
        (("--prometheus=https://x", "--user=y"), "--prometheus: --user must be NAME:PASSWORD"),
        (("--prometheus=x",), "--prometheus: 'x' is not a URL such as http"),
    ],
)
def test_a_bad_question_is_refused(plan: Plan, arguments: tuple[str, ...], words: str) -> None:
    """Each with the option."""
    done = plan(*arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_a_prometheus_that_does_not_answer_is_unknown(plan: Plan) -> None:
    """Not bad usage; and no advice about a daemon of this host."""
    done = plan("--prometheus=http://127.0.0.1:9")
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "xenwatch: --prometheus: http://127.0.0.1:9: Connection refused. Does a Prometheus listen "
        "there?\n"
    )


@contextmanager
def served(answers: Mapping[str, Any]) -> Iterator[str]:
    """A server that answers paths, with the parameters of the query."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = answers[parts.path](parse_qs(parts.query)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_daemon_says_the_same_as_its_host(plan: Plan, tmp_path: Path) -> None:
    """What its API answers makes the same host as its readings."""
    source = open_source("synthetic:debian-12")
    assessment = assess_pass(take(source, PROBES, lambda: 1_700_000_000.0).snapshot)
    answers = {
        PATH: lambda _: dumps(host_status(assessment, PROBES)),
        "/api/v1/headroom": lambda query: json.dumps(
            headroom([(name, each[0]) for name, each in query.items()], assessment, BUILT_IN)
        ),
    }
    with served(answers) as url:
        asked = found(plan, "--pool", pool(tmp_path, xen1=url), "--add=windows=3", "--add=linux=9")
    read = found(
        plan,
        "--pool",
        pool(tmp_path, xen1="synthetic:debian-12"),
        "--add=windows=3",
        "--add=linux=9",
    )
    for answer in (asked, read):
        answer["hosts"][0]["note"] = ""
    assert asked == read


def test_a_prometheus_has_a_pool(plan: Plan) -> None:
    """Three hosts with room for 2, 3 and 9 Windows VMs: one with 12 VMs cannot be lost."""
    rooms, vms = {"a": 2, "b": 3, "c": 9}, {"a": 12, "b": 4, "c": 5}

    def vector(rows: list[tuple[dict[str, str], int]]) -> str:
        result = [{"metric": labels, "value": [1, str(value)]} for labels, value in rows]
        return json.dumps({"status": "success", "data": {"result": result}})

    def query(given: Mapping[str, list[str]]) -> str:
        if "xenwatch_domains" in given["query"][0]:
            return vector([({"instance": host}, count) for host, count in vms.items()])
        labels = {"shape": "windows", "limit": "host_memory"}
        return vector([({"instance": host, **labels}, left) for host, left in rooms.items()])

    with served({"/api/v1/query": query}) as url:
        answer = found(plan, "--prometheus", url, "--shape=windows", "--count=14")
        assert plan("--prometheus", url, "--shape=windows").status == 0
        rooms["c"] = 8
        done = plan("--prometheus", url, "--shape=windows")
    assert answer["placement"]["fits"] is True
    assert answer["losses"]["1"]["survives"] is True
    assert done.status == 1
    assert "Loss of any host: not survived; of the 12 VMs on a, no room elsewhere for 1" in done.out


def test_hosts_of_two_sites_and_jobs_are_several(plan: Plan) -> None:
    """With the same instance, each has its own VMs and room, and a name that tells it apart."""
    places: tuple[dict[str, str], ...] = (
        {"job": "dom0", "site": "a"},
        {"job": "dom0", "site": "b"},
        {"job": "lab"},
    )
    asked: list[str] = []

    def query(given: Mapping[str, list[str]]) -> str:
        asked.append(given["query"][0])
        own = {} if "xenwatch_domains" in asked[-1] else {"shape": "windows", "limit": "ptys"}
        hosts = [{"instance": "xen1", **place, **own} for place in places]
        result = [
            {"metric": labels, "value": [1, str(number)]} for number, labels in enumerate(hosts, 3)
        ]
        return json.dumps({"status": "success", "data": {"result": result}})

    with served({"/api/v1/query": query}) as url:
        hosts = found(plan, "--prometheus", url, "--shape=windows")["hosts"]

    assert [(each["name"], each["vms"], each["headroom"]) for each in hosts] == [
        ("xen1 (job=dom0, site=a)", 3, {"windows": 3}),
        ("xen1 (job=dom0, site=b)", 4, {"windows": 4}),
        ("xen1 (job=lab, no site)", 5, {"windows": 5}),
    ]
    assert asked[1].startswith("max by (instance, job, site, shape, limit) (")
    assert asked[2].startswith("max by (instance, job, site, shape) (")
