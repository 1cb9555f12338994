"""The daemon tells xapi of its alerts, and xcp-rrdd of its values."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from tests.e2e.programs import until
from tests.messages.rrd_reader import Reader
from tests.messages.stand_in import HOST
from tests.running import daemon, xenwatch
from xenwatch.messages.page_file import NAME


def test_xapi_and_xcp_rrdd_are_told(tmp_path: Path) -> None:
    """What fires is a message, headroom is in the page, and at the end the page is gone."""
    metrics, kept = tmp_path / "metrics", tmp_path / "messages.json"
    metrics.mkdir()
    with daemon("-m", "tests.daemon.beside_xapi", str(metrics)) as running:
        until(kept.exists, "a message")
        until((metrics / NAME).exists, "a page")
        running.get_ready()
        _, values = Reader().read((metrics / NAME).read_bytes())
        messages = json.loads(kept.read_text())
        assert running.stop() == 0

    assert "XenwatchDomidsNearLimit" in [message["name"] for message in messages]
    assert {message["obj-uuid"] for message in messages} == {HOST}
    assert values["xenwatch_vms_left_linux"] > 0
    assert 0 < values["xenwatch_fullest_limit"] <= 1
    assert math.isnan(values["xenwatch_qemu_wakeups"]), "there is but one reading so far"
    assert not (metrics / NAME).exists()


def test_a_host_without_xcp_rrdd_goes_on(tmp_path: Path) -> None:
    """Values that nobody takes are told once, with the reason, and everything else works."""
    file = tmp_path / "xenwatch.toml"
    file.write_text("[xapi]\ndata_sources = true\n")
    with xenwatch("--source", "synthetic", "--config.file", str(file)) as running:
        failed = running.until("updating xcp-rrdd failed; will retry")
        running.get_ready()
        assert b"xenwatch_vm_headroom" in running.get("metrics")
        assert running.stop() == 0

    by_hand = "No such file or directory" if os.geteuid() == 0 else "xenwatch-messages.socket"
    assert by_hand in failed["reason"]
