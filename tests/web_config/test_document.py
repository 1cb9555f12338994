"""The web configuration file as text: what is accepted, and with which words it is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import bcrypt
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tests.running import ROOT
from xenwatch.web_config import names
from xenwatch.web_config.document import Document, Rate, Tls, parse, seconds

PAIR = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n"
HASH = "$2y$10$" + "a" * 21 + "e" + "b" * 31


def accepted(text: str) -> Document:
    """What a file says that has no problem."""
    problems: list[str] = []
    found = parse(text.encode(), "/etc/xenwatch/web.yml", problems)
    assert problems == []
    return found


def tls(text: str) -> Tls:
    """TLS as a file configures it that has these lines below a certificate and a key."""
    found = accepted(PAIR + text).tls
    assert found is not None
    return found


@pytest.mark.parametrize("text", ["", "# nothing\n", "tls_server_config:\n", "---\n", "~"])
def test_an_empty_file_is_plain_http(text: str) -> None:
    """A file that sets nothing is accepted, and nothing is on."""
    assert accepted(text) == Document()


def test_the_document_makes_a_hash() -> None:
    """What it shows for a host without htpasswd prints a user as the file has them."""
    text = (ROOT / "docs/web.md").read_text()
    (code,) = re.findall(r"^/opt/xenwatch/bin/python3\.13 -c '(.*)'$", text, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input="secret\n",
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,  # without a terminal it reads the password from stdin
    )
    [(user, found)] = accepted(f"basic_auth_users:\n  {done.stdout}").users.items()

    assert user == "prometheus"
    assert bcrypt.checkpw(b"secret", found.encode())


def test_paths_are_relative_to_the_file() -> None:
    """Paths without a leading slash begin in the directory of the file, others stay."""
    found = tls("  client_ca_file: /ca.pem\n  client_auth_type: VerifyClientCertIfGiven\n")

    assert [pem.path for pem in found.pems] == [
        "/etc/xenwatch/a.crt",
        "/etc/xenwatch/a.key",
        "/ca.pem",
    ]


def test_what_is_not_set_is_as_in_exporters() -> None:
    """TLS 1.2 and 1.3, OpenSSL's own suites in the server's order, no client certificate."""
    found = tls("")

    assert (found.min_version, found.max_version) == (0x0303, 0x0304)
    assert (found.policy, found.suites, found.prefer_server) == (names.NONE, (), True)


def test_every_cipher_of_go_is_known() -> None:
    """The suites that Go holds secure are accepted; those of TLS 1.3 are always on."""
    every = (*names.SUITES, *names.TLS13_SUITES)
    found = tls("  cipher_suites:\n" + "".join(f"  - {name}\n" for name in every))

    assert found.suites == tuple(names.SUITES.values())
    assert found.min_version == 0x0303


def test_only_ciphers_of_tls_1_3_leave_nothing_for_tls_1_2() -> None:
    """Where no suite is for TLS 1.2, it is off, as in Go."""
    text = "  cipher_suites: [TLS_AES_128_GCM_SHA256]\nhttp_server_config: {http2: false}\n"

    assert tls(text).min_version == 0x0304


@pytest.mark.parametrize(("name", "curve"), names.CURVES.items())
def test_a_curve_is_known_by_its_name_in_go(name: str, curve: str) -> None:
    """Each curve of exporter-toolkit is accepted alone."""
    assert tls(f"  curve_preferences: [{name}]\n").curve == curve


def test_headers_are_taken_as_they_are_written() -> None:
    """Numbers are text in a header, a blank one is not set."""
    text = 'http_server_config:\n  headers: {X-XSS-Protection: 1, Content-Security-Policy: ""}\n'

    assert accepted(text).headers == {"X-XSS-Protection": "1"}


def test_users_and_a_rate_limit_are_read() -> None:
    """Hashes by user, and a rate; an interval of 0 is none, a burst of 0 refuses everybody."""
    found = accepted(f"basic_auth_users: {{a: {HASH}}}\nrate_limit: {{interval: 1s, burst: 0}}\n")

    assert found.users == {"a": HASH}
    assert found.rate == Rate(1.0, 0)
    assert accepted("rate_limit: {interval: 0, burst: 0}").rate is None


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("http_server_config:\n  http2: true\n", "2: http_server_config.http2: xenwatch serves"),
        ("tls_server_config: {min_version: TLS13}", "1: tls_server_config: neither cert_file nor"),
        (f"basic_auth_users: {{a: {HASH.replace('10', '15')}}}", "basic_auth_users.a: cost 15"),
        ("rate_limit: {interval: 1s}", "1: rate_limit: burst is 0: every request is rejected"),
    ],
)
def test_what_is_valid_and_not_meant_is_said(text: str, warning: str) -> None:
    """HTTP/2, TLS without a certificate, slow hashes and no burst are accepted, with a line."""
    (line,) = accepted(text).warnings
    assert line.startswith("/etc/xenwatch/web.yml:")
    assert warning in line


REFUSED = {
    "no mapping": ("abc\ndef", "1: top level: must be a mapping of keys to values: tls_server"),
    "a list": ("[1]", "1: top level: must be a mapping"),
    "misspelt": ("tls_server_config:\n  cert_filse: a", "2: tls_server_config.cert_filse: unknown"),
    "unknown": ("foo: 1", "1: foo: unknown key; must be one of: tls_server_config, http_server"),
    "twice": ("rate_limit:\nrate_limit:\n", "2: rate_limit: is set twice"),
    "user twice": (f"basic_auth_users: {{a: {HASH}, a: {HASH}}}", "basic_auth_users.a: is set twi"),
    "merge": ("a: &a {}\n<<: *a", "2: <<: merge keys are not supported"),
    "key": ("? [a]\n: b", "1: top level: a key must be a word"),
    "tag": ("tls_server_config: {cert: !!binary YQ==}", "cert: must be text without the tag"),
    "unfinished": ("a: [", "1: invalid YAML: expected the node content"),
    "tab": ("a:\n\tb: 1", "2: invalid YAML: found character"),
    "two": ("a: 1\n---\nb: 2", "2: invalid YAML: but found another document"),
    "deep": ("[" * 5000, ": invalid YAML: nested too deeply"),
    "control": ("a: \x01", ": invalid YAML: special characters are not allowed at offset 3"),
    "no certificate": ("tls_server_config: {key_file: k}", "cert or cert_file is missing"),
    "empty certificate": (PAIR.replace("a.crt", '""'), "cert or cert_file is missing"),
    "empty key": (PAIR.replace("a.key", '""'), "key or key_file is missing"),
    "both": (PAIR + "  cert: abc", "2: tls_server_config.cert_file: cert and cert_file are mutua"),
    "list for text": (PAIR.replace("a.key", "[a]"), "3: tls_server_config.key_file: must be text"),
    "policy": (PAIR + "  client_auth_type: x", "unknown policy 'x'; must be one of: NoClientCert"),
    "policy alone": ("tls_server_config: {client_auth_type: x}", "cert or cert_file is missing"),
    "request": (PAIR + "  client_auth_type: RequestClientCert", "Python cannot ask for a client"),
    "any": (PAIR + "  client_auth_type: RequireAnyClientCert", "set RequireAndVerifyClientCert"),
    "any, old name": (
        PAIR + "  client_auth_type: RequireClientCert",
        "RequireClientCert is not su",
    ),
    "authority without policy": (PAIR + "  client_ca_file: ca", "without client_auth_type; set it"),
    "names without policy": (PAIR + "  client_allowed_sans: [a]", "no client is asked for a cert"),
    "version": (
        PAIR + "  min_version: TLS111",
        "4: tls_server_config.min_version: unknown TLS ver",
    ),
    "versions": (PAIR + "  min_version: TLS13\n  max_version: TLS12", "max_version is below min_v"),
    "cipher": (PAIR + "  cipher_suites: [TLS_X]", "unknown cipher 'TLS_X'"),
    "cipher for HTTP/2": (
        PAIR + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
        "which HTTP/2 requires in exporters that have it; add one, or set http2: false",
    ),
    "curve": (PAIR + "  curve_preferences: [CurveP257]", "unknown curve 'CurveP257'; must be one"),
    "curves": (PAIR + "  curve_preferences: [X25519, CurveP256]", "several curves are not support"),
    "boolean": (PAIR + "  prefer_server_cipher_suites: 1", "must be true or false"),
    "quoted boolean": ('http_server_config: {http2: "true"}', "http2: must be true or false"),
    "header": ("http_server_config: {headers: {Content-Type: a}}", "this header cannot be config"),
    "frame": (
        "http_server_config: {headers: {X-Frame-Options: foo}}",
        "must be one of: deny, same",
    ),
    "sniff": ("http_server_config: {headers: {X-Content-Type-Options: sniff}}", "one of: nosniff"),
    "newline": ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "must be printable"),
    "password": ("basic_auth_users: {john: doe}", "basic_auth_users.john: must be a bcrypt hash"),
    "cost": (f"basic_auth_users: {{a: {HASH.replace('10', '32')}}}", "must be a bcrypt hash"),
    "colon": (f'basic_auth_users: {{"a:b": {HASH}}}', "must not contain a colon"),
    "nanoseconds": ("rate_limit: {interval: 5}", "interval: must be a duration up to 24h such as"),
    "negative": ("rate_limit: {interval: -1s}", "interval: must be a duration"),
    "burst": ("rate_limit: {interval: 1s, burst: 1.5}", "burst: must be a whole number from 0 to"),
    "long burst": ("rate_limit: {burst: " + "9" * 5000 + "}", "burst: must be a whole number"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_its_place(text: str, message: str) -> None:
    """A problem names the file, the line and the key, says why, and does not quote secrets."""
    problems: list[str] = []
    parse(text.encode(), "web.yml", problems)

    assert any(message in problem for problem in problems), problems
    assert all(problem.startswith("web.yml") for problem in problems)
    assert "doe" not in "".join(problems)


def test_what_is_no_text_is_refused() -> None:
    """Bytes that are not UTF-8 are refused with their offset."""
    problems: list[str] = []
    parse(b"a: \xff", "web.yml", problems)

    assert problems == ["web.yml: must be UTF-8 text: invalid byte at offset 3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("1s", 1.0),
        ("1m30s", 90.0),
        ("250ms", 0.25),
        ("1.5h", 5400.0),
        ("10µs", 1e-5),
        ("", None),
        ("1", None),
        ("1 s", None),
        ("-1s", None),
        ("1d", None),
        ("s", None),
    ],
)
def test_durations_are_those_of_go(text: str, expected: float | None) -> None:
    """A duration has a unit for every number; others are none."""
    assert seconds(text) == pytest.approx(expected)


_SECRET = "hunter2hunter2"
_words = st.sampled_from(
    [
        *("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "headers"),
        *("cert_file", "key", "client_auth_type", "cipher_suites", "http2", "interval", "burst"),
        *("X-Frame-Options", "TLS12", "NoClientCert", "1s", "CurveP256", "true", HASH, ""),
    ]
)
_leaves = st.one_of(_words, st.none(), st.booleans(), st.integers(), st.floats(), st.text())
_documents = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(_words, st.text(max_size=9)), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(_documents)
def test_no_document_breaks_the_parser(document: Any) -> None:
    """Every YAML document is accepted, or refused with lines that name the file."""
    problems: list[str] = []
    found = parse(yaml.safe_dump(document, allow_unicode=True).encode(), "web.yml", problems)

    assert all(problem.startswith("web.yml:") and problem.isprintable() for problem in problems)
    if not problems:
        assert found.tls is None or found.tls.min_version <= found.tls.max_version


@given(st.binary(max_size=300))
@example(b"a: &a [*a, *a]")
@example(b"\xef\xbb\xbfrate_limit: {}")
@example(b"%YAML 9.9\n---\n")
def test_no_bytes_break_the_parser(data: bytes) -> None:
    """Whatever the bytes of a file are, they are accepted or refused."""
    problems: list[str] = []
    parse(data, "web.yml", problems)

    assert all(problem.startswith("web.yml:") for problem in problems)


@given(st.sampled_from(["password: {}", "basic_auth_users: {{a: {}}}", "a: [{}", "{}"]))
def test_no_problem_tells_a_secret(shape: str) -> None:
    """A password that stands in the wrong place is not told to the log."""
    problems: list[str] = []
    parse(shape.format(_SECRET).encode(), "web.yml", problems)

    assert problems
    assert _SECRET not in "".join(problems)
