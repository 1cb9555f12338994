"""The known releases and their facts: one row per release, and every fact written once.

Sources: the kernel, Xen, blktap and sm packages of the releases; for XenServer 6, xenserver.org,
"How did we increase VM density in XenServer 6.2?", part 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from xenwatch.values import dataclass

XAPI: Final = "xapi"
XL: Final = "xl"
"""xl's libxl also works for libvirt."""

XENSERVER: Final = "XenServer"
CITRIX: Final = "Citrix Hypervisor"
XCP_NG: Final = "XCP-ng"
DEBIAN: Final = "Debian"


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that depend on the release; `None` where they do not, or are unknown.

    `regime` is a key of `REGIMES`, `kernel` the version of the dom0 kernel it ships and `nr_irqs`
    NR_IRQS of that kernel. `minors` is MAX_BLKTAP_DEVICE of its blktap driver, `fifo` that its
    kernel has the FIFO ABI although its version of Linux does not. `channels` are the event
    channels of its dom0 where Xen's own number is changed. `xapi_selects` and
    `xenconsoled_selects` are whether these daemons wait with select(2). `centos_5` marks a dom0
    made from CentOS 5, which has neither systemd nor /etc/sysctl.d; `unit` is the one systemd unit
    of all of Xen's daemons. `qemus_in_root` is whether its toolstack puts QEMUs into the root group
    of the CPU controller (xen-api, ocaml/xenopsd/scripts/qemu-wrapper: cgroup_slice). `xen_option`
    is how to set an option of Xen's command line.
    """

    toolstack: str | None = None
    regime: str | None = None
    kernel: tuple[int, int] | None = None
    nr_irqs: int | None = None
    minors: int | None = None
    fifo: bool | None = None
    channels: int | None = None
    xapi_selects: bool | None = None
    xenconsoled_selects: bool | None = None
    centos_5: bool = False
    unit: str | None = None
    qemus_in_root: bool = False
    xen_option: str = "add {option} to Xen's command line, then reboot the host"


@dataclass(frozen=True, slots=True)
class Row:
    """A release: its product, its version ("8" is also 8.4.0), and its facts."""

    product: str
    version: str
    facts: Facts


UNKNOWN: Final = Facts()
_XAPI: Final = Facts(
    toolstack=XAPI,
    xen_option="/opt/xensource/libexec/xen-cmdline --set-xen {option}  # then reboot the host",
)
DISTRIBUTION: Final = Facts(
    toolstack=XL,
    regime="xl",
    xen_option="add {option} to GRUB_CMDLINE_XEN_DEFAULT in /etc/default/grub, regenerate "
    "the configuration of GRUB (update-grub or grub2-mkconfig), then reboot the host",
)
"""A distribution without a row in the table."""
_DEBIAN: Final = replace(
    DISTRIBUTION,
    unit="xen",
    xen_option="add {option} to GRUB_CMDLINE_XEN_DEFAULT in /etc/default/grub, run update-grub, "
    "then reboot the host",
)
PRODUCTS: Final = {XENSERVER: _XAPI, CITRIX: _XAPI, XCP_NG: _XAPI, DEBIAN: _DEBIAN}
"""Facts of every release of a product, also without a row in the table."""

_XENSERVER_6: Final = replace(
    _XAPI, kernel=(2, 6), minors=1024, xapi_selects=True, centos_5=True, regime="xenserver-6.1"
)
_XENSERVER_6_2: Final = replace(
    _XENSERVER_6, minors=2048, channels=4096, xenconsoled_selects=False, regime="xenserver-6.2"
)
_XENSERVER_6_5: Final = replace(
    _XENSERVER_6, kernel=(3, 10), minors=16384, fifo=True, regime=None
)  # its costs are not published
_XENSERVER_7_0: Final = replace(
    _XENSERVER_6_5, centos_5=False, qemus_in_root=True, regime="xenserver-7.0"
)
_XENSERVER_7: Final = replace(_XENSERVER_7_0, kernel=(4, 4), fifo=None, regime="xenserver-7")
_XAPI_8_2: Final = replace(
    # 256 + 64 * 64, of a kernel for 64 CPUs (arch/x86/include/asm/irq_vectors.h)
    _XENSERVER_7,
    kernel=(4, 19),
    nr_irqs=4352,
    regime="xapi-8.2",
)
_XAPI_8_3: Final = replace(
    # Updates replace a xapi that waits with select by one with epoll (xen-api pull 6005).
    _XAPI_8_2,
    xapi_selects=None,
    qemus_in_root=False,
    regime="xapi-8.3",
)
_XENSERVER_8: Final = replace(_XAPI_8_3, qemus_in_root=True)


def _rows(facts: Facts, product: str, *versions: str) -> Iterator[Row]:
    return (Row(product, version, facts) for version in versions)


ROWS: Final = (
    *_rows(_XENSERVER_6, XENSERVER, "6.1"),
    *_rows(_XENSERVER_6_2, XENSERVER, "6.2"),
    *_rows(_XENSERVER_6_5, XENSERVER, "6.5"),
    *_rows(_XENSERVER_7_0, XENSERVER, "7.0"),
    *_rows(_XENSERVER_7, XENSERVER, "7.1", "7.2", "7.3", "7.4", "7.5", "7.6"),
    *_rows(_XENSERVER_7, XCP_NG, "7.4", "7.5", "7.6"),
    *_rows(_XAPI_8_2, CITRIX, "8.0", "8.1", "8.2"),
    *_rows(_XAPI_8_2, XCP_NG, "8.0", "8.1", "8.2"),
    *_rows(_XAPI_8_3, XCP_NG, "8.3"),
    *_rows(_XENSERVER_8, XENSERVER, "8"),
    *_rows(_DEBIAN, DEBIAN, "12", "13"),
)
"""The known releases."""
