"""What expires on the synthetic host, and what waits for its reboot: certificates and /boot."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from xenwatch.model.platform import XAPI, Platform
from xenwatch.model.render.certificate import render_certificate, render_pem
from xenwatch.model.tree import FileTree
from xenwatch.values import dataclass

BOOT: Final = "/boot"
KERNEL: Final = "kernel"
XEN: Final = "xen"
COMPONENTS: Final = (KERNEL, XEN)
DAY: Final = 86_400.0
_VALID_DAYS: Final = 3650
"""Of xapi's own certificates (ocaml/gencert/gencert.ml)."""
_IMAGE: Final = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Install:
    """A step of a scenario: a version of the kernel or of Xen is installed beside what runs.

    Without a `version` the file of what runs is replaced, which keeps its name.
    """

    component: str
    version: str = ""
    at: float = 0.0
    every: float = 1.0
    count: int | None = 1


@dataclass(slots=True)
class BootDirectory:
    """/boot: when each file was put there (Unix time), and the targets of links by name."""

    files: dict[str, float] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, platform: Platform, installed: float) -> BootDirectory:
        """As the installation left it at that time (Unix time)."""
        release, xen = platform.release, _xen_name(platform)
        if platform.toolstack == XAPI:
            names = ("System.map-{}", "config-{}", "initrd-{}.img", "vmlinuz-{}")
            files = [*(name.format(release) for name in names), xen, "initrd-fallback.img"]
            files += [xen.replace(".gz", suffix) for suffix in (".config", ".map", "-d.gz")]
            files += ["vmlinuz-fallback", "xen-fallback.gz"]
        else:
            names = ("System.map-{}", "config-{}", "initrd.img-{}", "vmlinuz-{}")
            files = [*(name.format(release) for name in names), xen]
            files += [xen.replace(".gz", suffix) for suffix in (".config", ".efi")]
        found = cls(dict.fromkeys(files, installed))
        if platform.toolstack == XAPI:
            major, minor = platform.kernel
            short = f"{major}.{minor}-xen"
            found.links = {
                f"vmlinuz-{short}": f"vmlinuz-{release}",
                f"initrd-{short}.img": f"initrd-{release}.img",
                "xen.gz": xen,
            }
        return found

    def install(self, platform: Platform, step: Install, now: float) -> None:
        """Install what a step says."""
        if step.component == KERNEL:
            name = f"vmlinuz-{step.version or platform.release}"
        else:
            name = _xen_name(platform, step.version)
        self.files[name] = now
        if step.component == XEN and "xen.gz" in self.links:
            self.links["xen.gz"] = name
        for link in self.links:
            if step.component == KERNEL and link.startswith("vmlinuz-"):
                self.links[link] = name

    def changed(self, path: str) -> tuple[int, float] | None:
        """Inode and change time of a file of /boot; `None`: there is none."""
        name = path.removeprefix(f"{BOOT}/")
        name = self.links.get(name, name)
        at = self.files.get(name)
        return None if at is None else (1 + list(self.files).index(name), at)

    def build(self, tree: FileTree) -> None:
        """Add the files."""
        for name in self.files:
            tree.file(f"{BOOT}/{name}", _IMAGE)
        for name, target in self.links.items():
            tree.link(f"{BOOT}/{name}", target)


def build_certificates(tree: FileTree, platform: Platform) -> None:
    """Add the files of certificates, each for the name of its file."""
    for path, not_after in platform.certificates.items():
        name = path.rpartition("/")[2]
        certificate = render_certificate(name, not_after - _VALID_DAYS * DAY, not_after)
        tree.file(path, render_pem(name, certificate))


def _xen_name(platform: Platform, version: str = "") -> str:
    """The file of a version of Xen, by default of that which runs."""
    major, minor = platform.xen
    if platform.toolstack == XAPI:
        return f"xen-{version or f'{major}.{minor}{platform.xen_extra}'}.gz"
    return f"xen-{version or f'{major}.{minor}'}-amd64.gz"
