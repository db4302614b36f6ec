"""Settings from the environment (HEYI_…). `heyi doctor` prints what is set; secrets are never printed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process needs to know before it opens the database.

    `master_key` is 32 bytes in hex (64 characters): it wraps the vault's data keys and derives the keys of
    fingerprints and redemption codes. Lose it and the vault cannot be read.
    """

    database_url: str
    master_key: bytes = field(repr=False)
    home: Path = Path(".heyi")
    public_url: str = "http://127.0.0.1:8700"
    zone: ZoneInfo = CHINA
    web_connections: int = 2
    batch_max: int = 64
    log_level: str = "INFO"
    smtp_url: str = field(default="", repr=False)  # smtp://user:password@host:587 or smtps://…; empty: no mails
    mail_from: str = "heyi@localhost"
    warn_emails: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()  # whose X-Forwarded-For is believed
    calls_kept_days: int = 90
    webhook_private: bool = False  # may webhooks go to private addresses and over plain http? For demos and tests

    @classmethod
    def from_environment(cls) -> Settings:
        """Read HEYI_DATABASE_URL, HEYI_MASTER_KEY, HEYI_HOME, HEYI_PUBLIC_URL, HEYI_ZONE and the rest.

        Raises ValueError with the cure in its text when a needed one is missing or malformed.
        """
        env = os.environ
        url, key = env.get("HEYI_DATABASE_URL"), env.get("HEYI_MASTER_KEY", "")
        if not url:
            raise ValueError("HEYI_DATABASE_URL is not set; `heyi up` starts an embedded PostgreSQL and sets it")
        if len(key) != 64 or set(key.lower()) - set("0123456789abcdef"):
            raise ValueError("HEYI_MASTER_KEY must be 64 hex characters; make one with `openssl rand -hex 32`")
        return cls(
            database_url=url,
            master_key=bytes.fromhex(key),
            home=Path(env.get("HEYI_HOME", ".heyi")),
            public_url=env.get("HEYI_PUBLIC_URL", "http://127.0.0.1:8700").rstrip("/"),
            zone=ZoneInfo(env.get("HEYI_ZONE", "Asia/Shanghai")),
            web_connections=int(env.get("HEYI_WEB_CONNECTIONS", "2")),
            batch_max=int(env.get("HEYI_BATCH_MAX", "64")),
            log_level=env.get("HEYI_LOG_LEVEL", "INFO"),
            smtp_url=_smtp(env.get("HEYI_SMTP_URL", "")),
            mail_from=env.get("HEYI_MAIL_FROM", "heyi@localhost"),
            warn_emails=tuple([one.strip() for one in env.get("HEYI_WARN_EMAILS", "").split(",") if one.strip()]),
            trusted_proxies=_networks(env.get("HEYI_TRUSTED_PROXIES", "")),
            calls_kept_days=_days(env.get("HEYI_CALLS_KEPT_DAYS", "90")),
            webhook_private=env.get("HEYI_WEBHOOK_PRIVATE", "") == "1",
        )


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple([str(ip_network(one.strip(), strict=False)) for one in text.split(",") if one.strip()])
    except ValueError as wrong:
        raise ValueError(
            f"HEYI_TRUSTED_PROXIES must be addresses or networks with commas between them: {wrong}"
        ) from None


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 3650):
        raise ValueError("HEYI_CALLS_KEPT_DAYS must be a number of days from 1 to 3650")
    return int(text)


def _smtp(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError("HEYI_SMTP_URL must look like smtp://user:password@mail.example:587 or smtps://…:465")
    return url
