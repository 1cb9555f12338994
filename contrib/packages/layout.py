"""Where everything is installed: the one list that all three formats follow."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent

PREFIX: Final = "opt/xenwatch"
LIBRARY: Final = f"{PREFIX}/lib/python3.13"
SITE: Final = f"{LIBRARY}/site-packages"
SHARE: Final = f"{PREFIX}/share"
PYTHON: Final = f"{PREFIX}/bin/python3.13"
CONFIGURATION: Final = "etc/xenwatch/xenwatch.toml"

LINKS: Final = {
    "usr/bin/xenwatch": f"/{PREFIX}/bin/xenwatch",
    "usr/share/man/man1/xenwatch.1.gz": f"/{SHARE}/man/man1/xenwatch.1.gz",
    "usr/share/man/man5/xenwatch.toml.5.gz": f"/{SHARE}/man/man5/xenwatch.toml.5.gz",
    "usr/share/bash-completion/completions/xenwatch": f"/{SHARE}/completions/xenwatch.bash",
    "usr/share/zsh/site-functions/_xenwatch": f"/{SHARE}/completions/_xenwatch",
    "usr/share/fish/vendor_completions.d/xenwatch.fish": f"/{SHARE}/completions/xenwatch.fish",
}
"""What lies outside of the prefix and leads into it."""

SHARED: Final = {
    "contrib/alertmanager": "alertmanager",
    "contrib/checkmk": "checkmk",
    "contrib/icinga": "icinga",
    "contrib/nrpe": "nrpe",
    "contrib/prometheus": "prometheus",
    "contrib/snmp": "snmp",
    "contrib/web.yml": "web.yml",
    "grafana": "grafana",
    "systemd": "systemd",
    "contrib/xenwatch.toml": "xenwatch.toml",
    "docs": "docs",
    "CHANGELOG.md": "CHANGELOG.md",
    "LICENSE": "licences/xenwatch",
}
"""What of the repository is installed below `SHARE`, and under which name."""

UNITS: Final = ("*.service", "*.socket", "*.path", "*.target", "*.timer")
"""What of `systemd` is a unit; its subdirectories have drop-ins, users and directories."""


def installed() -> dict[str, str]:
    """Files of the service manager by where rpm and deb install them, and where they come from."""
    systemd = ROOT / "systemd"
    found = {
        f"usr/lib/systemd/system/{path.name}": f"{SHARE}/systemd/{path.name}"
        for pattern in UNITS
        for path in sorted(systemd.glob(pattern))
    }
    for kind in ("sysusers.d", "tmpfiles.d"):
        for path in sorted((systemd / kind).glob("*.conf")):
            found[f"usr/lib/{kind}/{path.name}"] = f"{SHARE}/systemd/{kind}/{path.name}"
    return found
