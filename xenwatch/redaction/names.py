"""Names that people have chosen: where one stands it is replaced, and learnt for all texts."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from typing import Final

from xenwatch.display.text import printable
from xenwatch.parse.mounts import unescaped
from xenwatch.parse.volume_groups import volume_of
from xenwatch.redaction.patterns import Patterns
from xenwatch.redaction.tokens import HOST, NETWORK, PATH, STORAGE, VM, Tokens
from xenwatch.redaction.words import DEVICE, FILE_END, PLACES, SHORTEST, VOCABULARY, VOLUME

REPOSITORY_GROUP: Final = b"VG_XenStorage-"
"""What the volume group of a storage repository is named by (sm, libs/sm/lvutil.py)."""
_KEPT_VMS: Final = (b"", b"Domain-0", b"Xenstore", b"(null)")
_VM_ENDS: Final = (b"-dm", b"--incoming")
"""What toolstacks append: of a stubdomain, of a VM that is migrated to this host."""
_LAYER = re.compile(rb"(.+?)([-_](?:tpool|tdata|tmeta|cow|real|pmspare))?\Z", re.DOTALL)
_VLAN = re.compile(rb"(.+?)((?:\.[0-9]{1,4})?)\Z", re.DOTALL)
_MAC_NAMED = re.compile(rb"en?x([0-9a-fA-F]{12})\Z")
_KNOWN_PART = re.compile(rb"(?:VG_XenStorage|XSLocalEXT|VHD|LV|MGT|leaf|mpath|part[0-9]*|[-_.0-9]|"
                         rb"xcp-volume|vhd|raw|qcow2|img|log|sock)*\Z")  # fmt: skip
_BEFORE: Final = (
    rb"(?:(?<![0-9A-Za-z])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\[0-7]{3})"
    rb"|(?<=\\u[0-9a-fA-F]{4})|(?<=\\[nrt]))"
)
"""Not within a word; what a backslash has escaped before it is none."""
_AFTER: Final = rb"(?![0-9A-Za-z])"
_LIKE_ADDRESS = re.compile(rb"[0-9a-fA-F.:_\-\[\]\\xX]+\Z")
"""What may be a part of a UUID, also of one with escaped hyphens, or of an address."""
_SPOKEN: Final = (
    rb"(?<=')(?:%b)(?=' \([0-9a-fA-F]{8}-)",
    rb"(?:(?<=\"name\": \")|(?<='name': '))(?:%b)(?=[\"'])",
)
"""Where nothing but the name of a VM can stand in what xenwatch says: before its UUID, as a label.
`xenwatch.alerts.details.called`; labels as JSON or Python have them."""
_GROUP = re.compile(
    rb"(machine-(?:qemu|xen|lxc)\\x2d[0-9]+\\x2d|qubes-vm@)?(.+?)"
    rb"(\.scope|\.service|\.libvirt-(?:qemu|xen|lxc))\Z",
    re.DOTALL,
)
"""The cgroup of a VM: libvirt, virDomainGenerateMachineName and before it; Qubes."""
_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")
_OCTAL = re.compile(rb"[ \t\n\\#]")


class Names:
    """The names of one capture. What the methods are asked to replace is learnt for `text`."""

    def __init__(self, tokens: Tokens, patterns: Patterns) -> None:
        self._tokens = tokens
        self._patterns = patterns
        self._learnt: dict[bytes, bytes] = {}
        self._vms: dict[bytes, bytes] = {}
        self._spoken: re.Pattern[bytes] | None = None
        self._known: re.Pattern[bytes] | None = None

    def compile(self) -> None:
        """From now on `text` replaces all that was learnt."""
        found = dict(self._learnt)
        for raw, made in self._tokens.addresses().items():
            if len(raw) == 4:
                found[b"-".join(b"%d" % each for each in raw)] = b"-".join(
                    b"%d" % each for each in made
                )
            elif len(raw) == 6:
                found[raw.hex().encode()] = made.hex().encode()
        self._learnt = found
        if found:
            pattern = _BEFORE + b"(?:" + _trie(found) + b")" + _AFTER
            self._known = re.compile(pattern, re.IGNORECASE)
        untaught = {
            written: made
            for name, made in self._vms.items()
            if name not in self._learnt
            for written in _written(name)
        }
        if untaught:
            self._vms = untaught | self._vms
            words = _trie(untaught)
            pattern = b"|".join(form % words for form in _SPOKEN)
            self._spoken = re.compile(pattern, re.IGNORECASE)

    def text(self, data: bytes) -> bytes:
        """A text in which any name may stand, and addresses."""
        if self._spoken is not None:
            data = self._spoken.sub(lambda match: self._vms[match[0].lower()], data)
        if self._known is not None:
            data = self._known.sub(self._replaced, data)
        return self._patterns.text(data)

    def _replaced(self, match: re.Match[bytes]) -> bytes:
        """What stands in place of a name; an address it is a part of is replaced as a whole."""
        if _LIKE_ADDRESS.match(match[0]) and self._patterns.around(match.string, *match.span()):
            return match[0]
        return self._learnt[match[0].lower()]

    def vm(self, name: bytes) -> bytes:
        """The name of a VM."""
        if name in _KEPT_VMS:
            return name
        for end in _VM_ENDS:
            if name.endswith(end) and name != end:
                return self.vm(name.removesuffix(end)) + end
        made = self._vms[name.lower()] = self._learn(VM, name)
        return made

    def beginning(self, name: bytes) -> bytes:
        """The name of a VM, or of a longer one the beginning that the kernel has kept."""
        low = name.lower()
        longer = (made for known, made in sorted(self._vms.items()) if known.startswith(low))
        return self._vms.get(low) or next(longer, None) or self.vm(name)

    def group(self, path: bytes) -> bytes:
        """A path of cgroups."""
        return b"/".join(map(self._group, path.split(b"/")))

    def _group(self, part: bytes) -> bytes:
        match = _GROUP.match(part)
        if match is None or not (match[1] or match[3].startswith(b".libvirt")):
            return self.text(part)
        name = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), match[2])
        return (match[1] or b"") + self.vm(name).replace(b"-", b"\\x2d") + match[3]

    def host(self, name: bytes) -> bytes:
        """A host's name, with or without its domain, or its address."""
        bare = name.strip(b"[]")
        try:
            ipaddress.ip_address(bare.decode("ascii", "replace"))
        except ValueError:
            pass
        else:
            return self._patterns.text(name)
        if not name or name.lower() == b"localhost":
            return name
        made = self._learn(HOST, name.lower())
        first, _, domain = name.lower().partition(b".")
        if domain:
            self._teach(first, made)
            if b"." in domain:
                self._teach(domain, self._tokens.name(HOST, domain) + b".example")
        return made

    def hardware(self, digits: bytes) -> bytes:
        """A hardware address, or a name of a port, as mere hexadecimal digits."""
        return self._patterns.hardware(digits)

    def interface(self, name: bytes) -> bytes:
        """A network interface or a bridge."""
        if DEVICE.match(name):
            return name
        by_mac = _MAC_NAMED.match(name)
        if by_mac:
            raw = bytes.fromhex(by_mac[1].decode())
            return name[: by_mac.start(1)] + self._tokens.mac(raw).hex().encode()
        match = _VLAN.match(name)
        return self._learn(NETWORK, match[1]) + match[2] if match else name

    def volume(self, name: bytes) -> bytes:
        """A volume or a volume group of LVM, or a multipath map."""
        before, prefix, repository = name.rpartition(REPOSITORY_GROUP)
        if prefix:
            return before + prefix + self.part(repository)
        match = _LAYER.match(name)
        if match is None or VOLUME.match(match[1]) or self._is_made(match[1]):
            return self._patterns.text(name)
        return self._learn(STORAGE, match[1]) + (match[2] or b"")

    def mapped(self, device: bytes) -> bytes:
        """The name of a device of the device mapper, in which LVM doubles hyphens."""
        match = _LAYER.match(device)
        base, layer = (match[1], match[2] or b"") if match else (device, b"")
        parts = volume_of(base.decode("latin-1"))
        if parts is None:
            return self.volume(base) + layer
        made = (self.volume(part.encode("latin-1")).replace(b"-", b"--") for part in parts)
        return b"-".join(made) + layer

    def place(self, path: bytes) -> bytes:
        """A path, or a place on a server, of which only the usual words stay."""
        before, mapper, device = path.partition(b"/dev/mapper/")
        if mapper:
            return before + mapper + self.mapped(device)
        return b"/".join(map(self.part, path.split(b"/")))

    def escaped(self, field: bytes) -> bytes:
        """A path as in /proc/mounts, whose blanks are escaped in octal."""
        made = self.place(unescaped(field))
        return _OCTAL.sub(lambda match: b"\\%03o" % match[0][0], made)

    def part(self, name: bytes) -> bytes:
        """One part of a path."""
        if not name or name.lower() in PLACES or DEVICE.match(name) or VOLUME.match(name):
            return name
        if b":" in name:
            return b":".join(map(self.part, name.split(b":")))
        if self._is_made(name) or name.isdigit():
            return self._patterns.text(name)
        match = FILE_END.match(name)
        stem, end = (match[1], match[2]) if match else (name, b"")
        if stem.lower() in PLACES:
            return name
        known = self._learnt.get(stem.lower()) or self._vms.get(stem.lower())
        return (known if known is not None else self._learn(PATH, stem)) + end

    def _is_made(self, name: bytes) -> bool:
        """Whether a name is made of UUIDs, addresses and what tools write beside them."""
        rest = self._patterns.without(name)
        return rest != name and _KNOWN_PART.match(rest) is not None

    def _learn(self, kind: str, name: bytes) -> bytes:
        made = self._tokens.name(kind, name)
        self._teach(name, made, rather=kind != PATH)
        return made

    def _teach(self, name: bytes, made: bytes, *, rather: bool = True) -> None:
        """Have a name, in the ways it may be written, replaced in texts too.

        It is so `rather` than by what was learnt before, until all texts are to have the same.
        """
        low = name.lower()
        if self._known is not None or len(name) < SHORTEST or name.isdigit():
            return
        if low not in VOCABULARY and not DEVICE.match(name):
            for written in _written(low):
                if rather or written not in self._learnt:
                    self._learnt[written] = made


