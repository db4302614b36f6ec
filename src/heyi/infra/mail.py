"""Letters by SMTP: one connection a letter; they are few. Never raises for what the network or the server does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

TIMEOUT_S, LETTER_TIMEOUT_S = 30.0, 60.0  # for one command, and for all of a letter: it is leased for longer
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent. `id` becomes the Message-ID: the same letter sent twice is known as one."""

    id: str
    to: Sequence[str]
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether the server took it (for one recipient at least), and what went wrong in a word or two, nothing secret."""

    taken: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """Where letters are handed in: smtp://user:password@host:587, smtps://…:465, and who they come from.

    A password is never sent in the clear: with one, smtp:// insists on STARTTLS (but for this machine's own server).
    """

    url: str = field(repr=False)
    sender: str

    async def send(self, letter: Letter) -> Sent:
        """Hand in a letter."""
        parts = urlsplit(self.url)
        try:
            async with asyncio.timeout(LETTER_TIMEOUT_S):
                refused, _ = await aiosmtplib.send(
                    self.message(letter), recipients=[parseaddr(one)[1] for one in letter.to],
                    sender=parseaddr(self.sender)[1], hostname=parts.hostname, port=parts.port,
                    username=unquote(parts.username) if parts.username else None,
                    password=unquote(parts.password) if parts.password else None, use_tls=parts.scheme == "smtps",
                    start_tls=_start_tls(parts), timeout=TIMEOUT_S,
                )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused:
            return Sent(False, "every recipient was refused")
        except aiosmtplib.SMTPResponseException as error:
            return Sent(False, f"{type(error).__name__} {error.code}")
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, ValueError) as error:
            return Sent(False, type(error).__name__)
        return Sent(True, f"{len(refused)} of {len(letter.to)} recipients were refused" if refused else "")

    def message(self, letter: Letter) -> EmailMessage:
        """The letter as it goes out."""
        message = EmailMessage()
        message["From"], message["To"] = self.sender, ", ".join(letter.to)
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{letter.id}@{parseaddr(self.sender)[1].rpartition('@')[2] or 'heyi'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message


def _start_tls(parts: SplitResult) -> bool | None:
    """True: insist on it. None: if the server offers it. False: the line is safe already."""
    if parts.scheme == "smtps":
        return False
    return True if parts.username and parts.hostname not in LOOPBACK else None
