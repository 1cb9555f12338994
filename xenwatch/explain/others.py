"""Error messages that belong to no limit and no alert of xenwatch: what they mean, where to look.

A message moves into the file of its limit or alert once there is one. The sources of the messages
stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Other:
    """Messages with one meaning, and what to look at, in Markdown.

    `limit` names the limit that is used up by it or whose headroom is the remedy, if any.
    """

    messages: str
    meaning: str
    look: str
    limit: str = ""


OTHERS: Final = (
    # Linux, drivers/xen/grant-table.c, gnttab_add_deferred and gnttab_handle_deferred.
    Other(
        "`deferring g.e. N`, `g.e. N still pending`, `g.e. N still in use`, `leaking g.e. N`, "
        "`g.e. still in use`",
        "a grant was ended while the other domain still maps it: the kernel frees it later "
        "(deferring) or never (leaking); many of them use up grant frames",
        "the domain that maps it: a backend that did not disconnect, or a vchan program that "
        "hangs; `xl list` for domains that do not go away",
        limit="grant_frames",
    ),
    # sm, libs/sm/core/XE_SR_ERRORCODES.xml: SnapshotChainTooLong.
    Other(
        "`SR_BACKEND_FAILURE_109`, `snapshot chain is too long`",
        "a disk has 30 snapshots one on another, the most there can be: coalescing is behind, or "
        "snapshots are never deleted",
        "`/var/log/SMlog` for the garbage collector (SMGC); `xe sr-scan` starts it; delete "
        "snapshots that are not needed",
    ),
    # blktap, control/tap-ctl-ipc.c; xapi-project/blktap#352: tap-ctl gave up, tapdisk stayed.
    Other(
        "`tap_ctl_send_and_receive: failed to receive NAME message`, "
        "`tap_ctl_read_raw: failure reading data`",
        "tapdisk does not answer on its control socket: it has died, or waits for its storage",
        "`tap-ctl list` (a state other than 0), tapdisk in state D, tapdisk's lines in "
        "`/var/log/daemon.log`",
    ),
    # Linux, kernel/time/clocksource.c and arch/x86/kernel/tsc.c.
    Other(
        "`Marking clocksource NAME as unstable`, `Marking TSC unstable`",
        "the clock of dom0's kernel disagrees with another clock: time in dom0 may jump, and "
        "time-outs with it; also when dom0's vCPUs did not run for long",
        "`cat /sys/devices/system/clocksource/clocksource0/current_clocksource` (xen is the usual "
        "one); CPU time stolen from dom0; `xl dmesg` for Xen's own clock",
    ),
    # Linux, arch/x86/kernel/cpu/mce/core.c; Xen, xen/arch/x86/cpu/mcheck/mce.c.
    Other(
        "`Machine check events logged`, `Machine Check Exception`, `mce: [Hardware Error]`, "
        "`MCE: Error can't be recovered`, `[Hardware Error]`",
        "the hardware reports an error (MCE): memory, a cache or a bus",
        "`xl dmesg` and the log of the server's management controller; which DIMM, how often",
    ),
)
"""The messages in the order of the page."""
