"""The table of error messages: where the strings people search for lead."""

from __future__ import annotations

import random
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.alerts import runbooks
from xenwatch.alerts.messages import RUNBOOKS
from xenwatch.errors.pattern import LONGEST
from xenwatch.explain.search import MOST_FOUND, matches, with_words
from xenwatch.explain.table import ENTRIES, Entry
from xenwatch.limits import LIMITS

RUNBOOK = {
    "libxl: error: libxl_device.c:1109:device_backend_callback: Domain 1:unable to add device "
    "with path /local/domain/0/backend/vif/1/0": "BackendErrors",
    "1 allocating event channel": "BackendErrors",
    "28 allocating event channel": "EventChannelsNearLimit",
    "vif vif-5-0: 28 mapping shared-frames 522/523 port tx 9 rx 10": "EventChannelsNearLimit",
    "xen-blkfront: 28 mapping ring-ref port 8": "EventChannelsNearLimit",
    "error 28 mapping ring-refs and evtchn": "EventChannelsNearLimit",
    "libxl_create.c:1995:console_xswait_callback: domain 5 console tty: timed out": (
        "EventChannelsNearLimit"
    ),
    'Exception in DB flushing thread: Unix.Unix_error(Unix.EMFILE, "open", "/var/lib/xcp/c7")': (
        "XapiFdsNearLimit"
    ),
    'caught exception Unix.Unix_error(Unix.EMFILE, "accept", "")': "XenstoredFdsNearLimit",
    "Failed to read from xenopsd because timeout reached.": "ControlPathSlow",
    "Error: Connection refused (calling connect )": "XapiUnresponsive",
    "Lost connection to the server.": "XapiUnresponsive",
    "Cannot forward messages because the host cannot be contacted.": "XapiUnresponsive",
    "libxl: error: libxl.c:102:libxl_ctx_alloc: Is xenstore daemon running?": (
        "XenstoredUnresponsive"
    ),
    "cannot connect to xenstore": "XenstoredUnresponsive",
    'xenopsd-xc: [error||12 ||xenops_server] Unix.Unix_error(Unix.EMFILE, "socket", "")': (
        "DaemonFdsNearLimit"
    ),
    "could not add network device vif5.0 to ofproto (Too many open files)": "DaemonFdsNearLimit",
    "qemu-dm-5[4711]: qemu: socket: Too many open files": "QemuFdsNearLimit",
    "(XEN) Failed to obtain maptrack handle": "MaptrackFramesNearLimit",
    "maptrack limit reached": "MaptrackFramesNearLimit",
    "xen:grant_table: xen/grant-table: max_grant_frames reached cur=32 extra=1 limit=32": (
        "GrantFramesNearLimit"
    ),
    "gntshr: error: ioctl failed: No space left on device": "GrantFramesNearLimit",
    "swapper/0: page allocation failure: order:5, mode:0x480020(GFP_ATOMIC), nodemask=(null)": (
        "MemoryFragmented"
    ),
    "xapi: page allocation failure: order:0, mode:0x480020(GFP_ATOMIC)": "Dom0MemoryNearLimit",
    "Out of memory": "OomKill",
    "Out of memory: Killed process 4711 (tapdisk) total-vm:1kB": "OomKill",
    "(XEN) p2m_pod_demand_populate: Dom124 out of PoD memory! (tot=1049115 ents=3145696 dom0)": (
        "HostMemoryNearLimit"
    ),
    "out of PoD memory": "HostMemoryNearLimit",
    "ipv4: Neighbour table overflow.": "NeighboursNearLimit",
    "neighbour: arp_cache: neighbor table overflow!": "NeighboursNearLimit",
    "nf_conntrack: nf_conntrack: table full, dropping packet": "ConntrackNearLimit",
    "nfs: server 10.0.0.5 not responding, timed out": "StorageHung",
    "sd 2:0:0:1: rejecting I/O to offline device": "StorageHung",
    "Cannot create new thin volume, free space in thin pool qubes_dom0/vm-pool reached "
    "threshold.": "ThinPoolDataNearLimit",
    "free space in thin pool": "ThinPoolDataNearLimit",
    "device-mapper: thin: 253:4: switching pool to out-of-data-space (queue IO) mode": (
        "ThinPoolDataNearLimit"
    ),
    "WARNING: Remaining free space in metadata of thin pool vg0/guests is too low "
    "(76.46% >= 75.00%). Resize is recommended.": "ThinPoolMetadataNearLimit",
    "device-mapper: thin: 253:4: switching pool to read-only mode": "ThinPoolMetadataNearLimit",
    "SR_BACKEND_FAILURE_44(, There is insufficient space, )": "StorageRepositoryNearLimit",
    "SR_BACKEND_FAILURE_44": "StorageRepositoryNearLimit",
    "SR_BACKEND_FAILURE_73(, NFS mount error [opterr=mount failed with return code 32], )": (
        "StorageRepositoryUnreadable"
    ),
    'Volume group "vg0" has insufficient free space (124 extents): 256 required.': (
        "VolumeGroupNearLimit"
    ),
    "INFO: task tapdisk:4711 blocked for more than 120 seconds.": "TasksBlocked",
    "blocked for more than": "TasksBlocked",
    "Cannot setup watch on /local/domain/154/data/vchan/3/4713/event-channel": (
        "XenstoreWatchesNearLimit"
    ),
    "xenbus: xen store gave: unknown error E2BIG": "XenstoreWatchesNearLimit",
    "vif vif-1: 22 adding watch on /local/domain/0/backend/vif/5/1/state": (
        "XenstoreWatchesNearLimit"
    ),
    "xenbus: xen store gave: unknown error EQUOTA": "XenstoreNodesNearLimit",
    "[warn|quota] domain 5 cannot create entry: quota reached": "XenstoreNodesNearLimit",
    "vif vif-1: 28 writing event-channel": "XenstoreNodesNearLimit",
    "vbd vbd-51712: 28 starting transaction": "XenstoreTransactionsNearLimit",
    "Domain 5 exceeds hard memory quota, Xenstore interface to domain stalled": (
        "XenstoreMemoryNearLimit"
    ),
    "igb 0000:03:00.0 eth0: igb: eth0 NIC Link is Down": "UplinkLost",
    "device-mapper: multipath: Failing path 8:16.": "StoragePathLost",
    "device-mapper: multipath: 253:12: Failing path 69:16.": "StoragePathLost",
    "3624a9370602220bd9986439b00012c1e: remaining active paths: 0": "StoragePathLost",
    "36001405fbcc04a11155470eac0f2ff53: sdb - tur checker reports path is down": (
        "StoragePathLost"
    ),
    "SR_BACKEND_FAILURE_433(, Device Mapper path not appeared yet, )": "StoragePathLost",
    " connection1:0: detected conn error (1022)": "IscsiSessionDown",
    " connection7:0: ping timeout of 5 secs expired, recv timeout 5, last rx 4495125049, "
    "last ping 4495126336, now 4495127616": "IscsiSessionDown",
    " session7: session recovery timed out after 5 secs": "IscsiSessionDown",
    "Kernel reported iSCSI connection 2:0 error (1020 - ISCSI_ERR_TCP_CONN_CLOSE: TCP connection "
    "closed) state (3)": "IscsiSessionDown",
    "SR_BACKEND_FAILURE_141(, Unable to connect to ISCSI service on target, )": (
        "IscsiSessionDown"
    ),
    "bond0: (slave eth1): link status definitely down, disabling slave": "BondDegraded",
    "/etc/xen/scripts/vif-bridge: Could not find bridge device xenbr0": "VifUnattached",
    "WARNING Device 6f1c-ab not defined on plugin or binding failed": "VifUnattached",
    "keyctl_set_timeout: Disk quota exceeded": "KernelKeysNearLimit",
    "NbdDeviceNotFound": "NbdDevicesNearLimit",
    "xc: panic: xc_dom_boot.c:120: xc_dom_boot_mem_init: can't allocate low memory for domain: "
    "Out of memory": "HostMemoryNearLimit",
    "INTERNAL_ERROR: [ xenopsd internal error: Memory_interface.MemoryError "
    "([S(Cannot_free_this_much_memory)] ]": "HostMemoryNearLimit",
    "NOT_ENOUGH_FREE_MEMORY": "HostMemoryNearLimit",
    "HOST_NOT_ENOUGH_FREE_MEMORY": "HostMemoryNearLimit",
    "can't add vif5.0 to bridge xenbr0: Exchange full": "BridgePortsNearLimit",
    "tee: /dev/ptmx: No space left on device": "PtysNearLimit",
    "tee: /var/log/x: No space left on device": "FileSystemNearLimit",
    "bash: fork: retry: Resource temporarily unavailable": "TasksNearLimit",
    "VFS: file-max limit 209715 reached": "OpenFilesNearLimit",
    "blk_update_request: I/O error, dev xvda, sector 5": "MaptrackFramesNearLimit",
    "ERROR: Couldn't setup AIO context. If you are trying to concurrently use a large number of "
    "blktap-based disks, you may need to increase the system-wide aio request limit.": (
        "AioRequestsNearLimit"
    ),
    "deferring g.e. 0x1c3f (pfn 0x1a2b3c)": "GrantFramesNearLimit",
    "xen:grant_table: g.e. 0x17 still pending": "GrantFramesNearLimit",
    "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because "
    "the skew is too large": "LogMessage",
    "mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 7": "LogMessage",
    "SSL_VERIFY_ERROR: [ certificate verify failed ]": "CertificateExpiring",
    'Stunnel.Stunnel_verify_error("0A000086:SSL routines::certificate verify failed")': (
        "CertificateExpiring"
    ),
    "2026.01.09 06:01:28 LOG4[0]: CERT: Pre-verification error: certificate has expired": (
        "CertificateExpiring"
    ),
    "HOST_SERVER_CERTIFICATE_EXPIRING_30": "CertificateExpiring",
    "HOST_INTERNAL_CERTIFICATE_EXPIRED": "CertificateExpiring",
}
"""Strings with a runbook."""
LOOK = {
    "SR_BACKEND_FAILURE_109(, The snapshot chain is too long, )": "snapshots",
    "SR_BACKEND_FAILURE_109": "snapshots",
    "tap-err:tap_ctl_send_and_receive: failed to receive 'close' message": "tapdisk",
}
"""Strings without one, and a word of what they mean."""
PREFIXES = (
    "",
    "Nov 14 11:22:33 dom0-7 kernel: [12345.678901] ",
    "2026-11-14T11:22:33.123456+01:00 host xapi: [ info|host|3 UNIX /var/lib/xcp/xapi||x] ",
    "(XEN) [2026-11-14 11:22:33.123] ",
)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", RUNBOOK)
def test_a_message_leads_to_its_runbook(line: str, prefix: str) -> None:
    """A line of a log is about one thing, and has the runbook of that."""
    assert [entry.title for entry in matches(prefix + line)] == [f"Xenwatch{RUNBOOK[line]}"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", LOOK)
def test_a_message_without_runbook_is_explained(line: str, prefix: str) -> None:
    """What is no limit of xenwatch has its meaning and what to look at."""
    (entry,) = matches(prefix + line)

    assert LOOK[line] in entry.meaning
    assert entry.look
    assert not entry.runbook


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("g.e. still pending", "grant"),
        ("MCE", "hardware"),
        ("clocksource", "clock"),
        ("E2BIG", "watches"),
        ("grant table", "grant frames"),
        ("INTERNAL_ERROR Unix.EMFILE", "xapi"),
    ],
)
def test_a_part_of_a_message_is_found_by_its_words(text: str, word: str) -> None:
    """What is too short to be a message still leads to the entries that have its words."""
    assert any(word in entry.meaning for entry in matches(text) or with_words(text))


