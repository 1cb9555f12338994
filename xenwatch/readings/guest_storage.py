"""Readings: where disks of guests are kept: storage repositories, thin pools, volume groups."""

from __future__ import annotations

from collections.abc import Mapping

from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes in use, of so many."""

    used: int
    total: int


@dataclass(frozen=True, slots=True)
class StorageRepository:
    """A mounted storage repository; `size` is `None` where its file system does not answer."""

    mount_point: str
    fstype: str
    size: Size | None


@dataclass(frozen=True, slots=True)
class StorageRepositories:
    """The storage repositories that are file systems, by UUID.

    `fallback` is why some of them have no size.
    """

    by_uuid: Mapping[str, StorageRepository]
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class ThinPool:
    """A thin pool of the device mapper.

    `mode` is rw, ro, out_of_data_space, Fail or Error; a pool that has failed has no sizes.
    """

    mode: str
    data: Size | None
    metadata: Size | None


@dataclass(frozen=True, slots=True)
class ThinPools:
    """The thin pools by name: volume group and volume of LVM's, else the device's."""

    by_name: Mapping[str, ThinPool]


@dataclass(frozen=True, slots=True)
class VolumeGroups:
    """The volume groups that hold disks of guests, by name."""

    by_name: Mapping[str, Size]
