"""Helpers of VMs: programs of which dom0 runs one for each VM, and the VM a process serves.

The program is known by its name (`/proc/PID/comm`), the VM by the arguments:

- varstored (variables of UEFI firmware), swtpm (the TPM), vncterm (a PV VM's console), vgpu (an
  NVIDIA vGPU): xen-api, ocaml/xenopsd/xc/service.ml and ocaml/xenopsd/scripts/swtpm-wrapper;
- logger (what QEMU prints), clipboardd: xen-api, ocaml/xenopsd/scripts/qemu-wrapper;
- tapback (the states of disks in xenstore): blktap, tapback/backend.c;
- vchan-socket-proxy (commands for the QEMU of a stubdomain): Xen, tools/libs/light/libxl_dm.c;
- xl (`xl create` waits for the end of its domain): Xen, tools/xl/xl_vmcontrol.c.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

XL: Final = "xl"
"""The helper whose arguments do not name its domain; see `xl_domain`."""
_CLIPBOARD: Final = "clipboardd", re.compile(rb"\0-d\0(\d{1,5})\0")
_PROGRAMS: Final[Mapping[bytes, tuple[str, re.Pattern[bytes]]]] = {
    b"varstored": ("varstored", re.compile(rb"\0--domain\0(\d{1,5})\0")),
    b"swtpm": ("swtpm", re.compile(rb"\Aswtpm-(\d{1,5})\0")),
    b"tapback": ("tapback", re.compile(rb"\0-x\0(\d{1,5})\0")),
    b"vncterm": ("vncterm", re.compile(rb"\0-x\0/local/domain/(\d{1,5})/console\0")),
    b"vgpu": ("vgpu", re.compile(rb"\0--domain=(\d{1,5})\0")),
    b"logger": ("logger", re.compile(rb"\0-t\0qemu-dm-(\d{1,5})\[")),
    b"xs-clipboardd": _CLIPBOARD,
    b"xcp-clipboardd": _CLIPBOARD,
    # The kernel cuts names after 15 bytes. Its domain is the stubdomain.
    b"vchan-socket-pr": ("vchan-socket-proxy", re.compile(rb"\0(\d{1,5})\0/local/domain/")),
}
PROGRAMS: Final = tuple(dict.fromkeys((*(name for name, _ in _PROGRAMS.values()), XL)))
"""The helpers, as metrics call them."""
NAMES: Final = frozenset({*_PROGRAMS, b"xl"})
"""Their `/proc/PID/comm`."""
INCOMING: Final = b"--incoming"
"""What a domain's name ends with while it is migrated to this host."""
_XL_LOG = re.compile(r"/xl-(.+?)\.log(?:\.\d{1,2})?(?: \(deleted\))?\Z", re.DOTALL)


def helper_of(comm: bytes, cmdline: bytes) -> tuple[str, int] | None:
    """The helper and its domain, from `/proc/PID/comm` and `/proc/PID/cmdline`; else `None`."""
    program = _PROGRAMS.get(comm)
    match = program[1].search(cmdline) if program is not None else None
    if program is None or match is None or not int(match[1]):
        return None
    return program[0], int(match[1])


def xl_domain(target: str) -> bytes | None:
    """The name of the domain that an `xl create` waits for, from what its output goes to.

    That is `xl-NAME.log`; any other xl waits for none. NAME is the name when xl began to wait: of a
    domain that was migrated to this host it ends with `INCOMING`. xl restarts a domain under the
    same name, and another domid.

    Source: Xen, tools/xl/xl_vmcontrol.c and xl_utils.c (do_daemonize); libxl_create_logfile in
    tools/libs/light/libxl_utils.c renames older logs to `.log.1` and so on.
    """
    match = _XL_LOG.search(target)
    return os.fsencode(match[1]) if match else None
