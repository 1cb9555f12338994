"""Helpers of guests in the synthetic host: processes of dom0 that serve one guest each.

Names and arguments are those of the sources in `xenwatch.parse.helpers`. The private memory of xl
is that of a captured host, of swtpm that of version 0.7 when idle; the others are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xenwatch.model.lease import Lease
from xenwatch.model.refusal import IOEMU_FAILED, worded
from xenwatch.model.resources import Process
from xenwatch.values import dataclass

_XL_KIB: Final = 560
_XL_KERNEL_KIB: Final = 1040
"""What else dom0 takes for an xl, in the kernel."""
_RAN_NS: Final = 20_000_000
_WAITED_NS: Final = 1_000_000
"""What a helper has run and waited for a CPU since it was started; then it sleeps."""
_FORKEXECD: Final = "/control.slice/forkexecd.service"


@dataclass(frozen=True, slots=True)
class Toolstack:
    """The `xl create` process that stays with each guest, to wait for its end."""

    def start(self, lease: Lease) -> None:
        """A process of two threads with two connections to xenstored, and a log."""
        argv = (f"{lease.dom0.platform.tools}/xl", "create")
        process = lease.process("xl", argv, threads=2, anon_kib=_XL_KIB)
        lease.memory(0, slab_kib=_XL_KERNEL_KIB)
        process.cpu_ns, process.wait_ns = _RAN_NS, _WAITED_NS
        name = lease.guest.name.decode("utf-8", "surrogateescape")
        for target in ("/dev/null", *(f"/var/log/xen/xl-{name}.log",) * 2):
            process.open(target)
        lease.xenstore_client(process)
        lease.xenstore_client(process)


@dataclass(frozen=True, slots=True)
class Varstored:
    """The process that keeps the variables of UEFI firmware under xapi, a unit of its own."""

    def start(self, lease: Lease) -> None:
        """Event channels of an ioreq server of its own: one a vCPU and one more."""
        with worded(IOEMU_FAILED):
            process = HELPERS["varstored"].process(lease)
            for _ in range(lease.guest.vcpus + 1):
                lease.channel(f"evtchn:{process.comm}", owned=True)


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper, of which nothing but memory is modelled: program, arguments, control group.

    In arguments and group `{domid}` is the guest's.
    """

    comm: str
    argv: tuple[str, ...]
    kib: int
    group: str

    def start(self, lease: Lease) -> None:
        """A process of one thread."""
        self.process(lease)

    def process(self, lease: Lease) -> Process:
        """The process, once it was started."""
        domid = lease.guest.domid
        argv = tuple(word.format(domid=domid) for word in self.argv)
        process = lease.process(self.comm, argv, anon_kib=self.kib)
        process.group = self.group.format(domid=domid)
        process.cpu_ns, process.wait_ns = _RAN_NS, _WAITED_NS
        return process


HELPERS: Final[Mapping[str, Helper]] = {
    "tapback": Helper(
        "tapback", ("tapback", "-d", "-x", "{domid}"), 240, "/system.slice/tapback.service"
    ),
    "vncterm": Helper(
        "vncterm",
        (
            *("/usr/lib/xen/bin/vncterm", "-x", "/local/domain/{domid}/console"),
            *("-T", "-v", "127.0.0.1:1"),
        ),
        900,
        _FORKEXECD,
    ),
    "varstored": Helper(
        "varstored",
        (
            *("/usr/sbin/varstored", "--domain", "{domid}", "--chroot"),
            *("/var/run/xen/varstored-root-{domid}", "--depriv", "--uid", "65537", "--gid", "998"),
            *("--backend", "xapidb", "--arg", "socket:/xapi-depriv-socket"),
            *("--pidfile", "/var/run/xen/varstored-{domid}.pid"),
        ),
        2400,
        "/system.slice/varstored-{domid}.service",
    ),
    "swtpm": Helper(
        "swtpm",
        (
            *("swtpm-{domid}", "socket", "--tpm2", "--tpmstate"),
            *("backend-uri=unix+http://xapi-depriv-socket", "--ctrl", "type=unixio,fd=3"),
            *("--log", "level=1", "--pid", "file=/swtpm-{domid}.pid", "-t"),
        ),
        1040,
        "/system.slice/swtpm-{domid}.service",
    ),
}
"""By program, as `Drivers.helpers` names them."""
