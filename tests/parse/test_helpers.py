"""Helpers of VMs: whom a process of dom0 serves, by its name and arguments as they are started."""

from __future__ import annotations

import os
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.helpers import HELPERS
from xenwatch.model.render.text import render_arguments
from xenwatch.parse.helpers import NAMES, PROGRAMS, helper_of, xl_domain

VARSTORED = (
    "/usr/sbin/varstored --domain 12 --chroot /var/run/xen/varstored-root-12 --depriv --uid 65547"
    " --gid 1008 --backend xapidb --arg socket:/xapi-depriv-socket --pidfile"
    " /var/run/xen/varstored-12.pid --arg uuid:5c1b9a0e-0d5c-4f0a-8f0e-3c2d1b0a9f8e --arg"
    " save:/efi-vars-save.dat"
)
SWTPM = (
    "swtpm-12 socket --tpm2 --tpmstate backend-uri=unix+http://xapi-depriv-socket --ctrl"
    " type=unixio,fd=3 --log level=1 --pid file=/swtpm-12.pid -t --chroot"
    " /var/lib/xcp/run/swtpm-root-12 --runas 66012"
)
TAPBACK = "tapback -d -x 12"
VNCTERM = "/usr/lib/xen/bin/vncterm -x /local/domain/12/console -T -v 127.0.0.1:1"
VGPU = "/usr/lib/xen/bin/vgpu --domain=12 --vcpus=4 --suspend=/var/lib/xen/demu-save.12"
LOGGER = "logger -p daemon.info -t 'qemu-dm-12[3456]'"
CLIPBOARDD = "/opt/xensource/libexec/xs-clipboardd -d 12 -s 8"
PROXY = (
    "/usr/lib/xen/bin/vchan-socket-proxy --state-path=/local/domain/0/device-model/12"
    "/qmp-proxy-state 12 /local/domain/12/device-model/11/qmp-vchan /var/run/xen/qmp-libxl-11"
)


@pytest.mark.parametrize(
    ("comm", "line", "helper"),
    [
        ("varstored", VARSTORED, "varstored"),
        ("swtpm", SWTPM, "swtpm"),
        ("tapback", TAPBACK, "tapback"),
        ("tapback", f"{TAPBACK} -v -b", "tapback"),
        ("vncterm", VNCTERM, "vncterm"),
        ("vgpu", VGPU, "vgpu"),
        ("logger", LOGGER, "logger"),
        ("xs-clipboardd", CLIPBOARDD, "clipboardd"),
        ("xcp-clipboardd", CLIPBOARDD, "clipboardd"),
        ("vchan-socket-pr", PROXY, "vchan-socket-proxy"),
    ],
)
def test_a_helper_and_its_domain(comm: str, line: str, helper: str) -> None:
    """Each program says whom it serves, each in its own way."""
    found = helper_of(comm.encode(), render_arguments(tuple(shlex.split(line))))

    assert found == (helper, 12)
    assert comm.encode() in NAMES
    assert helper in PROGRAMS


@pytest.mark.parametrize(
    ("comm", "line"),
    [
        ("tapback", "/usr/bin/tapback -p /var/run/tapback.pid"),
        ("swtpm", "swtpm socket --tpmstate dir=/tmp/tpm --ctrl type=unixio,path=/tmp/tpm/sock"),
        ("swtpm-wrapper", "/usr/bin/python3 /usr/libexec/xenopsd/swtpm-wrapper 12 /root dir://."),
        ("logger", "logger -t backup"),
        ("bash", TAPBACK),
        ("varstored", "varstored --domain 0"),
        ("varstored", "varstored --domain 123456"),
        ("varstored", ""),
        ("xl", "/usr/sbin/xl create /etc/xen/12.cfg"),
    ],
)
def test_other_processes_serve_no_domain(comm: str, line: str) -> None:
    """Nor does a daemon that serves all, or a program of that name somebody else has started."""
    assert helper_of(comm.encode(), render_arguments(tuple(shlex.split(line)))) is None


@pytest.mark.parametrize("name", HELPERS)
@given(domid=st.integers(1, 32751))
def test_helpers_of_the_synthetic_host_are_known(name: str, domid: int) -> None:
    """What the model starts is what the parser knows, for any domain."""
    helper = HELPERS[name]
    argv = tuple(word.format(domid=domid) for word in helper.argv)

    assert helper_of(helper.comm.encode(), render_arguments(argv)) == (name, domid)


@settings(deadline=None)
@given(st.sampled_from(sorted(NAMES)), st.binary(max_size=80))
def test_any_arguments_are_borne(comm: bytes, cmdline: bytes) -> None:
    """Arguments of any bytes are those of a helper with a domain, or of none."""
    found = helper_of(comm, cmdline)

    assert found is None or (found[0] in PROGRAMS and found[1] > 0)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/var/log/xen/xl-pv001.log", b"pv001"),
        ("/var/log/xen/xl-pv001.log.1", b"pv001"),
        ("/var/log/xen/xl-pv001.log.10 (deleted)", b"pv001"),
        ("/var/log/xen/xl-vm--incoming.log", b"vm--incoming"),
        ("/var/log/xen/xl-a.log.1.log", b"a.log.1"),
        ("/var/log/xen/xl-.log", None),
        ("/var/log/xen/xldevd.log", None),
        ("/dev/pts/0", None),
        ("pipe:[38050]", None),
        ("", None),
    ],
)
def test_an_xl_is_known_by_its_log(target: str, name: bytes | None) -> None:
    """What waits for a domain writes to a log with the domain's name."""
    assert xl_domain(target) == name


@given(st.binary(min_size=1, max_size=40).filter(lambda name: b"/" not in name))
def test_any_name_of_a_domain_is_known_by_the_log(name: bytes) -> None:
    """Bytes that are no UTF-8, newlines and what looks like a log's end come back as they are."""
    assert xl_domain(f"/var/log/xen/xl-{os.fsdecode(name)}.log") == name