def test_permission_is_no_limit() -> None:
    """EPERM of a device leads to XSM, ENOSPC of the same to the limit."""
    (refused,), (full,) = (matches(f"{number} allocating event channel") for number in (1, 28))

    assert "XSM" in refused.meaning
    assert refused.limit == ""
    assert full.limit == "event_channels"


@pytest.mark.parametrize(
    "line",
    ["", "all is well", "dom0 kernel: eth0: link up", "28", "(null)", "mce: CPU has 20 banks"],
)
def test_nothing_is_known_of_another_line(line: str) -> None:
    """An ordinary line is about nothing."""
    assert matches(line) == ()


def test_a_search_is_bounded() -> None:
    """A word that is everywhere finds some entries, none finds none."""
    assert len(with_words("of")) == MOST_FOUND
    assert with_words("") == with_words(" ' ") == with_words("nonsense dom0") == ()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.messages[:40])
def test_an_entry_is_complete(entry: Entry) -> None:
    """Every entry says what it means and what to do, and its patterns are not found everywhere."""
    served = runbooks.files()

    assert entry.meaning
    assert bool(entry.look) is not bool(entry.runbook)
    assert not entry.runbook or f"{RUNBOOKS}{entry.runbook}" in served
    assert not entry.limit or entry.limit in {limit.name for limit in LIMITS}
    for pattern in entry.patterns:
        literal = pattern.text.replace("NAME", "").strip("N.' ")
        assert len(literal) >= 8, f"`{pattern.text}` would be found in too many lines"
        assert not re.match(r"N\b|NAME\b|\.\.\.", pattern.text)


