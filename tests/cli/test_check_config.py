"""`xenwatch check-config`: files, sources and receivers that the configuration names."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.cli.support import no_traces, run
from tests.cli.test_marks import without_xen
from tests.shown import ROOT
from tests.tools import need
from xenwatch.cli import check_receivers, check_secrets
from xenwatch.config.key import FileUse
from xenwatch.config.keys import KEYS
from xenwatch.config.settings import Settings
from xenwatch.web_config.load import PLAIN

__all__ = ["no_traces"]
pytestmark = pytest.mark.usefixtures("no_traces")


def checked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, *more: str
) -> tuple[int, list[str]]:
    """Status and lines for a configuration."""
    file = tmp_path / "checked.toml"
    file.write_text(text)
    file.chmod(0o640)
    done = run(capsys, "check-config", f"--config.file={file}", *more)
    assert done.out == ""
    *lines, last = done.err.splitlines()
    valid = last == f"xenwatch: {file} is valid"
    assert valid == (done.status == 0)
    return done.status, [*lines, *(() if valid else (last,))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[plan]\nlearnt = "{0}/none"', "plan.learnt: {0}/none: No such file or directory"),
        ('[plan]\nlearnt = "{0}/pipe"', "plan.learnt: {0}/pipe is not a regular file"),
        ('[plan]\nlearnt = "{0}/text"', "plan.learnt: {0}/text: damaged, or not written by"),
        ('[pool]\nca_file = "{0}/none"', "pool.ca_file: {0}/none: No such file or directory"),
        ('[alerts]\nstate_file = "{0}/none/a"', "alerts.state_file: {0}/none is not a directory"),
        ('[alerts]\nstate_file = "{0}/pipe"', "alerts.state_file: {0}/pipe is not a regular file"),
        ('[maintenance]\nfile = "{0}/none/a"', "maintenance.file: {0}/none is not a directory"),
        ('[alerts]\nstate_file = "/proc/1/x"', "alerts.state_file: /proc/1 cannot be written"),
        ('[command]\nargv = ["{0}/text"]', "command.argv: {0}/text cannot be run by user root"),
        ('[command]\nargv = ["{0}"]', "command.argv: {0} is not a regular file"),
        ('[source]\nrootfs = "{0}/text"', "source.rootfs: {0}/text is not a directory"),
        ('[textfile]\ndirectory = "{0}/none"', "textfile.directory: {0}/none: No such file"),
        ('[textfile]\ndirectory = "{0}/text"', "textfile.directory: {0}/text is not a directory"),
        ('[textfile]\ndirectory = "/proc/1"', "textfile.directory: /proc/1 cannot be written"),
        ('[source]\nkind = "tree:{0}"', "source.kind: {0}: not a capture directory"),
        ('[source]\nkind = "synthetic:debian-21"', "did you mean debian-13?"),
        ('[source]\nkind = "host"\nrootfs = "{0}/linux"', "source.kind: No Xen here: "),
    ],
)
def test_what_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, problem: str
) -> None:
    """Each file and source that is set and cannot be used is a line with key and reason."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("x")
    without_xen(tmp_path / "linux")
    status, [line] = checked(capsys, tmp_path, text.format(tmp_path))

    assert status == 1
    assert problem.format(tmp_path) in line


