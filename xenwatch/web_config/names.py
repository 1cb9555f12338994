"""What Go's TLS calls versions, cipher suites and curves, and what OpenSSL calls them.

Sources: exporter-toolkit, docs/web-configuration.md; Go, crypto/tls (CipherSuites, CurveID);
OpenSSL, ciphers(1).
"""

from __future__ import annotations

from typing import Final

VERSIONS: Final = {"TLS10": 0x0301, "TLS11": 0x0302, "TLS12": 0x0303, "TLS13": 0x0304}
"""Versions by their number in the protocol."""

TLS13_SUITES: Final = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)
"""Suites of TLS 1.3: always on, in Go and here."""

SUITES: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""Suites up to TLS 1.2 that Go holds secure, by its names."""

HTTP2_SUITES: Final = (
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
)
"""One of these is required where HTTP/2 is not off. Source: Go, net/http, http2.ConfigureServer."""

CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
"""Curves by Go's names."""

NONE: Final = "NoClientCert"
IF_GIVEN: Final = "VerifyClientCertIfGiven"
REQUIRED: Final = "RequireAndVerifyClientCert"
UNVERIFIED: Final = {
    "RequestClientCert": "Python cannot ask for a client certificate without verifying it; "
    f"xenwatch would not use it: set {NONE}, or {IF_GIVEN}",
    "RequireAnyClientCert": "Python cannot accept a client certificate without verifying it; "
    f"set {REQUIRED}, with client_ca_file",
}
"""Policies that exporter-toolkit has and Python's ssl has not, and what to set instead."""
UNVERIFIED_TOO: Final = "RequireClientCert"
"""An old name of RequireAnyClientCert."""
POLICIES: Final = (NONE, IF_GIVEN, REQUIRED)

HEADERS: Final = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""Headers that can be set, and their only values; any, where there are none."""
