"""Where the receivers are and as whom they are asked, which may stand in files of secrets."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

from xenwatch.config import alert_keys, pool_keys, secret_file
from xenwatch.config.key import Key
from xenwatch.config.settings import Settings
from xenwatch.values import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: its URL or the file that holds it, and its credentials: user, password or token.

    Password and token are in files, which come with the key that names them, as does the file of
    the CAs that the server is verified by; without one, they are the system's.
    """

    url: str
    url_file: str = ""
    user: str = ""
    password: tuple[Key[str], str] = (alert_keys.WEBHOOK_PASSWORD, "")
    token: tuple[Key[str], str] = (alert_keys.WEBHOOK_TOKEN, "")
    ca: tuple[Key[str], str] | None = None

    def read(self) -> tuple[str, str]:
        """URL, and the header `Authorization`, empty without any (RFC 7617, RFC 6750).

        The URL is without those it had: no error that names it has them. Raises `SecretError`.
        """
        url, (key, file) = self.url, self.password
        if self.url_file:
            url = secret_file.read(alert_keys.WEBHOOK_FILE, self.url_file)
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if self.user:
            user, password = self.user, secret_file.read(key, file)
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if self.token[1]:
            return url, f"Bearer {secret_file.read(*self.token)}"
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        return url, f"Basic {encoded}" if user or password else ""


def alertmanagers(settings: Settings) -> Sequence[Endpoint]:
    """The Alertmanagers, which have one user and password, or one token."""
    password, token = (
        (key, settings[key])
        for key in (alert_keys.ALERTMANAGER_PASSWORD, alert_keys.ALERTMANAGER_TOKEN)
    )
    user, urls = settings[alert_keys.ALERTMANAGER_USER], settings[alert_keys.ALERTMANAGERS]
    return [Endpoint(url, user=user, password=password, token=token) for url in urls]


def pool_members(settings: Settings) -> Sequence[Endpoint]:
    """The daemons of the other hosts of the pool, which have one user and password."""
    return [_of_pool(url, settings) for url in settings[pool_keys.MEMBERS]]


def pool_prometheus(settings: Settings) -> Endpoint | None:
    """The Prometheus that scrapes the hosts of the pool, `None` without one."""
    url = settings[pool_keys.PROMETHEUS]
    return _of_pool(url, settings) if url else None


def _of_pool(url: str, settings: Settings) -> Endpoint:
    password, ca = ((key, settings[key]) for key in (pool_keys.PASSWORD, pool_keys.CA))
    user = settings[pool_keys.USER]
    return Endpoint(url, user=user, password=password, ca=ca if ca[1] else None)


def webhook(settings: Settings) -> Endpoint | None:
    """The webhook, `None` without one."""
    password, token = (
        (key, settings[key]) for key in (alert_keys.WEBHOOK_PASSWORD, alert_keys.WEBHOOK_TOKEN)
    )
    found = Endpoint(
        settings[alert_keys.WEBHOOK],
        settings[alert_keys.WEBHOOK_FILE],
        settings[alert_keys.WEBHOOK_USER],
        password,
        token,
    )
    return found if found.url or found.url_file else None