def test_no_password_is_quoted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A URL that is rejected is named without its user and password, whatever is wrong with it."""
    at = "alice:secret@alerts.example:99999/api/v2"
    text = f'[alertmanager]\nurls = ["http://{at}"]\n[webhook]\nurl = "https://{at}"\n'
    _, lines = checked(capsys, tmp_path, text)
    _, more = checked(capsys, tmp_path, text.replace(":99999", ""))

    assert len(lines) == 2
    assert len(more) == 1
    assert "contains 'http://***@" in more[0]
    assert not any("alice" in line or "secret" in line for line in (*lines, *more))


ODD_URLS = {
    "ftp://alerts.example/s3cret": "ftp://alerts.example/***",
    "ftp://u:s3cret@alerts.example/s3cret": "ftp://***@alerts.example/***",
    "ftp://alerts.example/x@s3cret": "ftp://***",
    "http://u:s3/s3cret@alerts.example:0": "http://***",
    "alerts.example/s3cret": "alerts.example/***",
    "http://alerts.example:0?s3cret": "http://alerts.example:0/***",
}
API = {"http://alerts.example/s3cret/api/v2/alerts": "http://alerts.example/***"}
ODD = {"alertmanager.urls": ODD_URLS | API, "pool.members": ODD_URLS}


@pytest.mark.parametrize(
    ("key", "url", "named"), [(key, *each) for key, urls in ODD.items() for each in urls.items()]
)
def test_no_path_is_quoted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str, url: str, named: str
) -> None:
    """A URL that is rejected is named by its scheme and its host, if it surely has one."""
    section, _, name = key.partition(".")
    _, [line] = checked(capsys, tmp_path, f'[{section}]\n{name} = ["{url}"]')
    assert f"{key}: contains '{named}', which must" in line
    assert "s3cret" not in line


SECRETS = {
    "webhook.url": '[webhook]\nurl = "hooks.example/s3cret"',
    "alertmanager.urls": '[alertmanager]\nurls = ["http://a", "http:/u:s3cret@b?k=s3cret"]',
    "pool.members": '[pool]\nmembers = ["http://u:s3cret@a"]',
    "pool.prometheus": '[pool]\nprometheus = "http://u:s3cret@a"',
    "command.argv": '[command]\nargv = ["curl", "-H", "X: s3cret"]',
}
"""Values with a secret that are rejected, by key."""


@pytest.mark.parametrize("key", [key.path for key in KEYS if key.secret])
def test_no_secret_is_quoted(capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str) -> None:
    """Of a value that may be a secret only the reason is told, whatever is wrong with it."""
    status, [line] = checked(capsys, tmp_path, SECRETS[key])
    assert status == 1
    assert f": {key}: " in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[webhook]\nurl = "http://a"\nurl_file = "/f"', "url_file: webhook.url is set too; set"),
        ('[webhook]\nusername = "u"', "username: webhook.password_file is missing; set both"),
        (
            '[webhook]\nusername = "u"\npassword_file = "/f"\nbearer_token_file = "/t"',
            "webhook.bearer_token_file: webhook.username is set too; set one of them",
        ),
        (
            '[pool]\nmembers = ["http://a"]\nprometheus = "http://b"',
            "prometheus: pool.members is set too; set one of them",
        ),
        (
            '[pool]\nprometheus = "http://u:s3cret@b"',
            "prometheus: must not have a user; set pool.username and pool.password_file",
        ),
        ('[webhook]\npassword_file = "/f"', "password_file: webhook.username is missing; set"),
        ('[webhook]\nurl_file = "f"', "url_file: 'f' must be an absolute path"),
        ('[webhook]\nurl_file = "{0}/none"', "webhook.url_file: {0}/none: No such file"),
        ('[webhook]\nurl_file = "{0}/pipe"', "webhook.url_file: {0}/pipe: is not a regular file"),
        ('[webhook]\nurl_file = "{0}/text"', "webhook.url_file: {0}/text: must be a URL such as"),
        ('[webhook]\nurl_file = "{0}/empty"', "webhook.url_file: {0}/empty: is empty; write the"),
        (
            '[alertmanager]\nusername = "u"\npassword_file = "{0}/empty"',
            "alertmanager.password_file: {0}/empty: is empty; write the secret into it",
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, problem: str
) -> None:
    """Keys that do not fit, and files without a secret, are named with the reason."""
    os.mkfifo(tmp_path / "pipe")
    for name, content in (("text", "s3cret"), ("empty", "\n")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    status, [line] = checked(capsys, tmp_path, text.format(tmp_path))

    assert status == 1
    assert problem.format(tmp_path) in line
    assert "s3cret" not in line


def test_files_with_secrets_that_all_can_read_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, pki: Path
) -> None:
    """Each is a warning with key, mode and the command after which it is gone."""
    need("root")
    config, hook, web = (tmp_path / name for name in ("checked.toml", "a hook", "web.yml"))
    hook.write_text("https://hooks.example/s3cret\n")
    hashed = "$2b$04$" + "." * 53
    web.write_text(
        f"tls_server_config: {{cert_file: {pki}/server.crt, key_file: key.pem}}\n"
        f"basic_auth_users: {{u: {hashed}}}\n"
    )
    shutil.copy(pki / "server.key", tmp_path / "key.pem")
    for path in (hook, web, tmp_path / "key.pem"):
        path.chmod(0o644)
    text = (
        f'[web]\nconfig_file = "{web}"\n[webhook]\nurl_file = "{hook}"\n'
        '[alertmanager]\nurls = ["http://u:s3cret@a"]\n'
    )
    config.write_text(text)
    config.chmod(0o644)
    done = run(capsys, "check-config", f"--config.file={config}")
    *lines, _ = done.err.splitlines()

    assert [line.split(": ")[1:4:2] for line in lines] == [
        ["alertmanager.urls", "mode 0644"],
        ["webhook.url_file", "mode 0644"],
        ["web.config_file", "mode 0644"],
        [f"{web}:1", str(tmp_path / "key.pem")],
    ]
    assert "s3cret" not in done.err
    assert done.status == 0
    for line in lines:
        subprocess.run(line.partition("; run: ")[2], shell=True, check=True)
    assert checked(capsys, tmp_path, text) == (0, [])


def test_the_command_leaves_the_file_to_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the service has a user of its own, the file is given to its group."""
    need("root")
    monkeypatch.setattr(check_secrets, "SERVICE_USER", "nobody")
    file = tmp_path / "x.toml"
    file.write_text("")
    file.chmod(0o604)
    settings = Settings({"webhook.url": "http://a/b"})
    [line] = check_secrets.exposed(settings, str(file), PLAIN)
    assert line == (
        f"webhook.url: {file}: mode 0604: every user can read the secret in it; run: "
        f"chgrp nobody {file} && chmod 0640 {file}"
    )
    os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    [line] = check_secrets.exposed(settings, str(file), PLAIN)
    assert line.endswith(f"run: chmod o= {file}")


