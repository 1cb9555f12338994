"""Texts in which names stand in known places: mounts, command lines, logs, tables of tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from xenwatch.parse import helpers
from xenwatch.redaction import kernel_lines
from xenwatch.redaction.names import Names

REMOVED: Final = b"redacted"

_NFS: Final = (b"nfs", b"nfs4")
_SHARES: Final = (b"cifs", b"smb3", b"smbfs")
_MOUNTED = re.compile(rb"device (.*) mounted on ([^ ]+) with fstype ([^ ]+)(.*)\Z")
_PLAIN_OPTION = re.compile(
    rb"[a-z0-9_]+(?:=(?:[0-9]+(?:\.[0-9])?[kKmMgGsx%]?|tcp6?|udp6?|rdma|sys|none|krb5[ip]?"
    rb"|all|pos|strict|ordered|writeback|continue|remount-ro))?\Z"
)
_ADDRESS_OPTION = re.compile(rb"(?:client|mount)?addr=")
_SECRET = re.compile(
    rb"(?:.*[._-])?(?:pass|password|passwd|passphrase|secret|user|username|token|key|serial|hostname"
    rb"|initiator|product|manufacturer|asset|uuid|ip|nameserver|label|chap\w*)\Z",
    re.IGNORECASE,
)
"""Keys of arguments whose values tell of people or open something."""
_KEPT_INVENTORY = re.compile(
    rb"(?:PRODUCT|PLATFORM|BUILD|XEN|KERNEL|LINUX|DOM0|BRAND|COMPANY)_?\w*="
)
_PATH_VALUE: Final = (b"/", b"aio:", b"tap:", b"phy:", b"file:", b"nbd:", b"rbd:", b"iscsi:")
_RECORD = re.compile(rb"(\d{1,10})(,\d{1,20},\d{1,20},[^;\n]{0,200};)(.*)\Z", re.DOTALL)
_OWN: Final = 8
"""Facility and level below it: the kernel itself has printed the record."""
_BOOT_LINE = re.compile(rb"(.*[Cc]ommand line: )(.*)\Z", re.DOTALL)
_HOSTNAME = re.compile(rb"Hostname set to <([^>\s]+)>")
_GUEST: Final = b"(XEN)"
_PROGRAM = re.compile(rb"[^\s:]+")
_COMM_MAX: Final = 15
"""Bytes that the kernel keeps of the name of a program (TASK_COMM_LEN)."""
_OF_QEMU = re.compile(rb"(qemu:)(.+)\Z", re.DOTALL)
"""The name of a process that was started with `-name NAME,process=qemu:NAME`."""
_STATUS = re.compile(rb"\A(Name:\t)([^\n]*)")
_COMM = re.compile(rb"(\A[0-9]+ \()(.*)(\) )", re.DOTALL)
_XL_LOG = re.compile(rb"(.*/xl-)(.+?)(\.log(?:\.[0-9]{1,2})?(?: \(deleted\))?)", re.DOTALL)
_NAME_OF_QEMU: Final = b"-name"


class Texts:
    """Changes texts by their form; `removed` counts what was left out, by kind."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self.removed: dict[str, int] = {}
        self._spots: Final[Mapping[str, Callable[[bytes], bytes]]] = {
            "host": names.host,
            "volume": names.volume,
            "mapped": names.mapped,
            "net": names.interface,
            "place": names.place,
            "share": self._share,
            "group": names.group,
            "comm": self._thread,
            "mac": names.hardware,
            "wwn": names.hardware,
            "boot": self.boot_arguments,
            "removed": lambda _: REMOVED,
        }

    def mounts(self, data: bytes) -> bytes:
        """`/proc/mounts`."""
        return _by_line(data, self._mount)

    def mountstats(self, data: bytes) -> bytes:
        """`/proc/PID/mountstats`."""
        return _by_line(data, self._mountstats)

    def _mount(self, line: bytes) -> bytes:
        fields = line.split(b" ")
        if len(fields) != 6:
            return self._names.text(line)
        device, place, fstype, options, *rest = fields
        made = self._device(device, fstype), self._names.escaped(place), fstype
        return b" ".join([*made, self._options(options), *rest])

    def _mountstats(self, line: bytes) -> bytes:
        match = _MOUNTED.match(line)
        if match:
            device, place = self._device(match[1], match[3]), self._names.escaped(match[2])
            return b"device %b mounted on %b with fstype %b%b" % (device, place, *match.group(3, 4))
        head, opts, options = line.partition(b"\topts:\t")
        return head + opts + self._options(options) if opts else self._names.text(line)

    def _device(self, device: bytes, fstype: bytes) -> bytes:
        if fstype in _NFS:
            host, colon, path = device.rpartition(b":/")
            if colon:
                return self._names.host(host) + b":" + self._names.escaped(b"/" + path)
        if fstype in _SHARES and device.startswith(b"//"):
            host, slash, path = device[2:].partition(b"/")
            return b"//" + self._names.host(host) + slash + self._names.escaped(path)
        return self._names.escaped(device)

    def _options(self, options: bytes) -> bytes:
        return b",".join(map(self._option, options.split(b",")))

    def _option(self, option: bytes) -> bytes:
        if _PLAIN_OPTION.match(option):
            return option
        key, equals, value = option.partition(b"=")
        if _ADDRESS_OPTION.match(option):
            return key + equals + self._names.host(value)
        if value.startswith(b"/"):
            return key + equals + self._names.escaped(value)
        return key + equals + (REMOVED if value else b"")

    def boot_arguments(self, data: bytes) -> bytes:
        """The command line of Linux or Xen."""
        line = data.rstrip(b"\n")
        return b" ".join(map(self._boot_argument, line.split(b" "))) + data[len(line) :]

    def _boot_argument(self, argument: bytes) -> bytes:
        key, equals, value = argument.partition(b"=")
        if not value:
            return self._names.text(argument)
        if _SECRET.match(key) or value.startswith((b"LABEL=", b"PARTLABEL=")):
            return key + equals + REMOVED
        if value.startswith(b"/"):
            return key + equals + self._names.place(value)
        return key + equals + self._names.text(value)

    def command_line(self, data: bytes, comm: bytes) -> bytes:
        """`/proc/PID/cmdline`: of the programs of VMs with their arguments, of others without."""
        if not data:
            return data
        first, *rest = data.removesuffix(b"\0").split(b"\0")
        word = _PROGRAM.match(first)
        program = word[0].rpartition(b"/")[2] if word else REMOVED
        if b"qemu" in program:
            made = list(self._arguments_of_qemu(rest))
        elif comm in _HELPERS:
            made = list(map(self._argument, rest))
        else:
            self._count("process argument", len(rest))
            return self._names.text(program) + b"\0"
        return b"\0".join([self._names.text(first), *made]) + b"\0"

    def _arguments_of_qemu(self, arguments: list[bytes]) -> Iterator[bytes]:
        option = b""
        for argument in arguments:
            if b"-" + option.lstrip(b"-") == _NAME_OF_QEMU:
                name, comma, rest = argument.removeprefix(b"guest=").partition(b",")
                head = argument[: len(argument) - len(argument.removeprefix(b"guest="))]
                yield head + self._names.vm(name) + comma + self._argument(rest)
            else:
                yield self._argument(argument)
            option = argument

    def _argument(self, argument: bytes) -> bytes:
        """An argument, which may be a list of keys and values."""
        return b",".join(map(self._value, argument.split(b",")))

    def _value(self, part: bytes) -> bytes:
        key, equals, value = part.rpartition(b"=")
        if equals and _SECRET.match(key.rpartition(b"=")[2].rpartition(b".")[2]):
            made = self._names.text(value)
            return key + equals + (made if made != value else REMOVED)
        if value.startswith(b"/local/domain/"):
            return part
        if value.startswith(_PATH_VALUE):
            return key + equals + self._names.place(value)
        return self._names.text(part)

    def program(self, data: bytes) -> bytes:
        """`/proc/PID/stat`, in which the name of the program stands."""
        return _COMM.sub(lambda match: match[1] + self.comm(match[2]) + match[3], data, 1)

    def status(self, data: bytes) -> bytes:
        """`/proc/PID/status`, which begins with the name of the program."""
        return _STATUS.sub(lambda match: match[1] + self.comm(match[2]), data)

    def comm(self, name: bytes) -> bytes:
        """The name of a program, or of a thread."""
        match = _OF_QEMU.match(name)
        if match is None:
            return self._names.text(name)
        cut = len(name) == _COMM_MAX
        return match[1] + (self._names.beginning if cut else self._names.vm)(match[2])

    def cgroups(self, data: bytes) -> bytes:
        """`/proc/PID/cgroup`."""
        return _by_line(data, self._cgroup)

    def _cgroup(self, line: bytes) -> bytes:
        number, first, rest = line.partition(b":")
        controllers, second, path = rest.partition(b":")
        return number + first + controllers + second + self._names.group(path)

    def kernel_log(self, data: bytes) -> bytes:
        """Records of `/dev/kmsg`; what programs have written there is left out."""
        return _by_line(data, self._record)

    def _record(self, line: bytes) -> bytes:
        match = _RECORD.match(line)
        if not match:
            return self._names.text(line)
        level, head, text = match.groups()
        for found in _HOSTNAME.finditer(text):
            self._names.host(found[1])
        if int(level) >= _OWN:
            self._count("kernel log line", 1)
            return level + head + REMOVED
        plain = kernel_lines.unescaped(text)
        made = self._line(text) if plain is None else kernel_lines.escaped(self._line(plain))
        return level + head + made

    def _line(self, text: bytes) -> bytes:
        """A line of the kernel or of Xen: each name once, as other names are not to be replaced."""
        boot = _BOOT_LINE.match(text)
        if boot:
            return boot[1] + self.boot_arguments(boot[2])
        made, done = [], 0
        for begin, end, kind in kernel_lines.spots(text):
            made += [self._names.text(text[done:begin]), self._spots[kind](text[begin:end])]
            done = end
        return b"".join([*made, self._names.text(text[done:])])

    def _share(self, share: bytes) -> bytes:
        """A share of a file server and a place in it, after a slash or a backslash each."""
        return share[:1].join(map(self._names.part, share.split(share[:1])))

    def _thread(self, name: bytes) -> bytes:
        """What stands behind `qemu:` in the name of a process."""
        return self.comm(b"qemu:" + name).removeprefix(b"qemu:")

    def console(self, data: bytes) -> bytes:
        """The text of Xen's console."""
        return _by_line(data, self.console_line)

    def console_line(self, line: bytes) -> bytes:
        """A line of Xen's console; what guests have printed there is left out."""
        if not line.startswith(_GUEST) and line.strip():
            self._count("console line", 1)
            return REMOVED
        return self._line(line)

    def inventory(self, data: bytes) -> bytes:
        """`/etc/xensource-inventory`: what is of the product, not of the host."""
        return _by_line(data, lambda line: line if _KEPT_INVENTORY.match(line) else b"")

    def interfaces(self, data: bytes) -> bytes:
        """`/proc/net/dev`."""
        return re.sub(
            rb"(?m)^( *)([^\s:]+(?::[^\s:]+)?)(?=:)",
            lambda match: match[1] + self._names.interface(match[2]),
            data,
        )

    def volume_groups(self, data: bytes) -> bytes:
        """What `vgs` prints."""
        return re.sub(
            rb"(?m)^( *)([^|\n]+)\|", lambda m: m[1] + self._names.volume(m[2]) + b"|", data
        )

    def thin_pools(self, data: bytes) -> bytes:
        """What `dmsetup status` prints."""
        return re.sub(rb"(?m)^(\S+): ", lambda match: self._names.mapped(match[1]) + b": ", data)

    def switch(self, data: bytes) -> bytes:
        """What Open vSwitch's database answers."""
        try:
            return json.dumps(self._row("", json.loads(data))).encode()
        except (ValueError, RecursionError):
            return b""

    def _row(self, key: str, value: Any) -> Any:
        match value:
            case dict():
                return {name: self._row(name, inner) for name, inner in value.items()}
            case list():
                return [self._row("", inner) for inner in value]
            case str():
                change = self._names.interface if key == "name" else self._names.text
                return change(value.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
        return value

    def device_id(self, data: bytes) -> bytes:
        """`dm/uuid`, of which the beginning and the end are looked at."""
        match = re.match(
            rb"((?:LVM|CRYPT(?:-LUKS[12])?|(?:part[0-9]+-)?mpath|DM)-)?(.*?)(-(?:tpool|tdata|tmeta"
            rb"|pool|cow|real))?(\n?)\Z",
            data,
            re.DOTALL,
        )
        if match is None or not match[2]:
            return data
        return b"".join((match[1] or b"", self._names.volume(match[2]), match[3] or b"", match[4]))

    def output(self, target: bytes) -> bytes:
        """What a descriptor of a process leads to: of an `xl create` its log, named as the VM."""
        match = _XL_LOG.fullmatch(target)
        if match:
            return self._names.place(match[1][:-3]) + b"xl-" + self._names.vm(match[2]) + match[3]
        return self._names.place(target) if target.startswith(b"/") else self._names.text(target)

    def _count(self, what: str, number: int) -> None:
        if number:
            self.removed[what] = self.removed.get(what, 0) + number


_HELPERS: Final[frozenset[bytes]] = helpers.NAMES - {helpers.XL.encode()}
"""Programs of VMs whose arguments are read, as `/proc/PID/comm` has them."""


def _by_line(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return b"\n".join(map(change, data.split(b"\n")))
