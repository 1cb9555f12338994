"""The disk image of the tests' dom0: Debian with its Xen, built once and kept in a cache.

Nothing but Debian's packages goes in, from the mirrors this machine's apt already uses. The cache
directory is named after everything the image is made of, so a change of the recipe builds anew.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.xen.suite import AMD64, DEFAULT, SUITE

HERE: Final = Path(__file__).resolve().parent
ARCHITECTURE: Final = SUITE.architecture

HOST_PACKAGES: Final = (
    *ARCHITECTURE.host,
    "qemu-utils",
    "mmdebstrap",
    "e2fsprogs",
    "openssh-client",
)
"""What this machine needs to build the image and to run it."""

DISK_BYTES: Final = 8 << 30

DOM0_PACKAGES: Final = (
    *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "initramfs-tools", "zstd", "cpio"),
    *(f"linux-image-{ARCHITECTURE.name}", f"xen-hypervisor-{SUITE.xen}-{ARCHITECTURE.name}"),
    *(f"xen-utils-{SUITE.xen}", "xen-utils-common", "xenstore-utils", *ARCHITECTURE.dom0),
    *("python3", "python3-pip", "procps", "iproute2", "openssh-server", "busybox-static"),
    *("e2fsprogs", "netbase", "ca-certificates", "sysvinit-utils"),
)

LEFT_OUT: Final = (
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/doc/*",
    *(
        f"/lib/modules/*/kernel/{part}/*"
        for part in ("drivers/gpu", "drivers/media", "drivers/infiniband", "sound", "fs/xfs")
    ),
    "/lib/modules/*/kernel/drivers/net/wireless/*",
)

INITRAMFS_MODULES: Final = (*ARCHITECTURE.loads, "virtio_blk", "virtio_net", "ext4")
BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
"""Where the kernel knows what programs of other architectures run by."""

FILES: Final = {
    "etc/hostname": "dom0\n",
    "etc/hosts": "127.0.0.1 localhost dom0\n",
    "etc/fstab": "/dev/vda / ext4 rw,noatime 0 1\n",
    "etc/ssh/sshd_config.d/tests.conf": (
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM no\nUseDNS no\n"
        "MaxSessions 50\n"
    ),
    "etc/systemd/network/10-eth0.network": (
        "[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n"
        "IPv6AcceptRA=no\n"
    ),
    "etc/systemd/network/20-xenbr0.netdev": "[NetDev]\nName=xenbr0\nKind=bridge\n",
    "etc/systemd/network/20-xenbr0.network": (
        "[Match]\nName=xenbr0\n[Network]\nAddress=192.168.77.1/24\nLinkLocalAddressing=no\n"
        "IPv6AcceptRA=no\nConfigureWithoutCarrier=yes\n"
    ),
    "etc/modules-load.d/tests.conf": (
        "xen-gntdev\nxen-gntalloc\nxen-evtchn\nxen-privcmd\nxen-blkback\nxen-netback\nloop\ntun\n"
    ),
    "etc/modprobe.d/tests.conf": "options loop max_loop=256\n",
    # The init script sources this file: the kernel's command line chooses the xenstored.
    "etc/default/xen": (
        'XENCONSOLED_ARGS="--log=guest --log-dir=/var/log/xen/console"\n'
        "for word in $(cat /proc/cmdline); do\n"
        '  case $word in tests.xenstored=*) XENSTORED="${word#*=}" ;; esac\n'
        "done\n"
    ),
}

ENABLED: Final = ("systemd-networkd", "ssh")
MASKED: Final = (
    *("systemd-networkd-wait-online.service", "systemd-timesyncd.service", "fstrim.timer"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "dpkg-db-backup.timer"),
    *("getty@tty1.service", "xendomains.service"),
)
GUEST_MODULES: Final = (
    "block/xen-blkfront.ko",
    "net/xen-netfront.ko",
    "net/xen-netback/xen-netback.ko",
)
"""The drivers of guests, below drivers/ of the kernel's modules."""


class ImageError(Exception):
    """The image could not be made: what was done, why it failed, what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: the directory that holds Xen, dom0's kernel, initramfs, disk and ssh key."""

    directory: Path

    @property
    def xen(self) -> Path:
        """The hypervisor as QEMU's -kernel takes it: an ELF file, of arm64 an Image."""
        return self.directory / "xen"

    @property
    def kernel(self) -> Path:
        """dom0's kernel, a bzImage or arm64's Image."""
        return self.directory / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """dom0's initramfs."""
        return self.directory / "initrd.img"

    @property
    def disk(self) -> Path:
        """dom0's root file system, qcow2, to be used as a backing file only."""
        return self.directory / "dom0.qcow2"

    @property
    def key(self) -> Path:
        """The private key that dom0's root lets in."""
        return self.directory / "id_ed25519"


