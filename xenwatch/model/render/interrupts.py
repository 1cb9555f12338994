"""`/proc/interrupts` (kernel/irq/proc.c, arch/x86/kernel/irq.c, arch/arm64/kernel/smp.c)."""

from __future__ import annotations

from xenwatch.parse.interrupts import InterruptRow, Interrupts


def render_interrupts(table: Interrupts) -> bytes:
    """The file with this table."""
    header = " " * (table.width + 8) + "".join(f"CPU{cpu:<8}" for cpu in table.cpus)
    lines = (_line(row, table.width) for row in table.rows)
    return header.encode("ascii") + b"\n" + b"".join(lines)


def _line(row: InterruptRow, width: int) -> bytes:
    counts = "".join(f" {count:>10}" for count in row.counts)
    if len(row.label) > width:  # arm64's IPI0 takes the blank after it
        counts = counts[1:]
    return f"{row.label:>{width}}:{counts}".encode("ascii") + row.rest + b"\n"
