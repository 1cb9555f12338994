"""The web configuration file while the daemon runs: followed, and never worse than before."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.web_config.certificates import pair
from tests.web_config.test_document import HASH
from tests.web_config.test_load import PAIR
from xenwatch.config.errors import ConfigError
from xenwatch.daemon.web_files import WebFiles
from xenwatch.web_config.load import PLAIN, Loader

USERS = f"basic_auth_users: {{alice: {HASH}}}\n"
REJECTED = "web configuration rejected; keeping the current one"


def write(file: Path, text: str) -> None:
    """Write a file anew."""
    file.write_text(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A web configuration file with TLS and a user."""
    pair(tmp_path, "server", "DNS:a")
    path = tmp_path / "web.yml"
    path.write_text(PAIR + USERS)
    return path


async def test_a_change_is_taken_up_and_said_once(file: Path) -> None:
    """A new text or a new certificate counts once it is read; nothing new is not said."""
    with capture_logs() as logs:
        files = WebFiles(Loader(str(file)))
        first = files.newest()
        await files.look()
        assert files.newest() is first

        write(file, f"{PAIR}  max_version: TLS12\n{USERS}")
        await files.look()
        second = files.newest()
        assert second.context is not None
        assert second.context.maximum_version is ssl.TLSVersion.TLSv1_2

        pair(file.parent, "server", "DNS:b")
        await files.look()
        assert files.newest().context is not second.context

    assert [entry["event"] for entry in logs] == ["web configuration reloaded"] * 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tls_server_config: [", "invalid YAML"),
        (PAIR.replace("server.key", "gone.key"), "gone.key: No such file"),
        (USERS, "switches TLS off: restart xenwatch"),
        (PAIR, "switches basic authentication off: restart xenwatch"),
    ],
)
async def test_what_is_invalid_or_less_safe_is_not_used(
    file: Path, text: str, problem: str
) -> None:
    """A bad file, and one without TLS or users, is logged once, and the old one stays."""
    with capture_logs() as logs:
        files = WebFiles(Loader(str(file)))
        first = files.newest()
        write(file, text)
        await files.look()
        assert files.newest() is first
        assert [entry["event"] for entry in logs] == [REJECTED]
        assert problem in logs[0]["problem"]

        write(file, f"{PAIR}{USERS}# as before\n")
        await files.look()
        assert files.newest().users == first.users
        assert logs[-1]["event"] == "web configuration reloaded"


async def test_an_empty_file_switches_nothing_off(file: Path) -> None:
    """A file that is empty for a moment, as while it is written, opens no door."""
    files = WebFiles(Loader(str(file)))
    first = files.newest()
    write(file, "")
    await files.look()

    assert files.newest() is first


async def test_a_problem_is_logged_once(file: Path) -> None:
    """A file that stays bad is not logged at every reading."""
    files = WebFiles(Loader(str(file)))
    write(file, "a: 1")
    with capture_logs() as logs:
        await files.look()
        await files.look()

    assert [entry["event"] for entry in logs] == [REJECTED]


def test_a_bad_file_keeps_the_daemon_from_starting(tmp_path: Path) -> None:
    """At the start there is no old one: the problems are raised."""
    with pytest.raises(ConfigError, match="No such file or directory; specify another file"):
        WebFiles(Loader(str(tmp_path / "web.yml")))


async def test_without_a_file_there_is_nothing_to_follow() -> None:
    """No path: plain HTTP, and the task that follows ends."""
    files = WebFiles(Loader(""))
    await files.run()

    assert files.newest() is PLAIN


def test_warnings_are_logged(tmp_path: Path) -> None:
    """What is valid and not meant is in the log at the start."""
    (tmp_path / "web.yml").write_text("http_server_config: {http2: true}\n")
    with capture_logs() as logs:
        WebFiles(Loader(str(tmp_path / "web.yml")))

    assert "http_server_config.http2: xenwatch serves HTTP/1.1" in logs[0]["problem"]
