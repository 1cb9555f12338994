"""The bill of materials, in CycloneDX 1.5."""

from __future__ import annotations

import email
import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any, Final

from layout import PYTHON, SITE
from lock import File, Lock

NAMESPACE: Final = uuid.UUID("8f1e7ac2-5f0f-5c0e-9d1b-3c6c2f0a7d11")
"""Where the serial numbers come from: equal contents have equal numbers."""

LICENCES: Final = {
    "libffi-dev": "MIT",
    "libssl-dev": "Apache-2.0",
    "python3.13": "PSF-2.0",
    "zlib1g-dev": "Zlib",
}
"""The licences of Debian's packages, whose copyright files name no expression of SPDX."""
LLHTTP: Final = "in aiohttp, whose wheel does not say which version"
CRATE: Final = re.compile(rb"index\.crates\.io-[0-9a-f]+/([\w-]+?)-(\d+\.\d+\.\d+[\w.+-]*)/")
"""The path of a source file, which Rust's compiler leaves in messages of a panic."""


def _licences(stage: Path, file: File) -> list[dict[str, Any]]:
    """The licence in the metadata of a wheel, in words where it is no expression of SPDX."""
    name = file.name.partition("-")[0]
    (metadata,) = (stage / SITE).glob(f"{name}-*.dist-info/METADATA")
    message = email.message_from_string(metadata.read_text())
    if expression := message["License-Expression"]:
        return [{"expression": expression}]
    trove = [line for line in message.get_all("Classifier", []) if line.startswith("License ::")]
    names = [line.rpartition(" :: ")[2] for line in trove] or [message["License"] or "unknown"]
    return [{"license": {"name": name.splitlines()[0]}} for name in names]


def _hashes(file: File) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": file.sha256}]


def _part(kind: str, name: str, version: str, **more: Any) -> dict[str, Any]:
    """A component by what `kind` its name is of. Not every copy of a library says its version."""
    purl = f"pkg:{kind}/{name}" + (f"@{version}" if version else "")
    known = {"version": version} if version else {}
    return {"type": "library", "bom-ref": purl, "name": name, **known, "purl": purl, **more}


def _debian(file: File, qualifiers: str, **more: Any) -> dict[str, Any]:
    part = _part("deb/debian", file.package, file.version)
    purl = f"{part['purl']}?{qualifiers}"
    licences = [{"license": {"id": LICENCES[file.package]}}]
    named = {"bom-ref": purl, "purl": purl, "hashes": _hashes(file), "licenses": licences}
    return {**part, **named, **more}


def _sources(lock: Lock) -> list[dict[str, Any]]:
    """The files the interpreter is built from: the released source, and Debian's patches of it."""
    return [
        {"type": "distribution", "url": file.name, "hashes": _hashes(file)} for file in lock.source
    ]


def crates(library: bytes) -> list[tuple[str, str]]:
    """The crates of Rust in a shared library, with their versions, as far as it names them."""
    found = {(name.decode(), version.decode()) for name, version in CRATE.findall(library)}
    return sorted(found)


def _compiled_in(stage: Path) -> list[dict[str, Any]]:
    """What the lock file does not name: copies in the source of Python and in wheels.

    Raises `subprocess.CalledProcessError`.
    """
    script = "import _decimal; print(_decimal.__libmpdec_version__)"
    decimal = subprocess.check_output([stage / PYTHON, "-I", "-c", script], text=True).strip()
    libraries = sorted((stage / SITE).rglob("*.so"))
    rust = sorted({crate for path in libraries for crate in crates(path.read_bytes())})
    return [
        _part("generic", "mpdecimal", decimal, licenses=[{"license": {"id": "BSD-2-Clause"}}]),
        _part("generic", "llhttp", "", description=LLHTTP, licenses=[{"license": {"id": "MIT"}}]),
        *(_part("cargo", name, version) for name, version in rust),
    ]


def document(stage: Path, lock: Lock, version: str) -> str:
    """The bill of materials of the tree below `stage`. Raises `subprocess.CalledProcessError`."""
    components = [
        _debian(
            file, "arch=source&distro=trixie", type="platform", externalReferences=_sources(lock)
        )
        for file in lock.source
        if ".orig." in file.name
    ]
    components += [
        _debian(file, "arch=amd64&distro=bookworm")
        for file in lock.libraries
        if file.package.endswith("-dev")
    ]
    components += [
        _part("pypi", file.package, file.version, hashes=_hashes(file), licenses=licences)
        for file in lock.wheels
        for licences in [_licences(stage, file)]
    ]
    components += _compiled_in(stage)
    purl = f"pkg:pypi/xenwatch@{version}"
    bom: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": "xenwatch",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "purl": purl,
            }
        },
        "components": components,
        "dependencies": [{"ref": purl, "dependsOn": [part["bom-ref"] for part in components]}],
    }
    number = uuid.uuid5(NAMESPACE, json.dumps(bom, sort_keys=True))
    return json.dumps({"serialNumber": f"urn:uuid:{number}", **bom}, indent=1) + "\n"
