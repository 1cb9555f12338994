"""What a web configuration file says, in the format of Prometheus's exporter-toolkit.

Source: exporter-toolkit, docs/web-configuration.md and web/tls_config.go.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from xenwatch.display.text import hint, meant, shown
from xenwatch.values import dataclass
from xenwatch.web_config import names
from xenwatch.web_config.nodes import Item, Problems, read

FILE_LIMIT: Final = 1 << 16
"""Bytes: what a file, or one it names, may have."""
SLOW_COST: Final = 15
"""The cost of a hash from which checking a password takes seconds."""
MOST_BURST: Final = 1_000_000
LONGEST_INTERVAL: Final = 86400.0

TLS: Final = "tls_server_config"
HTTP: Final = "http_server_config"
USERS: Final = "basic_auth_users"
RATE: Final = "rate_limit"
_HASH: Final = r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
"""A bcrypt hash: version, cost, salt (its last character has two bits) and hash."""
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Pem:
    """A certificate or a key: in the file at `path`, or `text` itself. `where` says which key."""

    where: str
    path: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS as configured. `suites` and `curve` are OpenSSL's names; no `suites`: its default.

    `policy` is one of `names.POLICIES`; `sans` the names a client's certificate must have one of.
    """

    cert: Pem
    key: Pem
    client_ca: Pem | None = None
    policy: str = names.NONE
    sans: frozenset[str] = frozenset()
    min_version: int = names.VERSIONS["TLS12"]
    max_version: int = names.VERSIONS["TLS13"]
    suites: tuple[str, ...] = ()
    prefer_server: bool = True
    curve: str = ""

    @property
    def pems(self) -> tuple[Pem, ...]:
        """The certificate, the key, and the certificates of the clients' authorities if set."""
        return (self.cert, self.key, *([] if self.client_ca is None else [self.client_ca]))


@dataclass(frozen=True, slots=True)
class Rate:
    """One request every `interval` seconds, and `burst` of them at once."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file; `users` are hashes by name, `warnings` lines of what is valid but not meant."""

    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate: Rate | None = None
    warnings: tuple[str, ...] = ()


def parse(data: bytes, name: str, problems: list[str]) -> Document:
    """What the file `name` says; its problems are added to `problems`, a line each."""
    found = Problems(name)
    warnings: list[str] = []
    top = read(data, found, (TLS, HTTP, USERS, RATE))
    http = _http(top.get(HTTP), warnings)
    tls = _tls(top[TLS], posixpath.dirname(name), http, warnings) if TLS in top else None
    headers = _headers(http["headers"]) if "headers" in http else {}
    users = _users(top[USERS], warnings) if USERS in top else {}
    rate = _rate(top[RATE], warnings) if RATE in top else None
    problems += found.lines
    return Document(tls, headers, users, rate, tuple(warnings))


def _http(item: Item | None, warnings: list[str]) -> dict[str, Item]:
    found = item.mapping(("http2", "headers")) if item is not None else {}
    if "http2" in found and found["http2"].boolean(default=False):
        warnings.append(f"{found['http2'].where}: xenwatch serves HTTP/1.1, to every client")
    return found


_PEMS: Final = ("cert", "key", "client_ca")
_TLS_KEYS: Final = (
    *_PEMS,
    *(f"{name}_file" for name in _PEMS),
    *("client_auth_type", "client_allowed_sans", "min_version", "max_version"),
    *("cipher_suites", "prefer_server_cipher_suites", "curve_preferences"),
)


def _tls(item: Item, directory: str, http: Mapping[str, Item], warnings: list[str]) -> Tls | None:
    """TLS, if a certificate, a key or something of clients is set; else it is off."""
    given = item.mapping(_TLS_KEYS)
    pems = {name: _pem(name, given, directory) for name in _PEMS}
    policy = _policy(given)
    versions = _versions(given)
    suites = _suites(given, versions, http)
    curve = _curve(given)
    sans = _sans(given, policy)
    prefer = given.get("prefer_server_cipher_suites")
    if not (any(pems.values()) or "client_auth_type" in given):
        if given:
            warnings.append(f"{item.where}: neither cert_file nor key_file is set: TLS is off")
        return None
    cert, key, client_ca = pems.values()
    for name, pem in (("cert", cert), ("key", key)):
        if pem is None:
            item.reject(f"{name} or {name}_file is missing")
    if client_ca is not None and policy == names.NONE:
        item.reject(f"client_ca is set without client_auth_type; set it to {names.REQUIRED}")
    if cert is None or key is None:
        return None
    low, high = versions
    if suites is not None and not suites:
        low = max(low, names.VERSIONS["TLS13"])  # as Go: nothing was left for TLS 1.2
    prefers = prefer is None or prefer.boolean(default=True)
    return Tls(cert, key, client_ca, policy, sans, low, high, suites or (), prefers, curve)


def _pem(name: str, given: Mapping[str, Item], directory: str) -> Pem | None:
    """The text of a key, or the file of its sister; an empty one is not set."""
    inline, file = given.get(name), given.get(f"{name}_file")
    text = inline.text() if inline is not None else ""
    path = file.text() if file is not None else ""
    if text and path and file is not None:
        file.reject(f"{name} and {name}_file are mutually exclusive")
    if path and file is not None:
        if "\0" in path:
            file.reject("must not contain a NUL character")
        return Pem(file.where, path=posixpath.join(directory, path))
    return Pem(inline.where, text=text) if text and inline is not None else None


