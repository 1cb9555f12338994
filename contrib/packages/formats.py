"""Makes the three packages of one tree: the archive with install.sh, rpm and deb."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

from layout import CONFIGURATION, HERE, LINKS, PREFIX, SHARE, installed

DESCRIPTION: Final = (
    "Monitor of the limits of a Xen dom0\n"
    "Warns before the next VM hits a limit: reads event channels, grant frames, xenstored,\n"
    "tapdisks and more, and exports them to Prometheus."
)
BUILD_HOST: Final = "build"
"""What the rpm says of where it was built; the real name would differ between two builds."""
USER: Final = "xenwatch"
"""The daemon's user and group."""
COMPRESSION: Final = "xz"
"""Smaller than gzip, and unpacked by rpm 4.11 and dpkg."""


def archive(stage: Path, out: Path, version: str, epoch: int) -> Path:
    """The tar archive: the tree below `xenwatch`, and install.sh beside it."""
    name = f"xenwatch-{version}-x86_64"
    path = out / f"{name}.tar.gz"

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = epoch
        return member

    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        tar.add(HERE / "install.sh", f"{name}/install.sh", filter=plain)
        tree = stage / PREFIX
        for file in [tree, *sorted(tree.rglob("*"))]:
            below = file.relative_to(tree)
            tar.add(file, str(Path(name, "xenwatch", below)), recursive=False, filter=plain)
    return path


def _contents(stage: Path, mtime: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = [
        {"src": str(stage / PREFIX), "dst": f"/{PREFIX}", "type": "tree"},
        # dpkg unpacks before there is the group; host-setup gives it.
        _configuration(stage, mtime, "deb"),
        _configuration(stage, mtime, "rpm", group=USER),
        {
            "dst": f"/{Path(CONFIGURATION).parent}",
            "type": "dir",
            "packager": "rpm",
            "file_info": {"mode": 0o750, "mtime": mtime, "group": USER},
        },
        {
            "src": str(HERE / "copyright"),
            "dst": "/usr/share/doc/xenwatch/copyright",
            "packager": "deb",
            "file_info": {"mode": 0o644, "mtime": mtime},
        },
    ]
    for link, target in LINKS.items():
        info = {"mtime": mtime}
        files.append({"src": target, "dst": f"/{link}", "type": "symlink", "file_info": info})
    for path, source in installed().items():
        info = {"mtime": mtime}
        files.append({"src": str(stage / source), "dst": f"/{path}", "file_info": info})
    return files


def _configuration(stage: Path, mtime: str, packager: str, **owner: str) -> dict[str, Any]:
    return {
        "src": str(stage / SHARE / "xenwatch.toml"),
        "dst": f"/{CONFIGURATION}",
        "type": "config|noreplace",
        "packager": packager,
        "file_info": {"mode": 0o640, "mtime": mtime, **owner},
    }


def nfpm_configuration(stage: Path, version: str, release: str, date: str) -> dict[str, Any]:
    """What nfpm makes rpm and deb from. `date` is RFC 3339."""
    scripts = HERE / "scripts"
    return {
        "name": "xenwatch",
        "arch": "amd64",
        "platform": "linux",
        "version": version,
        "release": release,
        "section": "admin",
        "maintainer": "The xenwatch authors <xenwatch@xenwatch.invalid>",
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "mtime": date,
        "contents": _contents(stage, date),
        "rpm": {
            "buildhost": BUILD_HOST,
            "summary": "Monitor of the limits of a Xen dom0",
            "compression": COMPRESSION,
        },
        "deb": {"compression": COMPRESSION},
        "overrides": {
            "deb": {
                "depends": [
                    *("libc6 (>= 2.17)", "libgcc-s1 | libgcc1"),
                    *("init-system-helpers", "passwd"),
                ],
                "scripts": {
                    "preinstall": str(scripts / "preinstall"),
                    "postinstall": str(scripts / "deb-postinst"),
                    "preremove": str(scripts / "deb-prerm"),
                    "postremove": str(scripts / "deb-postrm"),
                },
            },
            "rpm": {
                "depends": ["/bin/sh", "libc.so.6(GLIBC_2.17)(64bit)", "libgcc", "shadow-utils"],
                "scripts": {
                    "preinstall": str(_rpm_pre(stage)),
                    "postinstall": str(scripts / "rpm-post"),
                    "preremove": str(scripts / "rpm-preun"),
                    "postremove": str(scripts / "rpm-postun"),
                },
            },
        },
    }


def _rpm_pre(stage: Path) -> Path:
    return stage.parent / "rpm-pre"


def with_nfpm(stage: Path, out: Path, tools: Path, configuration: dict[str, Any]) -> list[Path]:
    """The rpm and the deb. Raises `subprocess.CalledProcessError`."""
    # JSON is YAML.
    config = stage.parent / "nfpm.json"
    # rpm gives files to a group as it unpacks them.
    parts = ("add-user", "scripts/preinstall")
    _rpm_pre(stage).write_text("".join((HERE / part).read_text() for part in parts))
    config.write_text(json.dumps(configuration))
    whole = f"{configuration['version']}-{configuration['release']}"
    paths = [out / f"xenwatch-{whole}.x86_64.rpm", out / f"xenwatch_{whole}_amd64.deb"]
    nfpm = shutil.which("nfpm", path=str(tools / "bin")) or "nfpm"
    for path in paths:
        argv = [nfpm, "package", "--config", str(config), "--packager", path.suffix[1:]]
        subprocess.run([*argv, "--target", path], check=True, stdout=subprocess.DEVNULL)
    return paths