def test_what_can_be_used_is_no_problem(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Files that are there, and one that is yet to be written, are no problem."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (
        f'[source]\nkind = "synthetic:debian-12"\n'
        f'[alerts]\nstate_file = "{tmp_path}/alerts.json"\n'
        f'[maintenance]\nfile = "{tmp_path}/maintenance.json"\n'
        f'[command]\nargv = ["{program}"]\n'
        f'[textfile]\ndirectory = "{tmp_path}"\n'
    )

    assert checked(capsys, tmp_path, text) == (0, [])


AS_NOBODY = """\
import sys
from xenwatch.cli import main, service_user
from xenwatch.config import config_file
service_user.SERVICE_USER = "nobody"
config_file.DEFAULT_FILE = sys.argv[1]
sys.exit(main.main(["check-config", *sys.argv[2:]]))
"""


def as_nobody(default: Path, *arguments: str) -> tuple[int, list[str]]:
    """Status and lines of the command as root, where the service runs as nobody."""
    argv = [sys.executable, "-c", AS_NOBODY, str(default), *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr.splitlines()


def test_root_is_told_what_the_service_cannot_read() -> None:
    """What root can use and the user of the service cannot is a problem, of the files in use."""
    need("root")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        web, used = home / "web.yml", home / "xenwatch.toml"
        web.write_text("http_server_config: {http2: false}\n")
        used.write_text(
            f'[web]\nconfig_file = "{web}"\n[alerts]\nstate_file = "{home}/alerts.json"\n'
        )
        closed = as_nobody(used)
        home.chmod(0o755)
        for file in (web, used):
            file.chmod(0o600)
        status, secret = as_nobody(used)
        draft = as_nobody(used, f"--config.file={used}")
        for file in (web, used):
            file.chmod(0o644)
        shutil.chown(home, "nobody")
        public = as_nobody(used)

    assert closed[0] == status == draft[0] == 1
    assert (
        f"xenwatch: {home}: permission denied for user nobody; run: chmod o+x {home}" in closed[1]
    )
    remedy = f"chgrp nobody {used} && chmod g+r {used}"
    unread = f"xenwatch: {used}: permission denied for user nobody; run: {remedy}"
    unwritten = f"xenwatch: alerts.state_file: {home} cannot be written by user nobody"
    *others, last = secret
    assert others == [unwritten, unread]
    assert last.startswith(f"xenwatch: --web.config.file {web}: Permission denied")
    assert last.endswith("(as user nobody)")
    assert draft[1] == [unwritten, last]
    assert public == (0, [f"xenwatch: {used} is valid"])


def test_rules_without_their_metrics_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A metric that is left out costs the alerts of Prometheus that need it, which is a warning."""
    status, [line] = checked(capsys, tmp_path, '[metrics]\nexclude = ["xenwatch_iscsi_*"]')
    unused = checked(capsys, tmp_path, '[metrics]\nexclude = ["xenwatch_disk_*"]')
    watched = checked(capsys, tmp_path, '[metrics]\nexclude = ["xenwatch_vm_start_seconds"]')[1]
    wrong, [reason] = checked(capsys, tmp_path, '[metrics]\nexclude = ["xenwatch_disk"]')

    vital = checked(capsys, tmp_path, '[metrics]\nexclude = ["xenwatch_*_info"]')[1]

    assert status == 0
    assert "but xenwatch_build_info tells Prometheus of this daemon" in vital[0]
    assert "metrics.exclude: Prometheus's rules need xenwatch_iscsi_session_up" in line
    assert "XenwatchIscsiSessionDown" in line
    assert "XenwatchPtysNearLimit" not in line
    assert unused == (0, [])
    assert any("XenwatchVmStartsSlow" in told for told in watched)
    assert wrong == 1
    assert "contains 'xenwatch_disk', which matches no xenwatch_* metric" in reason


def test_every_use_of_a_file_is_a_key() -> None:
    """No way to use a file is tested that no key has."""
    assert {key.file for key in KEYS if key.file} == set(FileUse)


@pytest.mark.parametrize("kind", ["pipe", "/dev/zero", "/dev/tty"])
def test_a_pipe_and_a_device_are_no_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    """Neither is opened: nobody may ever write into a pipe, and a device may never end."""
    os.mkfifo(tmp_path / "pipe")
    done = run(capsys, "check-config", f"--config.file={tmp_path / kind}")

    assert done.status == 1
    assert "is not a regular file; specify another file with --config.file" in done.err


class Alertmanager(BaseHTTPRequestHandler):
    """Answers the path of API v2 alone."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/api/v2/status" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_receivers_are_asked_only_where_that_is_wanted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --probe a receiver that is there is no problem, one that is not or is another is."""
    with HTTPServer(("127.0.0.1", 0), Alertmanager) as server, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        good = f"http://127.0.0.1:{server.server_port}"
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        right = f'[alertmanager]\nurls = ["{good}"]\n[webhook]\nurl = "{good}/hook"\n'
        urls = f'urls = ["{gone}", "{good}/x", "{good}/y"]'
        wrong = f'[alertmanager]\n{urls}\n[webhook]\nurl = "{gone}"\n'
        try:
            assert checked(capsys, tmp_path, right, "--probe") == (0, [])
            assert checked(capsys, tmp_path, wrong) == (0, [])
            status, lines = checked(capsys, tmp_path, wrong, "--probe")
        finally:
            server.shutdown()

    assert status == 1
    no_alertmanager = check_receivers.NO_ALERTMANAGER.format(404)
    assert lines == [
        f"xenwatch: alertmanager.urls: {gone}: Connection refused",
        *[f"xenwatch: alertmanager.urls: {good}/***: {no_alertmanager}"] * 2,
        f"xenwatch: webhook.url: {gone}: Connection refused",
    ]


def test_a_receiver_that_hangs_is_left(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes the connection and says nothing costs no more than the deadline."""
    monkeypatch.setattr(check_receivers, "DEADLINE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        status, [line] = checked(capsys, tmp_path, f'[alertmanager]\nurls = ["{url}"]\n', "--probe")

    assert status == 1
    assert f"alertmanager.urls: {url}: timed out" in line
