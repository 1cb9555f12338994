"""Names in /boot: which of them are images, of which version, and which is newer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenwatch.parse import boot_images

KERNELS = {
    "vmlinuz-6.1.0-56-amd64": ("6.1.0-56-amd64", (6, 1, 0, 56), "-amd64"),
    "vmlinuz-6.1.0-56-cloud-amd64": ("6.1.0-56-cloud-amd64", (6, 1, 0, 56), "-cloud-amd64"),
    "vmlinuz-6.12.57+deb13-amd64": ("6.12.57+deb13-amd64", (6, 12, 57, 13), "-amd64"),
    "vmlinuz-6.12.9+bpo-amd64": ("6.12.9+bpo-amd64", (6, 12, 9), "-amd64"),
    "vmlinuz-6.1.0-0.deb11.7-amd64": ("6.1.0-0.deb11.7-amd64", (6, 1, 0, 0, 11, 7), "-amd64"),
    "vmlinuz-6.8.0-45-generic": ("6.8.0-45-generic", (6, 8, 0, 45), "-generic"),
    "vmlinuz-4.19.0+1": ("4.19.0+1", (4, 19, 0, 1), ""),
    "vmlinuz-6.6.54-1.qubes.fc37.x86_64": (
        "6.6.54-1.qubes.fc37.x86_64", (6, 6, 54, 1, 37, 86, 64), "",
    ),
    "vmlinuz-2.6.32.43-0.4.1.xs1.6.10.734.170748xen": (
        "2.6.32.43-0.4.1.xs1.6.10.734.170748xen",
        (2, 6, 32, 43, 0, 4, 1, 1, 6, 10, 734, 170748),
        "",
    ),
}  # fmt: skip
NO_KERNELS = ("vmlinuz", "vmlinuz-fallback", "config-6.1.0-56-amd64", "initrd.img-6.1.0-56-amd64")
XENS = {
    "xen-4.17-amd64.gz": (4, 17),
    "xen-4.17-amd64.efi": (4, 17),
    "xen-4.20-arm64": (4, 20),
    "xen-4.17.6-2.gz": (4, 17, 6, 2),
    "xen-4.13.5-9.45.gz": (4, 13, 5, 9, 45),
    "xen-4.17.6-2-d.gz": (4, 17, 6, 2),
    "xen-4.18.3_06-150600.3.31.1.gz": (4, 18, 3, 6, 150600, 3, 31, 1),
}
NO_XENS = (
    *("xen.gz", "xen-fallback.gz", "xen-4.17-amd64.config", "xen-4.17.6-2.map"),
    "xen-syms-4.17.6-2",
)


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_known_by_its_name(name: str) -> None:
    """Release, numbers and flavour of the kernels of Debian, Ubuntu, Qubes and XCP-ng."""
    found = boot_images.kernel(name)

    assert found is not None
    assert (found[0].text, found[0].numbers, found[1]) == KERNELS[name]


@pytest.mark.parametrize("name", NO_KERNELS)
def test_what_is_no_kernel_of_a_release_is_passed_over(name: str) -> None:
    """An image without a release, and what lies beside images, is no kernel."""
    assert boot_images.kernel(name) is None


@pytest.mark.parametrize("name", XENS)
def test_xen_is_known_by_its_name(name: str) -> None:
    """The version is as exact as the name of the distribution's file."""
    found = boot_images.xen(name)

    assert found is not None
    assert found.numbers == XENS[name]


@pytest.mark.parametrize("name", NO_XENS)
def test_what_lies_beside_xen_is_passed_over(name: str) -> None:
    """Symbols, maps, configurations, and images without a version."""
    assert boot_images.xen(name) is None


@pytest.mark.parametrize(
    ("installed", "running", "newer", "same"),
    [
        ("xen-4.17-amd64.gz", "4.17.7", False, True),
        ("xen-4.20-amd64.gz", "4.17.7", True, False),
        ("xen-4.14-amd64.gz", "4.17.7", False, False),
        ("xen-4.17.6-10.gz", "4.17.6-9", True, False),
        ("xen-4.17.6-9.gz", "4.17.6-9", False, True),
        ("xen-4.18.3_06-150600.3.31.1.gz", "4.18.3", False, True),
    ],
)
def test_versions_are_compared_as_far_as_both_go(
    installed: str, running: str, newer: bool, same: bool
) -> None:
    """Numbers are compared as numbers; what only one of the names has decides nothing."""
    found = boot_images.xen(installed)

    assert found is not None
    numbers = boot_images.numbers(running)
    assert (found.newer(numbers), found.same(numbers)) == (newer, same)


@given(text=st.text(alphabet="vmlinuz-xe.+~_0123456789ad", max_size=60))
def test_any_name_is_known_or_not(text: str) -> None:
    """No name of a file breaks the comparison, and a version is never newer than itself."""
    for version in (boot_images.xen(text), (boot_images.kernel(text) or (None,))[0]):
        if version is not None:
            assert version.same(version.numbers)
            assert not version.newer(version.numbers)
