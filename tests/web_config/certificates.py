"""Certificates for tests, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.tools import tool

CLIENT_NAMES = "DNS:prometheus,IP:2001:db8::1,email:ops@example.org,URI:spiffe://example/prom"
"""The names of the certificate of a client that the authority has signed."""


def openssl(directory: Path, *arguments: str) -> None:
    """Run openssl in a directory."""
    subprocess.run(
        [tool("openssl"), *arguments], cwd=directory, check=True, capture_output=True, timeout=60
    )


def pair(directory: Path, name: str, names: str, *more: str) -> None:
    """A key and a certificate with these alternative names, signed by itself unless told else."""
    openssl(
        directory,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "30"),
        *("-addext", f"subjectAltName={names}", *more),
    )


def make(directory: Path) -> Path:
    """`server`, `server2`, `stranger`, `ca` with its `client` and `member`, an encrypted key.

    `member` is a server, as those signed by themselves.
    """
    loopback = "DNS:localhost,IP:127.0.0.1,IP:::1"
    for name in ("server", "server2", "stranger"):
        pair(directory, name, loopback)
    pair(directory, "ca", "DNS:ca.example")
    for name, names in (("client", CLIENT_NAMES), ("member", loopback)):
        pair(directory, name, names, "-CA", "ca.crt", "-CAkey", "ca.key")
    encrypted = ("-aes256", "-passout", "pass:secret", "-out", "encrypted.key")
    openssl(directory, "pkey", "-in", "server.key", *encrypted)
    return directory
