"""Scenarios that are refused: what is wrong, and where."""

from __future__ import annotations

import pytest

from xenwatch.model.scenario import parse
from xenwatch.model.toml import ScenarioError

HEAD = 'title = "t"\nplatform = "debian-12"\n'
REFUSED = {
    "no TOML": ("title", "scenario bad: Expected"),
    "missing": ('title = "t"', "scenario bad: top: platform is missing"),
    "unknown key": (f"{HEAD}pace = 3", "top: unknown key pace; must be one of: name, title"),
    "type": (f'{HEAD}speed = "fast"', "top: speed: must be a number >= 0, not 'fast'"),
    "truth": (f"{HEAD}seed = true", "top: seed: must be an integer >= 0, not True"),
    "negative": (f"{HEAD}speed = -1", "top: speed: must be a number >= 0, not -1"),
    "standstill": (f"{HEAD}speed = 0", "speed must be greater than 0"),
    "platform": ('title = "t"\nplatform = "xen"', "no such platform: xen; must be one of: "),
    "two levels": (
        'title = "t"\nplatform = "xenserver-6.1"\n[host]\nfifo_events = false',
        "fifo_events: xenserver-6.1 does not use FIFO event channels",
    ),
    "ids": (f"{HEAD}[host]\nblktap_ids = true", "blktap_ids: debian-12 has no blktap"),
    "step": (f'{HEAD}[[steps]]\ndo = "nap"', "steps, number 1: do must be one of: start, stop"),
    "steps": (f"{HEAD}steps = 3", "steps must be an array of tables"),
    "shapes": (f"{HEAD}shapes = 3", "shapes must be a table of tables"),
    "host": (f"{HEAD}host = 3", "host: must be a table"),
    "settings": (
        f"{HEAD}[host]\nsettings = 3",
        "host: settings: must be a table of strings, not 3",
    ),
    "vm type": (f'{HEAD}[shapes.a]\ntype = "vm"', "no such VM type: vm; must be one of: pv"),
    "vcpus": (f"{HEAD}[shapes.a]\nvcpus = 0", "vcpus must be greater than 0"),
    "qemu": (f'{HEAD}[shapes.a]\nqemu = "never"', "no such qemu: never; must be one of: "),
    "backend": (f'{HEAD}[shapes.a]\nbackend = "b"', "backend: no such shape: b"),
    "shape": (f'{HEAD}[[steps]]\ndo = "start"\nshape = "a"', "no such shape: a"),
    "leak": (
        f'{HEAD}[[steps]]\ndo = "leak"\nwhat = "time"',
        "what must be one of: event_channels",
    ),
    "at once": (
        f'{HEAD}[[steps]]\ndo = "leak"\nwhat = "grant_frames"\nevery = 0',
        "every and amount of a leak must be",
    ),
    "stalled": (f'{HEAD}[[steps]]\ndo = "pressure"\nstalled = 2', "stalled must be at most 1"),
    "fault": (
        f'{HEAD}[[steps]]\ndo = "disconnect"\nfault = "cable"',
        "fault must be one of: bridge, down, tag, dead",
    ),
    "certificates": (
        f"{HEAD}[host]\ncertificate_days = 5",
        "certificate_days: debian-12 has no certificates",
    ),
    "install": (
        f'{HEAD}[[steps]]\ndo = "install"\ncomponent = "microcode"',
        "component must be one of: kernel, xen",
    ),
    "hang": (
        f'{HEAD}[[steps]]\ndo = "hang"\ntarget = "xl"\nseconds = 3',
        "target must be one of: xenstored, xapi",
    ),
    "xenopsd": (
        f'{HEAD}[[steps]]\ndo = "leak"\nwhat = "xenopsd_fds"',
        "what: debian-12 has no xenopsd",
    ),
    "portals": (f"{HEAD}[host]\nportals = 14", "portals must be at most 13"),
    "portal": (
        f'{HEAD}[host]\nportals = 2\n[[steps]]\ndo = "cut"\nportal = 3',
        "portal must be from 1 to 2, as portals has",
    ),
    "no portal": (
        f'{HEAD}[host]\nportals = 2\n[[steps]]\ndo = "cut"\nportal = 0',
        "portal must be from 1 to 2, as portals has",
    ),
    "cut": (
        f'{HEAD}[host]\nportals = 1\n[[steps]]\ndo = "cut"\nportal = 1\nat = 9\nuntil = 9',
        "until must be after at",
    ),
    "log": (f'{HEAD}[[steps]]\ndo = "log"\nmib = 0', "every, and mib or files, of a log"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(name: str) -> None:
    """An error names the scenario, the place in it and the reason."""
    text, reason = REFUSED[name]

    with pytest.raises(ScenarioError) as caught:
        parse("bad", text)

    assert reason in str(caught.value)
    assert str(caught.value).startswith("scenario bad")
