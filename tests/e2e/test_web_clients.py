"""TLS and users with real clients: curl, openssl, Prometheus and the commands of xenwatch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.e2e.programs import ROOT, Server, free_port, until
from tests.running import Process, daemon, xenwatch
from tests.tools import tool
from tests.web_config.test_load import PAIR
from xenwatch.web_config.load import PLAIN, load

CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
ALICE = "alice:alice123"


@pytest.fixture
def users() -> str:
    """The lines for a user."""
    hashed = bcrypt.hashpw(b"alice123", bcrypt.gensalt(4)).decode()
    return f"basic_auth_users:\n  alice: {hashed}\n"


class Running:
    """A daemon with a web configuration file, at a port and a Unix socket."""

    def __init__(self, process: Process, directory: Path, config: Path, port: int) -> None:
        self.process = process
        self.directory = directory
        self.config = config
        self.socket = f"{config.parent}/web.sock"
        self.port = port
        self.url = f"https://localhost:{port}"

    def curl(self, *arguments: str) -> tuple[int, str]:
        """Exit status, and status and version of HTTP."""
        done = subprocess.run(
            [tool("curl"), "-s", "-o", "-", "-w", "\n%{http_code} %{http_version}", *arguments],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()[-1]

    def handshake(self, *arguments: str) -> str:
        """What openssl says of a connection."""
        done = subprocess.run(
            [tool("openssl"), "s_client", "-connect", f"localhost:{self.port}", *arguments],
            cwd=self.directory,
            input="GET /-/healthy HTTP/1.0\r\n\r\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def check(self, *arguments: str) -> str:
        """What `xenwatch check` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "xenwatch", "check", "--timeout=60", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout


@contextmanager
def running(pki: Path, tmp_path: Path, text: str) -> Iterator[Running]:
    """A daemon on the synthetic host with this web configuration, ready."""
    web, config, port = pki / "web.yml", tmp_path / "xenwatch.toml", free_port()
    web.write_text(text)
    listen = [f"127.0.0.1:{port}", f"unix:{tmp_path}/web.sock"]
    config.write_text(f'[web]\nlisten_addresses = {json.dumps(listen)}\nconfig_file = "{web}"\n')
    arguments = ("-m", "xenwatch", "run", "--source=synthetic", f"--config.file={config}")
    with daemon(*arguments) as process:
        found = Running(process, pki, config, port)
        ready = ("--unix-socket", found.socket, "http://localhost/-/ready")
        until(lambda: found.curl(*ready)[1].startswith("200"), "the first pass is complete")
        yield found


def test_curl_is_served_with_certificate_and_password(
    pki: Path, tmp_path: Path, users: str
) -> None:
    """HTTPS with the right password is served over HTTP/1.1, everything else is refused."""
    with running(pki, tmp_path, PAIR + users) as site:
        url = f"{site.url}/metrics"
        known = ("--cacert", "server.crt")
        assert site.curl(*known, "-u", ALICE, url) == (0, "200 1.1")
        assert site.curl(*known, "--http2", "-u", ALICE, url) == (0, "200 1.1")
        assert site.curl(*known, url) == (0, "401 1.1")
        assert site.curl(*known, "-u", "alice:no", url) == (0, "401 1.1")
        assert site.curl("-u", ALICE, url)[0] == 60  # the certificate is not known
        assert site.curl(url.replace("https", "http")) == (0, "400 1")
        assert site.curl("--unix-socket", site.socket, "http://localhost/metrics")[1] == "200 1.1"
        assert site.process.log[-1]["open"][0] == f"https://127.0.0.1:{site.port}/"
        assert site.process.stop() == 0
        assert not Path(site.socket).exists()


