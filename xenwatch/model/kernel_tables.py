"""Tables of dom0's kernel, as its files show them."""

from __future__ import annotations

from typing import Final

from xenwatch.model.render.key_users import render_key_users
from xenwatch.model.render.neighbours import render_neighbours
from xenwatch.model.render.text import render_number
from xenwatch.model.state import TABLES, Dom0
from xenwatch.model.tree import FileTree
from xenwatch.parse import key_users
from xenwatch.parse.key_users import KeyUser

_FEW: Final = 3
"""Neighbours and keys of a host that does nothing."""
_KEY_BYTES: Final = 40
_BYTES_MAX: Final = 25_000_000
"""Default of kernel.keys.root_maxbytes (security/keys/key.c)."""


def build(tree: FileTree, dom0: Dom0) -> None:
    """The files of the tables this kernel has."""
    settings, tables = dom0.platform.settings, dom0.tables
    if TABLES["conntrack"] in settings:
        path = TABLES["conntrack"].replace("_max", "_count")
        tree.file(path, lambda: render_number(tables["conntrack"]))
    cpus = dom0.platform.vcpus
    entries = min(_FEW, int(settings[TABLES["neighbours"]]))
    tree.file(
        "/proc/net/stat/arp_cache",
        lambda: render_neighbours(max(entries, tables["neighbours"]), cpus),
    )
    tree.file("/proc/net/stat/ndisc_cache", lambda: render_neighbours(entries, cpus))
    tree.file(key_users.PATH, lambda: render_key_users([_root(dom0)]))


def _root(dom0: Dom0) -> KeyUser:
    keys = max(_FEW, dom0.tables["kernel_keys"])
    most = int(dom0.platform.settings[TABLES["kernel_keys"]])
    return KeyUser(0, keys, most, keys * _KEY_BYTES, _BYTES_MAX)