def cache() -> Path:
    """Where images and wheels are kept: outside of the checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xenwatch-tests"


def key() -> str:
    """A name for everything the image is made of."""
    recipe = hashlib.sha256()
    for path in (Path(__file__), HERE / "suite.py", HERE / "guest" / "init"):
        recipe.update(path.read_bytes())
    return f"{kind()}-{recipe.hexdigest()[:16]}"


def kind() -> str:
    """The part of the name by which older ones are found."""
    return f"{ARCHITECTURE.cached}{SUITE.name}"


def command(*argv: str | Path, deadline: float, cwd: Path | None = None) -> str:
    """A finished command's output. Raises `ImageError` with its tail when it fails or hangs."""
    line = " ".join(map(str, argv))
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageError(f"{line}: not done after {deadline:.0f} s") from error
    except OSError as error:
        raise ImageError(f"{line}: {error.strerror}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise ImageError(f"{line}: exit status {done.returncode}\n{tail}")
    return done.stdout


def host_packages() -> None:
    """See to the packages this machine needs: installed by root, else named in the error."""
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\n", *HOST_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    there = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    missing = sorted(set(HOST_PACKAGES) - there)
    if not missing:
        return
    if os.geteuid() != 0:
        raise ImageError(f"packages are missing; as root: apt-get install {' '.join(missing)}")
    command("apt-get", "update", "-q", deadline=300)
    command(
        *("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y"),
        *("--no-install-recommends", *missing),
        deadline=600,
    )


def foreign_programs() -> None:
    """Have this machine's kernel run dom0's programs, of which the packages' set-up has many.

    What systemd does after the package's installation: in a container nothing does.
    """
    handler = f"qemu-{ARCHITECTURE.machine}"
    if ARCHITECTURE == AMD64 or (BINFMT / handler).exists():
        return
    if not (BINFMT / "status").exists():
        command("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT, deadline=30)
    command("update-binfmts", "--enable", handler, deadline=30)


def sources(directory: Path) -> list[str]:
    """The Debian mirrors among this machine's apt sources, as mmdebstrap takes them.

    A deb822 file goes in whole when one of its URIs ends in debian or debian-security, as a copy in
    `directory` that names the wanted suite; of one-line files the matching lines do.
    """
    release = dict(re.findall(r"^(\w+)=(\S+)$", Path("/etc/os-release").read_text(), re.MULTILINE))
    here = release.get("VERSION_CODENAME", DEFAULT.name)
    found: list[str] = []
    mirror = re.compile(r"/debian(-security)?/?(\s|$)")
    for path in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
        text = path.read_text()
        if any(mirror.search(line) for line in text.splitlines() if line.startswith("URIs:")):
            copy = directory / path.name
            copy.write_text(text.replace(here, SUITE.name))
            found.append(str(copy))
    for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.list")]:
        lines = path.read_text().splitlines() if path.is_file() else []
        chosen = [line for line in lines if line.startswith("deb ") and mirror.search(line)]
        found += [line.replace(here, SUITE.name) for line in chosen]
    if not found:
        raise ImageError(f"/etc/apt names no Debian mirror; add one for Debian {SUITE.debian}")
    return found


def bootstrap(root: Path) -> None:
    """Install the packages into the empty directory `root`; of arm64 that takes ten minutes."""
    modules = "\\n".join(INITRAMFS_MODULES)
    initramfs = (
        'mkdir -p "$1/etc/initramfs-tools/conf.d"'
        ' && printf "MODULES=list\\nCOMPRESS=zstd\\nCOMPRESSLEVEL=3\\n"'
        ' > "$1/etc/initramfs-tools/conf.d/tests"'
        f' && printf "{modules}\\n" > "$1/etc/initramfs-tools/modules"'
    )
    command(
        *("mmdebstrap", "--variant=minbase", "--mode=root", "--format=directory"),
        f"--architectures={ARCHITECTURE.name}",
        f"--include={','.join(DOM0_PACKAGES)}",
        '--aptopt=Apt::Install-Recommends "false"',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
        f"--essential-hook={initramfs}",
        SUITE.name,
        root,
        *sources(root.parent),
        deadline=1500,
    )


def loadable(path: Path) -> bytes:
    """A kernel or a Xen as QEMU and Xen take it: not packed by gzip."""
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def unpacked(bzimage: bytes) -> bytes:
    """The ELF kernel inside an xz-compressed bzImage, so that no guest's builder has to unpack it.

    Another kernel is what it is: libxenguest unpacks what Debian 13's bzImage is compressed with.
    """
    magic = b"\xfd7zXZ\x00"
    offsets: Iterator[int] = (match.start() for match in re.finditer(re.escape(magic), bzimage))
    for offset in offsets:
        try:
            payload = lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(bzimage[offset:])
        except lzma.LZMAError:
            continue
        if payload.startswith(b"\x7fELF"):
            return payload
    return bzimage


def configure(root: Path, public_key: str) -> None:
    """Make a dom0 with ssh, a bridge and a place for guests out of a bare Debian."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ssh = root / "root" / ".ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    (ssh / "authorized_keys").write_text(public_key)
    (root / "var/log/xen/console").mkdir(parents=True, exist_ok=True)
    command("chroot", root, "passwd", "-d", "root", deadline=30)
    command("chroot", root, "systemctl", "-q", "enable", *ENABLED, deadline=30)
    command("chroot", root, "systemctl", "-q", "mask", *MASKED, deadline=30)


def add_guest(root: Path, release: str) -> None:
    """Put the guests' kernel and initramfs into /srv/guests."""
    guests, tree = root / "srv/guests", root / "srv/guests/tree"
    for name in ("bin", "dev", "proc", "sys", "modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy(HERE / "guest" / "init", tree / "init")
    shutil.copy(root / "bin/busybox", tree / "bin/busybox")
    drivers = root / f"lib/modules/{release}/kernel/drivers"
    for module in GUEST_MODULES:
        target = tree / "modules" / Path(module).name
        packed = drivers / f"{module}.xz"
        if packed.exists():
            target.write_bytes(lzma.decompress(packed.read_bytes()))
        else:
            shutil.copy(drivers / module, target)
    pack = "cd /srv/guests/tree && find . | cpio --quiet -o -H newc | gzip > ../initrd.gz"
    command("chroot", root, "sh", "-c", pack, deadline=60)
    shutil.rmtree(tree)
    kernel = loadable(root / f"boot/vmlinuz-{release}")
    (guests / "vmlinuz").write_bytes(kernel)
    (guests / "vmlinux").write_bytes(unpacked(kernel))


def build(directory: Path) -> None:
    """Build an image in the empty directory `directory`."""
    if os.geteuid() != 0:
        raise ImageError(
            "building the image needs root (mmdebstrap, chroot); run this once as root"
        )
    work = directory / "work"
    root = work / "root"
    foreign_programs()
    work.mkdir()
    command(
        *("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "xenwatch-tests"),
        "-f",
        directory / "id_ed25519",
        deadline=30,
    )
    bootstrap(root)
    configure(root, (directory / "id_ed25519.pub").read_text())
    release = next((root / "lib/modules").iterdir()).name
    add_guest(root, release)
    (directory / "vmlinuz").write_bytes(loadable(root / f"boot/vmlinuz-{release}"))
    shutil.copy(root / f"boot/initrd.img-{release}", directory / "initrd.img")
    xen = root / f"boot/xen-{SUITE.xen}-{ARCHITECTURE.name}"
    (directory / "xen").write_bytes(loadable(xen if xen.exists() else Path(f"{xen}.gz")))
    raw = work / "dom0.raw"
    with raw.open("wb") as file:
        file.truncate(DISK_BYTES)
    options = "lazy_itable_init=1,root_owner=0:0"
    command(
        *("mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^has_journal", "-E", options),
        "-d",
        root,
        raw,
        deadline=300,
    )
    command("qemu-img", "convert", "-O", "qcow2", raw, directory / "dom0.qcow2", deadline=300)
    shutil.rmtree(work)


def image() -> Image:
    """The image, built now if the cache has none; older ones are thrown away."""
    host_packages()
    directory = cache() / f"image-{key()}"
    if not directory.is_dir():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache(), prefix="building-") as temporary:
            build(Path(temporary))
            os.rename(temporary, directory)
            Path(temporary).mkdir()
        for old in cache().glob(f"image-{kind()}-*"):
            if old != directory:
                shutil.rmtree(old)
    return Image(directory)