def test_messages_are_told_apart() -> None:
    """No message of the table leads to another entry than its own."""
    for entry in ENTRIES:
        for pattern in entry.patterns:
            text = re.sub(r"\bN\b", "7", pattern.text.replace("NAME", "name"))
            assert matches(text.replace("...", "x")) == (entry,), text


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    """Whatever is pasted, the answer is entries of the table."""
    assert set(matches(text)) <= set(ENTRIES)
    assert set(with_words(text)) <= set(ENTRIES)


@pytest.mark.no_cover
def test_a_long_log_is_fast() -> None:
    """The cost of a line is bounded, however long it is and whatever it is made of."""
    chance = random.Random(7)
    pieces = [pattern.text for entry in ENTRIES for pattern in entry.patterns]
    lines = ["".join(chance.choices(string.printable, k=3000)) for _ in range(20)]
    lines += [" ".join(chance.choices(pieces, k=200)) for _ in range(20)]
    lines += [piece[:9] * LONGEST for piece in pieces[:20]]
    before = time.process_time()
    for line in lines:
        matches(line)

    assert time.process_time() - before < 5


def test_a_phrase_comes_before_its_words_apart() -> None:
    """What dom0 prints as "error 28" comes before what a driver domain prints as "error -28"."""
    first, *others = with_words("error 28")

    assert "event channels of dom0" in first.meaning
    assert others
