"""Whether a newer kernel or Xen is installed than runs, and whether a program asks for a reboot.

An image in /boot tells by its name which version it has, unless an update replaces it under the
same name: XCP-ng's kernel is always vmlinuz-4.19.0+1, Debian's Xen 4.17 always xen-4.17-amd64.gz.
Then its inode has changed since the boot. Its mtime does not tell: dpkg and rpm set it to that of
the build.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xenwatch.display.text import printable
from xenwatch.parse import boot_images
from xenwatch.parse.boot_images import Version
from xenwatch.parse.cpustat import boot_time
from xenwatch.parse.text import changed_at, uname
from xenwatch.probes.base import NotApplicable, Probe, stateless
from xenwatch.probes.xen import list_optional, read_optional, require_dom0, xen_version
from xenwatch.readings.reboot_pending import Image, RebootPending
from xenwatch.readings.snapshot import Snapshot
from xenwatch.sources.base import Source, SourceError

BOOT: Final = "/boot"
XEN_LINK: Final = "xen.gz"
"""The Xen that the boot loader of XenServer and XCP-ng takes (xen.spec of XCP-ng)."""
KERNEL: Final = "kernel"
XEN: Final = "xen"

REQUIRED: Final = "/run/reboot-required"
"""Made by packages of Debian and Ubuntu, which name themselves in the other (Policy, 9.12)."""
PACKAGES: Final = "/run/reboot-required.pkgs"
UPDATES: Final = "/run/reboot-required.hfxs"
"""UUIDs of XenServer's updates (xen-api, scripts/xapi.conf: reboot_required_hfxs)."""
SETTINGS: Final = "/var/run/nonpersistent/xapi/host-requires-reboot"
"""Made when dom0's memory was set (xen-api, ocaml/xapi/xapi_globs.ml: requires_reboot_file)."""
MARKS: Final = {REQUIRED: PACKAGES, UPDATES: UPDATES, SETTINGS: SETTINGS}
"""Files by which a program asks for a reboot, each with the file that says what for."""
NAMED: Final = 10
"""Most packages or updates that are named."""

Replaced = Callable[[Iterable[str]], float | None]
"""When the last of these files in /boot was replaced since the boot; `None`: none was."""


def read(source: Source, context: Snapshot) -> RebootPending:
    """What is pending. Raises `NotApplicable`, `SourceError` and `ParseError`."""
    require_dom0(source, context)
    names = list_optional(source, BOOT)
    if names is None:
        raise NotApplicable(f"no {BOOT}")
    booted = boot_time(source.read("/proc/stat"))

    def replaced(images: Iterable[str]) -> float | None:
        changes = [_changed(source, f"{BOOT}/{name}") for name in images]
        return max((change for change in changes if change > booted), default=None)

    found = {KERNEL: _kernel(source, names, replaced), XEN: _xen(source, names, replaced)}
    return RebootPending(
        {name: image for name, image in found.items() if image is not None}, _marks(source)
    )


def _kernel(source: Source, names: tuple[str, ...], replaced: Replaced) -> Image | None:
    """dom0's kernel; `None` where nothing in /boot is known to be that or an update of it."""
    release = uname(source.uname())[1]
    running = boot_images.kernel(f"vmlinuz-{release}")
    if running is None:
        return None
    version, flavour = running
    links = [name for name in names if boot_images.is_kernel_link(name)]
    targets = [target for link in links if (target := _target(source, link))]
    found = [boot_images.kernel(name) for name in targets or names]
    versions = [each[0] for each in found if each is not None and each[1] == flavour]
    kernels = ((name, boot_images.kernel(name)) for name in names)
    own = [name for name, image in kernels if image == running]
    return _image(release, version.numbers, versions, own, replaced)


def _xen(source: Source, names: tuple[str, ...], replaced: Replaced) -> Image | None:
    """Xen; `None` where nothing in /boot is known to be that or an update of it."""
    running = xen_version(source)
    numbers = boot_images.numbers(running)
    if XEN_LINK in names:
        target = _target(source, XEN_LINK) or XEN_LINK
        version = boot_images.xen(target)
        if version is not None and not version.same(numbers):
            return Image(running, version.text, None)
        return Image(running, running, replaced([target]))
    found = {name: version for name in names if (version := boot_images.xen(name)) is not None}
    own = [name for name, version in found.items() if version.same(numbers)]
    return _image(running, numbers, found.values(), own, replaced)


def _image(
    running: str,
    numbers: tuple[int, ...],
    versions: Iterable[Version],
    own: Iterable[str],
    replaced: Replaced,
) -> Image | None:
    """What runs and what is newer of these versions; `own` are the files of what runs."""
    newer = [version for version in versions if version.newer(numbers)]
    if newer:
        return Image(running, max(newer, key=lambda version: version.numbers).text, None)
    return Image(running, running, replaced(own)) if own else None


def _target(source: Source, name: str) -> str | None:
    """The name of the file in /boot a link leads to; `None` where it is no link."""
    try:
        return source.readlink(f"{BOOT}/{name}").rpartition("/")[2]
    except SourceError as error:
        if error.errno == errno.EINVAL or error.missing:
            return None
        raise


def _changed(source: Source, path: str) -> float:
    """When a file was put in its place (Unix time); 0 where it is gone."""
    try:
        return changed_at(path, source.stat(path))
    except SourceError as error:
        if error.missing:
            return 0.0
        raise


def _marks(source: Source) -> Mapping[str, tuple[str, ...]]:
    found = {}
    for mark, names in MARKS.items():
        if read_optional(source, mark) is not None:
            lines = (read_optional(source, names) or b"").decode("utf-8", "replace").splitlines()
            words = (printable(line.strip()) for line in lines)
            found[mark] = tuple(dict.fromkeys(filter(None, words)))[:NAMED]
    return found


REBOOT_PENDING: Final = Probe(
    name="reboot_pending",
    reads=f"names, links and change times in {BOOT}, uname, /sys/hypervisor/version, btime of "
    f"/proc/stat, {', '.join(MARKS)}",
    advice="run as root; mount procfs, sysfs and /boot",
    read=stateless(read),
    interval=600.0,
)
