"""The page of a VM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from xenwatch.display.quantities import figure, quantity
from xenwatch.display.text import counted, printable
from xenwatch.fence import BROKEN, OPEN, Fence, Part
from xenwatch.page import vms
from xenwatch.page.alerts import rows_of
from xenwatch.page.charts import amounts, bar, percent
from xenwatch.page.document import Links, document, encoded, header
from xenwatch.page.history import NOW, OfVm, View, controls, vm_charts
from xenwatch.page.html import Html, join, tag, untrusted
from xenwatch.page.tables import Cell, table
from xenwatch.status.domain_row import DomainRow
from xenwatch.status.host_status import HostStatus
from xenwatch.status.vm import Disk, Share, Transfer, VmStatus
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Past:
    """Which time the page shows, and what the charts are made of."""

    view: View = NOW
    charts: OfVm | None = None


def render(
    status: HostStatus,
    found: VmStatus,
    others: Sequence[DomainRow],
    links: Links,
    *,
    past: Past | None = None,
    fence: Fence = OPEN,
) -> bytes:
    """The page of a VM as UTF-8; `others` are further domains that are called like it.

    `past` is what there is to say of the past. In the place of a section that raises within `fence`
    it says so.
    """
    row, past = found.row, past or Past()
    view, charts = past.view, past.charts
    known = vms.of(status)
    name = row.name or row.uuid or f"domain {row.domid}"
    path = known.address(row).partition("?")[0]
    sections: tuple[tuple[str, str, Callable[[], Html | None]], ...] = (
        ("alerts", "Alerts", lambda: _alerts(status, found)),
        ("limits", "Share of limits", lambda: _limits(found)),
        ("history", "History", lambda: _history(status, path, view, charts)),
        ("devices", "Devices", lambda: _devices(status, found)),
        ("wakeups", "QEMU", lambda: _wakeups(found)),
        ("disks", "Disks", lambda: _disks(found)),
        ("network", "Network", lambda: _network(found)),
    )
    made = [_section(fence, *each) for each in sections]
    facts = [
        f"domain {row.domid}",
        row.type or "type unknown",
        row.state or "state unknown",
        f"{row.vcpus_online} of {row.vcpus_max} vCPUs" if row.vcpus_max else "vCPUs unknown",
        f"{quantity(row.memory_bytes, 'bytes')} of memory",
        f"UUID {row.uuid}",
    ]
    also = join("Also with this name: ", [join(known.link_by_domid(each), " ") for each in others])
    top = header(
        status,
        name,
        tag("p", ", ".join(facts), id="facts", data_live=True),
        tag("p", also) if others else None,
        controls(status, view, path) if links.past else None,
    )
    home = tag("a", status.hostname or "This host", href=view.href("/"))
    up = tag("nav", home, class_="up", aria_label="Where this is")
    title = f"{name} on {status.hostname or 'this host'}"
    return encoded(document(title, join(up, top), made, status, links))


def _section(fence: Fence, name: str, title: str, make: Callable[[], Html | None]) -> Html | None:
    said = tag("p", f"{title} could not be made: {BROKEN}.", class_="unknown")
    body = fence(Part.DISPLAY, f"vm {name}", make, said)
    if body is None:
        return None
    return tag(
        "section",
        tag("h2", title, id=f"{name}-heading"),
        body,
        id=name,
        aria_labelledby=f"{name}-heading",
        data_live=True,
    )


def _history(status: HostStatus, path: str, view: View, charts: OfVm | None) -> Html | None:
    return vm_charts(charts, status, view.span, path) if charts and view.span else None


def _alerts(status: HostStatus, found: VmStatus) -> Html:
    if not found.alerts:
        if status.alerts is None:
            return tag("p", "Alerts are not evaluated.", class_="unknown")
        return tag("p", "No alert about this VM.", class_="well")
    return rows_of(found.alerts, status)


def _limits(found: VmStatus) -> Html:
    own = [
        tag(
            "div",
            tag(
                "p",
                tag("span", f"{row.title}: ", amounts(row)),
                tag("span", percent(row.ratio), class_="ratio"),
                class_="amounts",
            ),
            bar(row, row.title),
            class_="instance",
        )
        for row in found.own
    ]
    rows = [_share(each) for each in found.shares]
    return join(
        tag("div", own, class_="card") if own else None,
        table("Limits that all VMs share", ("Limit", "Used by this VM", "Of the max"), rows),
    )


def _share(share: Share) -> list[Cell]:
    used = unknown() if share.used is None else figure(share.used, share.unit)
    return [
        Cell(share.title, heading=True),
        Cell(used, number=True),
        Cell(percent(share.ratio) or unknown(), number=True),
    ]


def _devices(status: HostStatus, found: VmStatus) -> Html:
    if not found.devices:
        known = found.row.disks is not None or found.row.vifs is not None
        text = "No devices." if known else "Its devices could not be read."
        return tag("p", text, class_=None if known else "unknown")
    known_vms = vms.of(status)
    rows = [
        [
            Cell(each.name, heading=True),
            Cell(tag("span", each.state, class_="state critical" if each.fault else None)),
            Cell(known_vms.domain(str(each.backend_domid))),
            Cell(
                tag("span", untrusted(each.fault), class_="trouble") if each.fault else "none",
                free=True,
            ),
        ]
        for each in found.devices
    ]
    header_ = ("Device", "State", "Served by", "Fault")
    return table(counted(len(rows), "device"), header_, rows)


def _wakeups(found: VmStatus) -> Html:
    qemu = found.wakeups
    if qemu is None:
        return tag("p", "No QEMU of this VM was read.")
    facts = [
        ("Wakeups", f"{rate(qemu.rate)}, {qemu.total:,} since it was started"),
        ("By timers", rate(qemu.timer)),
        ("By descriptors", rate(qemu.io)),
        ("CPU", "unknown" if qemu.cpu is None else f"{qemu.cpu:.1%} of one"),
        ("Emulates", ", ".join(qemu.devices) or "no device that can be removed"),
    ]
    steps = [
        [
            Cell(each.device, heading=True),
            Cell(tag("code", each.command), free=True),
            Cell(each.cost, free=True),
        ]
        for each in found.steps
    ]
    advice = "Settings that reduce its wakeups, from its next start"
    return join(
        definitions(facts),
        tag("p", f"{found.kept}.") if found.kept else None,
        table(advice, ("Device", "Command", "What the VM loses"), steps) if steps else None,
    )


def _disks(found: VmStatus) -> Html:
    if not found.disks:
        return tag("p", "No disks were read.")
    rows = [_disk(each) for each in found.disks]
    header_ = (
        "Disk",
        "Backend",
        "Storage",
        "Reads",
        "Read latency",
        "Writes",
        "Write latency",
        "In flight",
    )
    return table(counted(len(rows), "disk"), header_, rows)


def _disk(disk: Disk) -> list[Cell]:
    stalled = disk.stalled_seconds
    waits = f", none answered for {stalled:.0f} s" if stalled else ""
    flight = unknown() if disk.in_flight is None else f"{disk.in_flight}{waits}"
    return [
        Cell(str(disk.devid), heading=True),
        Cell(disk.backend),
        Cell(unknown() if disk.storage is None else untrusted(disk.storage), free=True),
        Cell(_transfer(disk.read), number=True),
        Cell(_latency(disk.read), number=True),
        Cell(_transfer(disk.write), number=True),
        Cell(_latency(disk.write), number=True),
        Cell(flight, number=True),
    ]


def _transfer(found: Transfer) -> str:
    if found.requests is None or found.bytes is None:
        return unknown()
    return f"{found.requests:.1f}/s, {quantity(int(found.bytes), 'bytes')}/s"


def _latency(found: Transfer) -> str:
    if found.requests == 0:
        return "none"
    return unknown() if found.seconds is None else f"{found.seconds * 1000:.1f} ms"


def _network(found: VmStatus) -> Html:
    if not found.interfaces:
        return tag("p", "No network interfaces were read.")
    rows = [
        [
            Cell(each.name, heading=True),
            Cell("up" if each.up else tag("span", "down", class_="trouble")),
            Cell(_attached(each.attached)),
            Cell(_count(each.queues), number=True),
            Cell(_count(each.stopped_queues), number=True),
            Cell(_count(each.from_guest_dropped), number=True),
            Cell(_count(each.to_guest_dropped), number=True),
        ]
        for each in found.interfaces
    ]
    header_ = (
        *("Interface", "State", "In a bridge", "Queues", "Stopped queues"),
        *("Dropped from the VM", "Dropped to the VM"),
    )
    return table(counted(len(rows), "interface"), header_, rows)


def _attached(attached: bool | None) -> str:
    return unknown() if attached is None else "yes" if attached else "no"


def _count(number: int | None) -> str:
    return unknown() if number is None else f"{number:,}"


def rate(per_second: float | None) -> str:
    """How often something happens, or that it is unknown."""
    return "rate not known yet" if per_second is None else f"{per_second:.1f}/s"


def definitions(facts: Iterable[tuple[str, str]]) -> Html:
    """Facts by name."""
    return tag("dl", [join(tag("dt", name), tag("dd", text)) for name, text in facts])


def unknown() -> Html:
    """Shown instead of an unknown value."""
    return tag("span", "unknown", class_="unknown")


def missing(name: str, status: HostStatus, links: Links) -> bytes:
    """The page for a VM that does not exist."""
    if status.domains is None:
        return said("No such VM", "The domains could not be read.", status, links)
    text = f"No VM here has the name, UUID or domain id {printable(name[:200])}."
    return said("No such VM", text, status, links)


def said(
    title: str, text: str, status: HostStatus, links: Links, controls: Html | None = None
) -> bytes:
    """A page with a message about what was asked for, with `controls` to ask again or a link."""
    back = controls or tag("p", tag("a", "All domains", href="/#domains"))
    body = [tag("p", untrusted(text)), back]
    return encoded(document(title, header(status, title), body, status, links))
