"""Parsers of multipathd's paths and of NFS statistics: published lines, and round trips."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xenwatch.model.render.mountstats import render_mountstats
from xenwatch.model.render.multipathd import render_paths
from xenwatch.parse.errors import ParseError
from xenwatch.parse.mounts import Mount
from xenwatch.parse.mountstats import NfsMount, parse_mountstats
from xenwatch.parse.multipathd import parse_paths

DEVICES = st.from_regex(r"sd[a-z]{1,3}|nvme\d{1,2}n1", fullmatch=True)
PLACES = st.binary(min_size=1, max_size=30).map(lambda name: b"/" + name.replace(b"\0", b"/"))
COUNTS = st.integers(0, 2**60)
NFS = st.builds(NfsMount, PLACES, COUNTS, COUNTS, COUNTS)

DOCUMENTED = b"dev dm_st \nsda undef \nsdb active\nsdc failed\n"
"""As multipath-tools document the columns (contrib/fctxpd), padded as libmultipath/print.c does."""
PUBLISHED = (
    b"device rootfs mounted on / with fstype rootfs\n"
    b"device nfs-server:/remote/mount/point mounted on /local/mount\\040point with fstype nfs "
    b"statvers=1.1\n"
    b"\topts:\trw,vers=3,rsize=1048576,wsize=1048576,namlen=255,hard,nolock,proto=tcp,timeo=600\n"
    b"\tage:\t11416148\n"
    b"\tcaps:\tcaps=0x3fef,wtmult=4096,dtsize=4096,bsize=0,namlen=255\n"
    b"\tsec:\tflavor=1,pseudoflavor=1\n"
    b"\tevents:\t1520147072 84509515934 168398 7470332 1232089477 498774437 86226925789 159898 71 "
    b"38257361 159898 5219744496 35988 159897 159898 159898 0 1232055180 0 159897 159898 0 0 0 0 0 "
    b"0 \n"
    b"\tbytes:\t7263950948543 1758878 0 0 1386876894225 1758878 361594403 159898 \n"
    b"\tRPC iostats version: 1.0  p/v: 100003/3 (nfs)\n"
    b"\txprt:\ttcp 977 1 4 0 0 2739061800 2738767649 294151 0 0\n"
    b"\tper-op statistics\n"
    b"\t        NULL: 0 0 0 0 0 0 0 0\n"
    b"\t        READ: 1000 1003 1 220000 1048680000 1689 503927 505677\n"
    b"\t       WRITE: 2000 2008 2 2097616000 288000 5178088 48850 5230077\n"
    b"\n"
    b"device tmpfs mounted on /dev/shm with fstype tmpfs\n"
    b"device srv:/a mounted on /b with fstype nfs4 statvers=1.1\n"
    b"\tnfsv4:\tbm0=0xfdffbfff,bm1=0xf9be3e,bm2=0x68800,acl=0x3,sessions,pnfs=not configured\n"
    b"\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
    b"\txprt:\ttcp 0 0 2 0 38 27 27 0 27 0 2 0 0\n"
    b"\tper-op statistics\n"
    b"\t        NULL: 1 1 0 44 24 0 0 0 0\n"
    b"\tOPEN_CONFIRM: 0 0 0 0 0 0 0 0 0\n"
    b"\n"
)
"""Lines as they were published of NFS 3 and NFS 4.2, with the two versions of the counters."""


def test_paths_as_documented() -> None:
    """A path in no map is neither used nor failed."""
    assert parse_paths(DOCUMENTED) == {"sda": None, "sdb": True, "sdc": False}


@settings(deadline=None)
@given(st.dictionaries(DEVICES, st.sampled_from([True, False, None]), max_size=6))
def test_paths_survive_renderer_and_parser(paths: dict[str, bool | None]) -> None:
    """What is rendered is read again, no path included."""
    assert parse_paths(render_paths(paths)) == paths


@pytest.mark.parametrize(
    "data",
    [
        b"dev dm_st \nsda act",
        b"timeout\n",
        b"sda active\n",
        b"dev dm_st \nsda running\n",
        b"dev dm_st \nsda\n",
        b"hcil    dev dev_t pri dm_st  chk_st\n3:0:0:0 sdb 8:16 50  active ready\n",
        b"\n",
    ],
    ids=["cut off", "an error", "no header", "another state", "no state", "all columns", "empty"],
)
def test_what_are_no_paths_is_refused(data: bytes) -> None:
    """Errors of multipathd come on stdout as well: they are no paths."""
    with pytest.raises(ParseError):
        parse_paths(data)


def test_published_statistics_of_nfs() -> None:
    """Operations are summed up by mount, of either version; other file systems count nothing."""
    assert parse_mountstats(PUBLISHED) == (
        NfsMount(b"/local/mount point", 3000, 3011, 3),
        NfsMount(b"/b", 1, 1, 0),
    )


@settings(deadline=None)
@given(st.lists(NFS, max_size=4, unique_by=lambda each: each.mount_point))
def test_statistics_survive_renderer_and_parser(found: list[NfsMount]) -> None:
    """What is rendered among other mounts is read again."""
    others = [Mount(b"/dev/sda1", b"/", b"ext4", b"rw"), Mount(b"proc", b"/p", b"proc", b"rw")]
    nfs = [Mount(b"srv:/a b", each.mount_point, b"nfs", b"rw") for each in found]
    counted = {each.mount_point: each for each in found}
    shown = [mount for mount in [*others, *nfs] if mount in nfs or mount.mount_point not in counted]

    assert parse_mountstats(render_mountstats(shown, counted)) == tuple(found)


@pytest.mark.parametrize(
    "data",
    [
        b"device a mounted on / with fstype nfs",
        b"a mounted\n",
        b"device a mounted on / with fstype nfs\n\tper-op statistics\n\tREAD: 1 1 0\n",
        b"device a mounted on / with fstype nfs\n\tper-op statistics\n\tREAD 1 1 0 0 0 0 0 0\n",
    ],
    ids=["cut off", "no mount", "too few numbers", "no name"],
)
def test_what_are_no_statistics_is_refused(data: bytes) -> None:
    """A line that is not known is an error, and no server that answers everything."""
    with pytest.raises(ParseError):
        parse_mountstats(data)