def _octal(name: bytes) -> bytes:
    return _OCTAL.sub(lambda match: b"\\%03o" % match[0][0], name)


def _printable(name: bytes) -> str:
    return printable(name.decode(errors="backslashreplace"))


def _json(text: str) -> bytes:
    return json.dumps(text)[1:-1].encode()


_WRITTEN: Final = (
    bytes,
    _octal,
    lambda name: name.replace(b"-", b"\\x2d"),
    lambda name: name.replace(b"-", b"--"),
    lambda name: _printable(name).encode(),
    lambda name: _json(_printable(name)),
    lambda name: _json(name.decode(errors="backslashreplace")),
)
"""As it is; in /proc/mounts; in units of systemd; in the device mapper; in texts; in the log, which
is JSON of such texts, and of others where they are in lists.
"""


def _written(name: bytes) -> set[bytes]:
    """The ways in which a name may be written, in lower case."""
    return {write(name).lower() for write in _WRITTEN}


class _Node(dict[int, "_Node"]):
    """What may follow a beginning; `end` is whether a word ends here."""

    end = False


def _trie(words: Iterable[bytes]) -> bytes:
    """A pattern of all the words, the longest first, which takes no longer for more of them."""
    root = _Node()
    for word in words:
        node = root
        for byte in word:
            node = node.setdefault(byte, _Node())
        node.end = True
    return _branch(root)


def _branch(node: _Node) -> bytes:
    literal = b""
    while len(node) == 1 and not node.end:
        [(byte, node)] = node.items()
        literal += re.escape(bytes([byte]))
    if not node:
        return literal
    branches = (re.escape(bytes([byte])) + _branch(below) for byte, below in node.items())
    return literal + b"(?:" + b"|".join(branches) + b")" + b"?" * node.end
