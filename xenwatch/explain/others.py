"""Error messages that belong to no limit and no alert of xenwatch: what they mean, where to look.

A message moves into the file of its limit or alert once there is one. The sources of the messages
stand beside them.
"""

from __future__ import annotations

from typing import Final

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Other:
    """Messages with one meaning, and what to look at, in Markdown."""

    messages: str
    meaning: str
    look: str


OTHERS: Final = (
    # Xen, tools/libs/light: libxl_exec.c (libxl_report_child_exitstatus), libxl_aoutils.c
    # (async_exec_timeout), libxl_device.c (device_hotplug_child_death_cb).
    Other(
        "`/etc/xen/scripts/NAME NAME [N] exited with error status N`, "
        "`libxl_report_child_exitstatus: ... exited with error status N`, "
        "`killing execution of /etc/xen/scripts/NAME NAME because of timeout`, "
        "`device_hotplug_child_death_cb: script: ...`",
        "a program that xl has started failed or hung: a hotplug script (`block` of a disk, "
        "`vif-bridge` of a network interface), a bootloader or QEMU; a line with `script:` has "
        "the script's own reason",
        "`/var/log/xen/xen-hotplug.log` for the output of the scripts, "
        "`/var/log/xen/qemu-dm-VM.log` for that of QEMU; `xl -vvv create FILE` prints every step",
    ),
    # sm, libs/sm/core/XE_SR_ERRORCODES.xml: SnapshotChainTooLong.
    Other(
        "`SR_BACKEND_FAILURE_109`, `snapshot chain is too long`",
        "a disk has 30 snapshots one on another, the most there can be: coalescing is behind, or "
        "snapshots are never deleted",
        "`/var/log/SMlog` for the garbage collector (SMGC); `xe sr-scan` starts it; delete "
        "snapshots that are not needed",
    ),
    # xen-api, ocaml/xapi-consts/api_messages.ml: those of certificates a pool trusts.
    Other(
        "`POOL_CA_CERTIFICATE_EXPIRED`, `POOL_CA_CERTIFICATE_EXPIRING_30`, "
        "`POOL_CA_CERTIFICATE_EXPIRING_14`, `POOL_CA_CERTIFICATE_EXPIRING_07`",
        "a certificate that an operator gave the pool to trust, such as that of an authority, ends",
        "`xe certificate-list type=ca`; `xe pool-install-ca-certificate` for its successor",
    ),
    # xen-api, ocaml/xapi-consts/api_messages.ml.
    Other(
        "`TLS_VERIFICATION_EMERGENCY_DISABLED`",
        "a host of the pool accepts any certificate of the others, since somebody ran "
        "`xe host-emergency-disable-tls-verification` there",
        "the certificates of the pool (`xe certificate-list`), then "
        "`xe host-emergency-reenable-tls-verification` on that host",
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