def plan(*arguments: str) -> tuple[int, str]:
    """Exit status of `xenwatch plan`, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "xenwatch", "plan", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_pool_is_planned_with_certificate_and_password(
    pki: Path, tmp_path: Path, users: str
) -> None:
    """By the options, or by the keys of a host; without them the host has no room, with the reason.

    A Prometheus is asked as the options say: a daemon there knows the user, but not the query.
    """
    hosts, known = pki / "hosts.toml", ("--cacert", str(pki / "server.crt"))
    (pki / "password").write_text("alice123\n")
    keys = 'username = "alice"\npassword_file = "password"\nca_file = "server.crt"\n'
    asked = ("--pool", str(hosts), "--add=linux=1")
    with running(pki, tmp_path, PAIR + users) as site:
        url = f'[hosts.xen1]\nurl = "{site.url}"\n'
        hosts.write_text(url)
        assert plan(*asked, *known, "--user", ALICE)[0] == 0
        status, said = plan(*asked, *known)
        assert (status, "HTTP status 401 Unauthorized: give --user" in said) == (3, True), said
        status, said = plan(*asked, "--user", ALICE)
        assert (status, "to trust the daemon's certificate: --cacert FILE" in said) == (3, True)
        hosts.write_text(url + keys)
        assert plan(*asked)[0] == 0
        assert plan(*asked, "--user=alice:no", f"--cacert={pki}/ca.crt")[0] == 0
        prometheus = ("--prometheus", site.url, *known)
        assert "HTTP status 401" in plan(*prometheus, "--user=alice:no")[1]
        assert "HTTP status 404" in plan(*prometheus, "--user", ALICE)[1]


def test_a_pool_is_shown_with_certificate_and_password(
    pki: Path, tmp_path: Path, users: str
) -> None:
    """One daemon asks another with the CA file and the password of its configuration."""
    password, config = tmp_path / "password", tmp_path / "other.toml"
    password.write_text("alice123\n")
    password.chmod(0o600)
    with running(pki, tmp_path, PAIR + users) as site:
        pool = f'[pool]\nmembers = ["{site.url}"]\nca_file = "{pki}/server.crt"\n'
        known = f'username = "alice"\npassword_file = "{password}"\n'
        for text, reason in ((pool + known, ""), (pool, "HTTP status 401; set pool.username")):
            config.write_text(text)
            with xenwatch(f"--config.file={config}") as other:
                other.get_ready()
                page = other.get("pool").decode()
            assert (f'href="{site.url}/"' in page, reason in page) == (True, True), page
            assert ("HTTP status" in page) == bool(reason)


def test_openssl_is_refused_as_configured(pki: Path, tmp_path: Path) -> None:
    """Versions below the min and clients without a certificate of the authority are refused."""
    mine = ("-cert", "client.crt", "-key", "client.key", "-ign_eof")
    names = "  client_allowed_sans: [prometheus]\n"
    with running(pki, tmp_path, f"{PAIR}{CLIENTS}{names}  min_version: TLS13\n") as site:
        assert "healthy" in site.handshake(*mine, "-tls1_3")
        assert "alert protocol version" in site.handshake(*mine, "-tls1_2")
        assert "healthy" not in site.handshake("-ign_eof", "-tls1_3")
        stranger = ("-cert", "stranger.crt", "-key", "stranger.key", "-ign_eof", "-tls1_3")
        assert "healthy" not in site.handshake(*stranger)


def test_old_versions_are_served_if_somebody_asks_for_them(pki: Path, tmp_path: Path) -> None:
    """TLS 1.0 is refused by default and served where it is the min."""
    old = ("-tls1", "-cipher", "DEFAULT:@SECLEVEL=0", "-ign_eof")
    with running(pki, tmp_path, PAIR) as site:
        assert "healthy" not in site.handshake(*old)
    with running(pki, tmp_path, PAIR + "  min_version: TLS10\n") as site:
        assert "healthy" in site.handshake(*old)


def test_a_new_certificate_is_served_without_a_restart(pki: Path, tmp_path: Path) -> None:
    """Clients see the new certificate soon after the file names it, and no bad one."""
    with running(pki, tmp_path, PAIR) as site:
        (pki / "web.yml").write_text(PAIR.replace("server.", "server2."))
        new = ("--cacert", "server2.crt", f"{site.url}/-/healthy")
        until(lambda: site.curl(*new) == (0, "200 1.1"), "the new certificate is served")
        (pki / "web.yml").write_text(PAIR.replace("server.key", "nowhere"))
        problem = site.process.until("web configuration rejected; keeping the current one")
        assert "nowhere: No such file" in problem["problem"]
        assert site.curl(*new) == (0, "200 1.1")


def test_prometheus_scrapes_with_tls_and_a_password(pki: Path, tmp_path: Path, users: str) -> None:
    """Prometheus scrapes a daemon with its certificate, its own and a password, and no other."""
    with running(pki, tmp_path, PAIR + CLIENTS + users) as site:
        secure: dict[str, Any] = {
            "scheme": "https",
            "static_configs": [{"targets": [f"localhost:{site.port}"]}],
            "tls_config": {
                "ca_file": str(pki / "server.crt"),
                "cert_file": str(pki / "client.crt"),
                "key_file": str(pki / "client.key"),
            },
        }
        name, _, password = ALICE.partition(":")
        right = {"username": name, "password": password}
        jobs = [
            {"job_name": "right", "basic_auth": right, **secure},
            {"job_name": "wrong", "basic_auth": {**right, "password": "no"}, **secure},
        ]
        prometheus = Server(tmp_path / "prometheus", jobs)
        with prometheus.running():
            until(
                lambda: (
                    {each["metric"]["job"]: each["value"][1] for each in prometheus.query("up")}
                    == {"right": "1", "wrong": "0"}
                ),
                "one of the jobs is up",
            )
            assert prometheus.query('xenwatch_limit_threshold_ratio{job="right"}')


def test_commands_ask_a_daemon_with_tls_and_users(pki: Path, tmp_path: Path, users: str) -> None:
    """By configuration over the Unix socket without a password, by URL with one."""
    with running(pki, tmp_path, PAIR + users) as site:
        secure = ("--url", site.url, "--cacert", str(pki / "server.crt"))
        assert "XENWATCH OK - " in site.check(f"--config.file={site.config}")
        assert "XENWATCH OK - " in site.check(*secure, "--user", ALICE)
        assert "HTTP status 401 Unauthorized: give --user" in site.check(*secure)
        assert "--cacert FILE" in site.check("--url", site.url)
        plain = site.url.replace("https", "http")
        assert "if the daemon serves TLS, the URL begins https" in site.check("--url", plain)


def test_the_example_is_accepted(pki: Path) -> None:
    """contrib/web.yml says nothing as it is, and everything with its comments taken away."""
    example = ROOT / "contrib/web.yml"
    assert load(str(example)).scheme == PLAIN.scheme
    keys = example.read_text().partition("\n\n")[2]
    text = re.sub(r"(?m)^#(?! \S)", "", keys)
    names = {"xenwatch.crt": "server.crt", "xenwatch.key": "server.key", "clients.crt": "ca.crt"}
    for name, real in names.items():
        text = text.replace(name, real)
    (pki / "web.yml").write_text(text)
    found = load(str(pki / "web.yml"))

    assert found.context is not None
    assert found.warnings == ()
    assert (len(found.headers), len(found.users), len(found.sans)) == (5, 1, 1)
    assert found.rate is not None
