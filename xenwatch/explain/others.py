"""Error messages that belong to no limit and no alert of xenwatch: what they mean, where to look.

A message moves into the file of its limit or alert once there is one. The sources of the messages
stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Other:
    """Messages with one meaning, and what to look at, in Markdown."""

    messages: str
    meaning: str
    look: str


OTHERS: Final = (
    # Xen, tools/xenstored/watch.c: E2BIG until 4.21, ENOSPC since; core.c: a reply of more than
    # 4,096 bytes. Linux, drivers/xen/xenbus/xenbus_xs.c, names an error it does not know.
    Other(
        "`xen store gave: unknown error E2BIG` in a guest or in dom0",
        "that domain's quota of xenstore watches (C xenstored until Xen 4.21), or a value or a "
        "reply that is too long; not memory, and not an event channel",
        "`xenstore-control quota DOMID` and `xenstore-control quota`; with 128 watches a guest "
        "leaks them or runs many vchan connections at a time",
    ),
    # Xen, tools/ocaml/xenstored/process.ml: Limit_reached, Transaction_opened.
    Other(
        "`xen store gave: unknown error EQUOTA`, `cannot create entry: quota reached`",
        "that domain's quota in oxenstored: nodes, watches or transactions",
        "`/etc/xen/oxenstored.conf`; `xenstore-ls /local/domain/DOMID` for nodes that are leaked",
    ),
    # Xen, tools/libs/vchan/init.c: xs_watch failed.
    Other(
        "`Cannot setup watch on NAME`, `libvchan_client_init_async_finish: Argument list too long`",
        "the quota of xenstore watches of the domain that connects a vchan (E2BIG), often in Qubes",
        "`xenstore-control quota DOMID` against `xenstore-control quota`: a count of watches that "
        "never falls is a leak of the program that prints this",
    ),
    # LVM2, lib/metadata/thin_manip.c; the threshold is that of the profile's autoextension.
    Other(
        "`free space in thin pool`",
        "an LVM thin pool whose data or metadata are fuller than its threshold: no new volume, no "
        "snapshot; at 100 % writes of VMs fail",
        "`lvs -a -o name,size,data_percent,metadata_percent`; metadata can be full while data is "
        "not",
    ),
    # sm, libs/sm/core/XE_SR_ERRORCODES.xml: SRNoSpace.
    Other(
        "`SR_BACKEND_FAILURE_44`, `There is insufficient space`",
        "free space of a storage repository",
        "`xe sr-list params=name-label,physical-size,physical-utilisation`, and snapshots that "
        "wait to be coalesced in `/var/log/SMlog`",
    ),
    # The same file: SnapshotChainTooLong.
    Other(
        "`SR_BACKEND_FAILURE_109`, `snapshot chain is too long`",
        "a disk has 30 snapshots one on another, the most there can be: coalescing is behind, or "
        "snapshots are never deleted",
        "`/var/log/SMlog` for the garbage collector (SMGC); `xe sr-scan` starts it; delete "
        "snapshots that are not needed",
    ),
    # The same file: VDIUnavailable, SRUnavailable, and NFSMount.
    Other(
        "`SR_BACKEND_FAILURE_46`, `SR_BACKEND_FAILURE_47`, `SR_BACKEND_FAILURE_73`",
        "a disk (46) or a storage repository (47) is not available, or NFS could not be mounted "
        "(73): no limit, the storage or the way to it",
        "`/var/log/SMlog` at that time; `xe pbd-list currently-attached=false`",
    ),
    # blktap, control/tap-ctl-ipc.c; xapi-project/blktap#352: tap-ctl gave up, tapdisk stayed.
    Other(
        "`tap_ctl_send_and_receive: failed to receive NAME message`, "
        "`tap_ctl_read_raw: failure reading data`",
        "tapdisk does not answer on its control socket: it has died, or waits for its storage",
        "`tap-ctl list` (a state other than 0), tapdisk in state D, tapdisk's lines in "
        "`/var/log/daemon.log`",
    ),
)
"""The messages in the order of the page."""
