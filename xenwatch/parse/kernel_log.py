"""Boot messages of the kernel log: `/dev/kmsg` records or `dmesg` text."""

from __future__ import annotations

import re

from xenwatch.values import dataclass

_NR_IRQS = re.compile(rb"NR_IRQS: ?(\d{1,10})\b")
_BEGIN = re.compile(rb"Linux version \d")


@dataclass(frozen=True, slots=True)
class KernelLog:
    """Facts from the boot messages.

    `fifo` is true or false when the kernel named its event-channel ABI, else `None`; `complete`
    says that the log still holds the boot's first line. `nr_irqs` is NR_IRQS of the kernel's
    configuration (kernel/irq/irqdesc.c, early_irq_init).
    """

    fifo: bool | None
    nr_irqs: int | None
    complete: bool


def parse_kernel_log(data: bytes) -> KernelLog:
    """The facts of the boot. Any input is a log; missing facts are `None`.

    "Using FIFO-based ABI" is printed by drivers/xen/events/events_fifo.c and, on kernels that say
    it, "Using 2-level ABI" by events_base.c.
    """
    fifo: bool | None = None
    if b"Using FIFO-based ABI" in data:
        fifo = True
    elif b"Using 2-level ABI" in data:
        fifo = False
    match = _NR_IRQS.search(data)
    return KernelLog(fifo, int(match[1]) if match else None, bool(_BEGIN.search(data)))
