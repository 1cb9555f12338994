"""Names of the images in /boot: which version of the kernel or of Xen a file holds."""

from __future__ import annotations

import re

from xenwatch.values import dataclass

# Debian's 6.1.0-56-amd64 and 6.12.57+deb13-amd64, XCP-ng's 4.19.0+1, Ubuntu's 6.8.0-45-generic:
# numbers with what is joined to them, then the flavour.
_KERNEL = re.compile(r"vmlinu[xz]-(\d+(?:\.\d+)*(?:-\d[^-]*|[+~][^-]*)*)(-.*)?\Z")
_KERNEL_LINK = re.compile(r"vmlinuz-[\d.]+-xen\Z")
# Debian's xen-4.17-amd64.gz (and .efi), XCP-ng's xen-4.17.6-2.gz and, with debugging, -d.gz;
# neither their maps and configurations nor xen-syms.
_XEN = re.compile(r"xen-(\d+(?:\.\d+)+(?:[-_]\d+(?:\.\d+)*)*)(?:-[a-z][a-z0-9]*)?(?:\.gz|\.efi)?\Z")
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version as text, and its numbers in turn, by which versions are compared.

    A text may have fewer numbers than another of the same version, as Debian's file of Xen 4.17.7
    is xen-4.17-amd64.gz: they are compared as far as both go.
    """

    text: str
    numbers: tuple[int, ...]

    def newer(self, than: tuple[int, ...]) -> bool:
        """Whether this is a newer version than one of these numbers."""
        common = min(len(self.numbers), len(than))
        return self.numbers[:common] > than[:common]

    def same(self, other: tuple[int, ...]) -> bool:
        """Whether this may be the version of these numbers."""
        common = min(len(self.numbers), len(other))
        return self.numbers[:common] == other[:common]


def numbers(text: str) -> tuple[int, ...]:
    """The numbers in a version, in turn."""
    return tuple(map(int, _NUMBER.findall(text)))


def kernel(name: str) -> tuple[Version, str] | None:
    """Release and flavour of the kernel in a file of this name; `None`: the name has no release.

    The flavour is what a release has behind its numbers, such as `-amd64`; kernels of other
    flavours are no updates of each other.
    """
    match = _KERNEL.match(name)
    if match is None:
        return None
    flavour = match[2] or ""
    return Version(match[1] + flavour, numbers(match[1])), flavour


def is_kernel_link(name: str) -> bool:
    """Whether a name is that of the link to the kernel that XenServer and XCP-ng boot.

    `vmlinuz-4.19-xen`; another kernel beside it is booted only by hand (kernel.spec of XCP-ng).
    """
    return _KERNEL_LINK.match(name) is not None


def xen(name: str) -> Version | None:
    """The version of Xen in a file of this name, as exact as the name; `None`: it has none."""
    match = _XEN.match(name)
    return Version(match[1], numbers(match[1])) if match is not None else None
