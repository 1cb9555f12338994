"""Readings: what is installed and does not run before the host is rebooted."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """The kernel or Xen: the version that runs, and the newest that is installed.

    `installed` is that which runs where none is newer. `replaced` is when the file of what runs was
    replaced by another since the boot (Unix time), `None` where it was not.
    """

    running: str
    installed: str
    replaced: float | None

    @property
    def pending(self) -> bool:
        """Whether a reboot would run something else."""
        return self.installed != self.running or self.replaced is not None


@dataclass(frozen=True, slots=True)
class RebootPending:
    """Images by name, those that are known; and what programs ask for.

    `marks` are the files by which a program asks for a reboot, those that there are, each with what
    is named in it: packages or updates.
    """

    images: Mapping[str, Image]
    marks: Mapping[str, tuple[str, ...]]
