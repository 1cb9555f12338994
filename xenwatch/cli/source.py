"""From the value of the option (`host`, `synthetic:NAME`, `reader:PATH`) to a source."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from xenwatch.display.text import meant, printable
from xenwatch.readings.origin import RECORD
from xenwatch.sources.base import Choice, Source, SourceError
from xenwatch.sources.frames import SOCKET

CAPABILITIES: Final = "proc/xen/capabilities"
"""Says `control_d` in the control domain (xenfs)."""
ROOTED: Final = ("host", "auto")
"""The kinds of source that read the files below `rootfs`."""


def choose(spec: str, rootfs: str = "/", environment: Mapping[str, str] = os.environ) -> Choice:
    """What `spec` means here: `auto` is the host on a Xen dom0 and synthetic elsewhere.

    Raises `SourceError` for a synthetic host in a service: who installs that has a host to watch.
    """
    if spec != "auto":
        return Choice(spec, "as configured")
    path = Path(rootfs) / CAPABILITIES
    try:
        with path.open("rb") as file:
            capabilities = file.read(4096)
    except OSError as error:
        reason = f"not a Xen dom0: {path}: {error.strerror}"
    else:
        if b"control_d" in capabilities:
            return Choice("host", f"a Xen dom0: {path} contains control_d")
        reason = f"not a Xen dom0: {path} does not contain control_d"
    if _is_service(environment):
        raise SourceError(
            "auto",
            f"{reason}; a service does not fall back to a synthetic host. In dom0 mount xenfs: "
            'mount -t xenfs xenfs /proc/xen, or set source.kind = "host"; to serve a synthetic '
            'host: source.kind = "synthetic"',
        )
    return Choice("synthetic", reason)


def rootfs_problem(spec: str, rootfs: str, names: tuple[str, str], *, given: bool) -> str:
    """What is wrong with the root directory of a source; empty if nothing is.

    `names` are how directory and source were set. A directory that was not `given` is no problem
    of a source that has none.
    """
    directory, source = names
    if spec.partition(":")[0] in ROOTED:
        found = Path(rootfs).is_dir()
        return "" if found else f"{directory}: {rootfs} is not a directory; the default is /"
    problem = (
        f"{directory} and {source} {printable(spec)} are mutually exclusive; the first is for "
        f"{' and '.join(ROOTED)}"
    )
    return problem if given else ""


def _is_service(environment: Mapping[str, str]) -> bool:
    """Whether systemd has started this process (systemd.exec(5), sd_notify(3)).

    The shells of a desktop inherit `INVOCATION_ID` from the session's units; they have a terminal.
    """
    if "NOTIFY_SOCKET" in environment:
        return True
    terminal = sys.stdin is not None and sys.stdin.isatty()
    return "INVOCATION_ID" in environment and not terminal


def open_source(spec: str, rootfs: str = "/") -> Source:
    """The source `spec` names; `rootfs` is where the live host's files are found.

    Raises `SourceError` when there is no such source.
    """
    kind, _, rest = choose(spec, rootfs).spec.partition(":")
    path = os.path.expanduser(rest)  # a shell expands no ~ after a colon
    # Each kind is imported when it is wanted: the host's modules reach for the kernel, the
    # model's are large.
    if kind == "host":
        from xenwatch.sources.host import HostSource  # noqa: PLC0415

        return HostSource(rootfs)
    if kind == "tree":
        from xenwatch.sources.tree import TreeSource  # noqa: PLC0415

        return TreeSource(path)
    if kind == "synthetic":
        return synthetic(rest)
    if kind == "reader":
        from xenwatch.sources.remote import RemoteSource  # noqa: PLC0415

        return RemoteSource(path or SOCKET)
    if is_record(spec):
        reason = (
            "a record can only be looked at, with once, plan, doctor, advise, check, top, explain, "
            "replay or report; support has --record for it"
        )
        raise SourceError(spec, reason)
    raise SourceError(spec, "must be one of: host, synthetic[:NAME], tree:DIR, reader[:PATH], auto")


def is_record(spec: str) -> bool:
    """Whether a spec names a moment of a record, which is no source that can be asked."""
    return re.split("[:@]", spec)[0] == RECORD


def stands_still(spec: str, rootfs: str = "/") -> bool:
    """Whether the source `spec` names never changes: two passes read the same."""
    kind, _, rest = choose(spec, rootfs).spec.partition(":")
    if kind != "synthetic":
        return kind == "tree"
    from xenwatch.model.scenario_source import names  # noqa: PLC0415

    return rest.partition("@")[0] not in names()


def synthetic(name: str, *, empty: bool = False) -> Source:
    """The synthetic host of a preset (no name: the default one), or the same without a VM.

    Otherwise a scenario; with `@SECONDS` it begins that many seconds after its start.
    Raises `SourceError` when there is neither.
    """
    from xenwatch.model.presets import PRESETS  # noqa: PLC0415
    from xenwatch.model.scenario_source import ScenarioSource, load, names  # noqa: PLC0415
    from xenwatch.model.source import preset  # noqa: PLC0415

    name = name or next(iter(PRESETS))
    if name in PRESETS:
        return preset(name, empty=empty)
    scenario, at, seconds = name.partition("@")
    if scenario not in names():
        near = meant(scenario, (*PRESETS, *names()))
        raise SourceError(f"synthetic:{name}", f"no such preset or scenario{near}")
    if empty:
        raise SourceError(
            f"synthetic:{name}", "a scenario always has VMs; for a host without VMs use a preset"
        )
    if at and not (seconds.isascii() and seconds.isdigit() and len(seconds) < 8):
        raise SourceError(f"synthetic:{name}", "the part after @ must be 0 to 9999999 (seconds)")
    return ScenarioSource(load(scenario), float(seconds or 0))
