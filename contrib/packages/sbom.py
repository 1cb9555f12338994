"""The bill of materials, in CycloneDX 1.5."""

from __future__ import annotations

import email
import json
import uuid
from pathlib import Path
from typing import Any, Final

from layout import SITE
from lock import File, Lock

NAMESPACE: Final = uuid.UUID("8f1e7ac2-5f0f-5c0e-9d1b-3c6c2f0a7d11")
"""Where the serial numbers come from: equal contents have equal numbers."""


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


def _component(file: File, purl: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": purl,
        "name": file.package,
        "version": file.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        **more,
    }


def document(stage: Path, lock: Lock, version: str) -> str:
    """The bill of materials of the tree below `stage`."""
    components = [
        _component(
            file,
            f"pkg:deb/debian/{file.package}@{file.version}?arch=source&distro=trixie",
            type="platform",
        )
        for file in lock.source
        if ".orig." in file.name
    ]
    components += [
        _component(file, f"pkg:deb/debian/{file.package}@{file.version}?arch=amd64&distro=bookworm")
        for file in lock.libraries
        if file.package.endswith("-dev")
    ]
    components += [
        _component(file, f"pkg:pypi/{file.package}@{file.version}", licenses=_licences(stage, file))
        for file in lock.wheels
    ]
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