def _policy(given: Mapping[str, Item]) -> str:
    item = given.get("client_auth_type")
    policy = item.text() if item is not None else ""
    if item is None or policy in ("", *names.POLICIES):
        return policy or names.NONE
    meant = "RequireAnyClientCert" if policy == names.UNVERIFIED_TOO else policy
    if meant in names.UNVERIFIED:
        item.reject(f"{policy} is not supported: {names.UNVERIFIED[meant]}")
    else:
        known = (*names.POLICIES, *names.UNVERIFIED)
        choices = f"must be one of: {', '.join(names.POLICIES)}"
        item.reject(f"unknown policy {shown(policy)}; {choices}{hint(policy, known)}")
    return names.REQUIRED


def _sans(given: Mapping[str, Item], policy: str) -> frozenset[str]:
    item = given.get("client_allowed_sans")
    found = frozenset(each.text() for each in item.texts()) if item is not None else frozenset()
    if item is not None and found and policy == names.NONE:
        item.reject(f"no client is asked for a certificate; set client_auth_type: {names.REQUIRED}")
    return found


def _versions(given: Mapping[str, Item]) -> tuple[int, int]:
    default = {"min_version": "TLS12", "max_version": "TLS13"}
    found = []
    for key, otherwise in default.items():
        item = given.get(key)
        text = (item.text() if item is not None else "") or otherwise
        if item is not None and text not in names.VERSIONS:
            known = ", ".join(names.VERSIONS)
            item.reject(f"unknown TLS version {shown(text)}; must be one of: {known}")
        found.append(names.VERSIONS.get(text, names.VERSIONS[otherwise]))
    low, high = found
    if low > high:
        for name in default.keys() & given.keys():
            given[name].reject("max_version is below min_version: no client could connect")
    return low, high


def _suites(
    given: Mapping[str, Item], versions: tuple[int, int], http: Mapping[str, Item]
) -> tuple[str, ...] | None:
    """OpenSSL's names of the suites up to TLS 1.2; `None` if no suite is set."""
    item = given.get("cipher_suites")
    wanted = {each.text(): each for each in item.texts()} if item is not None else {}
    if item is None or not wanted:
        return None
    known = (*names.SUITES, *names.TLS13_SUITES)
    for name, each in wanted.items():
        if name not in known:
            each.reject(f"unknown cipher {shown(name)}{meant(name, known)}")
    http2 = "http2" not in http or http["http2"].boolean(default=True)
    if http2 and versions[0] < names.VERSIONS["TLS13"] and not wanted.keys() & names.HTTP2_SUITES:
        item.reject(
            f"none of {', '.join(names.HTTP2_SUITES)}, which HTTP/2 requires in exporters that "
            f"have it; add one, or set http2: false in {HTTP}"
        )
    return tuple(names.SUITES[name] for name in wanted if name in names.SUITES)


def _curve(given: Mapping[str, Item]) -> str:
    item = given.get("curve_preferences")
    wanted = {each.text(): each for each in item.texts()} if item is not None else {}
    for name, each in wanted.items():
        if name not in names.CURVES:
            known = ", ".join(names.CURVES)
            each.reject(f"unknown curve {shown(name)}; must be one of: {known}")
    if item is not None and len(wanted) > 1:
        item.reject(
            "several curves are not supported: Python's ssl sets one; keep one, or remove the key: "
            "OpenSSL then offers all of them"
        )
    return next((names.CURVES[name] for name in wanted if name in names.CURVES), "")


def _headers(item: Item) -> Mapping[str, str]:
    """The headers that are not blank, each with its value."""
    found = {}
    for name, value in item.mapping().items():
        text, choices = value.text(), names.HEADERS.get(name)
        if choices is None:
            value.reject(f"this header cannot be configured{meant(name, names.HEADERS)}")
        elif choices and text not in choices:
            value.reject(f"invalid value {shown(text)}; must be one of: {', '.join(choices)}")
        elif not re.fullmatch(r"[ -~]*", text):
            value.reject("must be printable ASCII characters")
        elif text:
            found[name] = text
    return found


def _users(item: Item, warnings: list[str]) -> Mapping[str, str]:
    found = {}
    for name, value in item.mapping().items():
        # What is written here may be a password, so it is never quoted.
        match = re.fullmatch(_HASH, value.text())
        if match is None or not 4 <= int(match[1]) <= 31:
            value.reject("must be a bcrypt hash, as htpasswd -nBC 10 NAME prints after the colon")
        elif ":" in name:
            value.reject("a user's name must not contain a colon")
        else:
            found[name] = value.text()
            if int(match[1]) >= SLOW_COST:
                warnings.append(
                    f"{value.where}: cost {int(match[1])}: the first check of a password takes "
                    "seconds of CPU or more; 10 is usual"
                )
    return found


def _rate(item: Item, warnings: list[str]) -> Rate | None:
    """The rate limit; `None` where the interval is 0 or not set."""
    given = item.mapping(("interval", "burst"))
    interval, burst = 0.0, 0
    if "interval" in given:
        found = seconds(given["interval"].text() or "0")
        if found is None or found > LONGEST_INTERVAL:
            given["interval"].reject('must be a duration up to 24h such as "1s" or "250ms", or 0')
        interval = found or 0.0
    if "burst" in given:
        number = given["burst"].integer()
        if number is None or not 0 <= number <= MOST_BURST:
            given["burst"].reject(f"must be a whole number from 0 to {MOST_BURST}")
        burst = number or 0
    if interval and not burst:
        warnings.append(f"{item.where}: burst is 0: every request is rejected; set it to 1 or more")
    return Rate(interval, burst) if interval else None


def seconds(text: str) -> float | None:
    """The seconds of a duration as Go writes it (`1m30s`, `250ms`, `0`); `None` for others.

    Go reads other numbers without a unit as nanoseconds, which nobody means: they are rejected.
    """
    if text == "0":
        return 0.0
    part = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)"
    if not re.fullmatch(rf"(?:{part})+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(part, text))
