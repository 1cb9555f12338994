"""Advice: who wakes dom0 most, what to switch off, and a script that can be trusted."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import full_snapshot
from tests.tools import tool
from xenwatch.advice.qemu_wakeups import Advice, advise, toolstack
from xenwatch.advice.rendering import document, script, table
from xenwatch.cli.main import main
from xenwatch.parse.qemu import DEVICES
from xenwatch.readings.domains import Domain, Domains
from xenwatch.readings.processes import Daemons
from xenwatch.readings.qemus import Qemu, Qemus
from xenwatch.readings.snapshot import Outcome, Snapshot, Status
from xenwatch.release.table import XAPI, XL

ALL = ("usb", "usb-tablet", "serial", "parallel", "cdrom", "monitor")
HOSTILE = (
    b"$(touch pwned); `touch pwned` \"'\\",
    b"a\ntouch pwned\n#",
    b"a\r\ntouch pwned",
    b"\xff\xfe\x00\x1b[2J",
    b"\\",
    "\u2028touch pwned\u202e".encode(),
    b"# shellcheck disable=all",
    b"",
)
XE = """\
#!/bin/sh
# Stands for xapi: VMs are halted, each has two empty DVD drives and one with an ISO, settings are
# files. A question in the file `fails` has no answer, a state in the file `state` is that of all.
dir=$(dirname "$0")
if grep -q -F -x -e "$1 $2" -e "$1 $3" "$dir/fails" 2>/dev/null; then
    echo "You have failed" >&2
    exit 1
fi
echo "$@" >>"$dir/log"
uuid=${2#*uuid=}
case $1,$3 in
vm-param-get,param-name=platform) cat "$dir/$uuid-${4#param-key=}" 2>/dev/null ;;
vm-param-get,param-name=power-state) cat "$dir/state" 2>/dev/null || echo halted ;;
vm-param-set,*) value=${3#platform:}; printf %s "${value#*=}" >"$dir/$uuid-${value%%=*}" ;;
vbd-list,*)
    drives=
    case " $* " in *" empty=true "*) ;; *) drives=$uuid-inserted ;; esac
    for drive in a b; do
        [ -e "$dir/$uuid-$drive" ] || drives=$drives${drives:+,}$uuid-$drive
    done
    echo "$drives"
    ;;
vbd-destroy,*) touch "$dir/$uuid" ;;
esac
"""


def uuid(domid: int) -> str:
    """A VM's UUID."""
    return f"00000000-0000-4000-8000-{domid:012}"


def qemu(domid: int, wakeups: int, devices: tuple[str, ...] = ALL, pid: int = 0) -> Qemu:
    """A QEMU that has woken so often."""
    return Qemu(uuid(domid), pid or 900 + domid, 4000, devices, 1.0, wakeups, 0.5, ())


def snapshot(
    time: float, *qemus: tuple[int, Qemu], names: dict[int, bytes] | None = None
) -> Snapshot:
    """A pass at that time over these QEMUs."""
    domains = tuple(
        Domain(domid, uuid(domid), (names or {}).get(domid), "hvm", "blocked", 1, 1, 1, 1.0)
        for domid, _ in qemus
    )
    return Snapshot(
        outcomes={"qemus": Outcome(Status.OK, instant=time)},
        domains=Domains(domains, "hypercall"),
        qemus=Qemus(dict(qemus)),
    )


def of_names(*names: bytes) -> tuple[Advice, ...]:
    """Advice about VMs of these names, each with every device."""
    numbered = dict(enumerate(names, 1))
    qemus = [(domid, qemu(domid, 10, DEVICES)) for domid in numbered]
    plain = [(domid + len(names), qemu(domid + len(names), 10)) for domid in numbered]
    named = numbered | {domid + len(names): name for domid, name in numbered.items()}
    return advise(snapshot(1.0, *qemus, *plain, names=named))


def checked(text: str, directory: Path) -> None:
    """Have the script looked at by the shell and by shellcheck."""
    path = directory / "script.sh"
    path.write_text(text)
    for argv in (["sh", "-n", str(path)], [tool("shellcheck"), str(path)]):
        done = subprocess.run(argv, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), text


def test_vms_are_ranked_by_what_they_do_now() -> None:
    """The rate between two passes decides; a QEMU that is new since then has none."""
    earlier = snapshot(100.0, (1, qemu(1, 9000)), (2, qemu(2, 10)), (3, qemu(3, 5)))
    now = snapshot(110.0, (1, qemu(1, 9001)), (2, qemu(2, 2670)), (3, qemu(3, 7, pid=77)))
    found = advise(now, earlier)

    assert [(advice.domid, advice.rate) for advice in found] == [(2, 266.0), (1, 0.1), (3, None)]
    text = table(found, XAPI)
    assert "A VM without a rate has a QEMU that started between the two readings" in text
    assert "Single reading" not in text


