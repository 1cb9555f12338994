"""The commands, each with what it does: of their modules only the chosen one is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HELP: Final[Mapping[str, str]] = {
    "run": "Run the daemon: collect and serve metrics until stopped.",
    "once": "Make one pass and print it.",
    "capture": "Make one pass and save every answer of the source in DIR.",
    "replay": "Step through the moments of a record, or list what happened.",
    "report": "Report what happened in a period of a record, for a ticket.",
    "support": "Pack what a bug report needs into one redacted archive in DIR.",
    "doctor": "Run every probe once; report which failed, why, and what to do.",
    "scenarios": "List the presets and scenarios of the synthetic host: --source synthetic:NAME.",
    "plan": "Show how many more VMs fit, and which limit stops the next one.",
    "advise": "Rank VMs by QEMU wakeups, with the emulated devices to disable.",
    "check": "Check limits and alerts for Icinga and Nagios: one line and an exit status.",
    "explain": "Explain an error message, or the lines of a log on stdin.",
    "top": "Show limits, VMs, QEMUs, disks, networks and the control path in a terminal.",
    "maintenance": "Put this host into maintenance for a while: its alerts then notify nobody.",
    "check-config": "Validate the configuration and the web configuration file it names, and check "
    "that the files and the source can be used.",
    "reader": "Read the host for a daemon without privileges; systemd starts it.",
    "messages": "Post alerts to xapi and values to xcp-rrdd for a daemon that is not root.",
    "generate": "Generate documents, dashboards and rules.",
}
"""By name, in the order of the help. `command_module` of `xenwatch.cli.main` finds the module."""