def test_one_pass_ranks_by_all_wakeups() -> None:
    """Without an earlier pass the order is that of the counters, and the table says so."""
    found = advise(snapshot(1.0, (1, qemu(1, 5)), (2, qemu(2, 50))))

    assert [(advice.domid, advice.rate) for advice in found] == [(2, None), (1, None)]
    assert "Single reading" in table(found, XAPI)


def test_what_is_emulated_is_what_is_advised() -> None:
    """Each device there is has its remedy with a cost, and no other."""
    (advice,) = advise(snapshot(1.0, (1, qemu(1, 5, ("usb-tablet", "serial")))))

    assert [remedy.device for remedy in advice.remedies] == ["usb-tablet", "serial"]
    assert all(remedy.cost for remedy in advice.remedies)


def test_a_usb_device_in_use_keeps_its_controller() -> None:
    """A VM with another USB device is not told to switch USB off, and is told why."""
    found = advise(snapshot(1.0, (1, qemu(1, 5, ("usb", "usb-tablet", "usb-other")))))

    assert [remedy.device for remedy in found[0].remedies] == ["usb-tablet"]
    assert "platform:usb=false" not in script(found, XAPI) + table(found, XAPI)
    assert "USB is kept" in table(found, XAPI)


def test_each_toolstack_has_its_own_words() -> None:
    """xapi hosts get xe commands, xl hosts lines of xl.cfg."""
    found = advise(snapshot(1.0, (1, qemu(1, 5))))

    assert f"xe vm-param-set uuid={uuid(1)} platform:usb=false" in table(found, XAPI)
    assert "xl.cfg: usb=0" in table(found, XL)
    assert (
        "remove tablet from usbdevice=, and from device_model_args= and device_model_args_hvm="
        in (table(found, XL))
    )
    assert "xe " not in table(found, XL) + script(found, XL)


def test_the_toolstack_is_seen() -> None:
    """xapi is known by its daemon or its platform, anything else is xl."""
    full = full_snapshot()
    assert full.host is not None
    without = dataclasses.replace(full, daemons=Daemons({}))
    xcp_ng = dataclasses.replace(without, host=dataclasses.replace(full.host, platform="xcp-ng"))
    found = [toolstack(known) for known in (full, xcp_ng, without, Snapshot())]

    assert found == [XAPI, XAPI, XL, XL]


def test_the_document_has_it_all() -> None:
    """JSON holds rank, rate, devices, costs and commands, whatever a VM is called."""
    found = json.loads(document(of_names(*HOSTILE), XAPI))

    assert found["toolstack"] == "xapi"
    assert len(found["vms"]) == 2 * len(HOSTILE)
    assert found["vms"][0]["wakeups_per_second"] is None
    commands = [remedy["command"] for remedy in found["vms"][-1]["remedies"]]
    assert commands[0] == f"xe vm-param-set uuid={found['vms'][-1]['uuid']} platform:usb=false"


@pytest.mark.parametrize("stack", [XAPI, XL])
def test_the_shell_and_shellcheck_have_nothing_to_say(stack: str, tmp_path: Path) -> None:
    """The script is clean for hostile names, for VMs without a remedy, and for no VM at all."""
    checked(script(of_names(*HOSTILE), stack), tmp_path)
    checked(script(advise(snapshot(1.0, (1, qemu(1, 5, ())))), stack), tmp_path)
    checked(script((), stack), tmp_path)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=3))
@example(list(HOSTILE))
def test_names_stand_in_comments_alone(names: list[bytes]) -> None:
    """Without its comments the script is the same whatever the VMs are called."""

    def steps(*names: bytes) -> list[str]:
        lines = script(of_names(*names), XAPI).split("\n")
        return [line for line in lines if not line.startswith("#")]

    assert steps(*names) == steps(*(b"vm" for _ in names))
    assert script(of_names(*names), XAPI).replace("\n", "").isprintable()


def ran(directory: Path, text: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """How the script ran against a stand-in for xapi, and what it changed there."""
    (directory / "xe").write_text(XE)
    (directory / "xe").chmod(0o755)
    (directory / "log").write_text("")
    done = subprocess.run(
        ["sh"],
        input=text,
        env={"PATH": f"{directory}:/usr/bin:/bin"},
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
    )
    lines = (directory / "log").read_text().splitlines()
    return done, [line for line in lines if line.startswith(("vm-param-set", "vbd-destroy"))]


def test_the_script_does_what_it_says_and_only_once(tmp_path: Path) -> None:
    """Against a stand-in for xapi every setting is made once, and a second run changes nothing."""
    text = script(of_names(*HOSTILE), XAPI)

    done, first = ran(tmp_path, text)

    vms = 2 * len(HOSTILE)
    assert (done.returncode, done.stderr) == (0, "")
    assert sum("platform:" in line for line in first) == vms * 4 - len(HOSTILE)
    assert sorted(line for line in first if "vbd" in line) == [
        f"vbd-destroy uuid={uuid(domid)}-{drive}" for domid in range(1, vms + 1) for drive in "ab"
    ]
    done, second = ran(tmp_path, text)
    assert (done.returncode, second) == (0, [])
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("fails", "told", "lost"),
    [
        ("vm-param-set uuid={}", "{}: setting platform:hvm_serial failed", 4),
        ("vm-param-set platform:usb=false", "{}: setting platform:usb failed", 2),
        ("vm-param-get param-name=power-state", "{}: DVD drives not removed: reading the power", 4),
        ("vbd-list vm-uuid={}", "{}: DVD drives not removed: listing them failed", 2),
        ("vbd-destroy uuid={}-a", "{0}: removing DVD drive {0}-a failed", 1),
    ],
)
def test_what_fails_is_told_and_stops_nothing_else(
    fails: str, told: str, lost: int, tmp_path: Path
) -> None:
    """A call of xapi's that fails is said and makes the exit status 1; all others are made."""
    text = script(advise(snapshot(1.0, *((domid, qemu(domid, 9)) for domid in (1, 2)))), XAPI)
    (tmp_path / "fails").write_text(fails.format(uuid(1)) + "\n")
    done, changes = ran(tmp_path, text)

    assert done.returncode == 1
    assert told.format(uuid(1)) in done.stderr
    assert "run this again" not in done.stdout
    assert len(changes) == 2 * (4 + 2) - lost

    (tmp_path / "fails").unlink()
    done, changes = ran(tmp_path, text)
    assert (done.returncode, done.stderr, len(changes)) == (0, "", lost)


def test_drives_of_a_running_vm_are_left(tmp_path: Path) -> None:
    """While a VM runs its drives stay, which is said and is no failure."""
    (tmp_path / "state").write_text("running\n")

    done, changes = ran(tmp_path, script(advise(snapshot(1.0, (1, qemu(1, 9)))), XAPI))

    assert done.returncode == 0
    assert "run this again while the VM is halted" in done.stdout
    assert [line for line in changes if "vbd" in line] == []


def test_without_xe_nothing_seems_done(tmp_path: Path) -> None:
    """On a machine without xapi's tools each step is a failure."""
    text = script(advise(snapshot(1.0, (1, qemu(1, 9)))), XAPI)
    done = subprocess.run(
        ["/bin/sh"], input=text, env={"PATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stdout == ""


def test_the_table_is_short_enough_to_read() -> None:
    """The table has the VMs that wake up most, and says once what disabling a device costs."""
    vms = of_names(*(b"vm-%d" % number for number in range(13)))
    lines = table(vms, XAPI).splitlines()

    assert sum("(domain " in line for line in lines) == 10
    assert f"{len(vms) - 10} more VMs not shown; for all: --format json" in lines
    costs = lines[lines.index("What the VM loses:") + 1 : -2]
    assert costs
    assert len(costs) == len(set(costs)) == len({line.split(":")[0] for line in costs})
    assert len(json.loads(document(vms, XAPI))["vms"]) == len(vms) > 10


@pytest.mark.parametrize("form", [["--format", "json"], ["--format", "table"], ["--script"]])
def test_the_command_speaks_of_a_synthetic_host(
    form: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Advice about the synthetic desktops names each of them."""
    status = main(["advise", "--source", "synthetic:pulsar-before", "--interval", "0", *form])

    out = capsysbinary.readouterr().out.decode()
    assert status == 0
    assert all(f"desktop-0{number}" in out for number in range(1, 5))


def test_a_host_that_stands_still_has_no_rates(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Two passes over a preset would read the same: it is ranked by what its QEMUs did so far."""
    status = main(["advise", "--source", "synthetic:pulsar-before"])

    out = capsysbinary.readouterr().out.decode()
    assert status == 0
    assert "\n\nSingle reading: " in out
    assert "wakeups per second" not in out


def test_without_qemus_to_read_the_command_fails(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """On a machine that is no dom0 there is no advice, and the reason is said."""
    status = main(["advise", "--source", "host", "--interval", "0"])

    captured = capsysbinary.readouterr()
    assert status == 3
    assert captured.out == b""
    assert b"could not be read" in captured.err
