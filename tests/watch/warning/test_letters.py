"""Digests by mail, over real SMTP: one letter for a storm of warnings, tried again, recorded, nothing secret in it."""

from __future__ import annotations

import asyncio
import contextlib
import email
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from tests.watch.world import clock_of

from heyi.flows import post
from heyi.infra import mail
from heyi.infra.mail import Post, _start_tls
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.watch import warning
from heyi.watch.warning import Trouble, Warned, letters, model
from heyi.watch.warning.letters import Mail

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
MINUTE = timedelta(minutes=1)
PASSWORD = "s3cret-post-word"


@dataclass
class Postman:
    """A mail server for tests: takes letters, or answers what it is told to."""

    answer: str = "250 taken"
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refused: tuple[str, ...] = ()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"heyi", PASSWORD.encode())
    return AuthResult(success=good, handled=True)


@pytest.fixture
async def postman() -> AsyncIterator[tuple[Postman, str]]:
    handler = Postman()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, authenticator=_knows, auth_required=True, auth_require_tls=False, hostname="mail.test"),
        "127.0.0.1", 0,
    )  # fmt: skip
    port = server.sockets[0].getsockname()[1]
    yield handler, f"smtp://heyi:{PASSWORD}@127.0.0.1:{port}"
    server.close()
    await server.wait_closed()


def with_mail(tools: Tools, url: str, *to: str) -> Tools:
    settings = replace(
        tools.settings, smtp_url=url, mail_from="heyi <warn@alliance.example>", warn_emails=to or ("ops@x.example",)
    )
    return replace(tools, settings=settings)


async def warn(tools: Tools, *subjects: str, level: str = "warning") -> None:
    numbers = {"supplier": "fulu", "why": "5 of 5 failed"}
    async with tools.db.transaction() as tx:
        await warning.raise_(
            tx, [Trouble(model.BREAKER_OPEN, one, numbers, level) for one in subjects], now=tools.clock.now()
        )


async def kept(tools: Tools) -> list[Mail]:
    async with tools.db.reading() as tx:
        return await letters.listed(tx, text=None, before=None, limit=50)


@pytest.fixture(autouse=True)
async def _fresh(tools: Tools) -> None:
    """No digest of another test is near, and nothing is open."""
    clock_of(tools).forward(timedelta(days=2))
    async with tools.db.transaction() as tx:
        await tx.run("update warning.warnings set cleared_at = %(now)s where cleared_at is null", now=tools.clock.now())
        await tx.run("update warning.mails set state = 'failed' where state = 'waiting'")
    clock_of(tools).forward(MINUTE)


async def test_a_storm_is_one_letter(tools: Tools, postman: tuple[Postman, str]) -> None:
    """Forty warnings: one mail to everybody, the critical one first. What comes within ten minutes waits for the next
    one, which also says what is over; acknowledged and snoozed ones are nobody's mail."""
    server, url = postman
    tools = with_mail(tools, url, "ops@x.example", "钱 <money@x.example>")
    assert await post.run(tools) == 0
    await warn(tools, *(f"sup_a{n}" for n in range(39)))
    await warn(tools, "sup_bad", level="critical")
    assert await post.run(tools) == 1
    (letter,) = server.taken
    assert server.recipients == [["ops@x.example", "money@x.example"]]
    text = letter.get_content()
    assert letter["Subject"] == "[heyi] 1 条紧急 预警：供货商 fulu 已熔断：5 of 5 failed 等 40 条 (+39)"
    assert text.index("sup_bad") < text.index("sup_a0 ")
    assert "the breaker of fulu is open: 5 of 5 failed" in text
    assert text.count("WARNING") == 39
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["From"] == "heyi <warn@alliance.example>"
    await warn(tools, "sup_new", "sup_mine", "sup_quiet")
    async with tools.db.transaction() as tx:
        now = tools.clock.now()
        found = await warning.search(
            tx, state="open", kind=None, level=None, about=None, text=None, now=now, before=None, limit=100
        )
        open_ = {one.subject: one.id for one in found}
        await warning.acknowledge(tx, open_["sup_mine"], by="operator:a", now=now)
        await warning.snooze(tx, open_["sup_quiet"], until=now + timedelta(hours=5), by="operator:a", now=now)
    clock_of(tools).forward(9 * MINUTE)
    async with tools.db.transaction() as tx:
        await warning.clear(tx, [(model.BREAKER_OPEN, "sup_bad")], now=tools.clock.now() - 6 * MINUTE)
        await warning.clear(tx, [(model.BREAKER_OPEN, "sup_bad")], now=tools.clock.now())
    assert await post.run(tools) == 0
    clock_of(tools).forward(MINUTE)
    assert await post.run(tools) == 1
    text = server.taken[1].get_content()
    assert "sup_new" in text
    assert text.count("WARNING") == 1
    assert "已解除 Over:" in text
    clock_of(tools).forward(20 * MINUTE)
    assert await post.run(tools) == 0
    assert [one.state for one in (await kept(tools))[:2]] == ["sent", "sent"]
    async with tools.db.reading() as tx:
        for text, count in (("SUP_BAD", 1), ("money@x", 2), ("nowhere in them", 0)):
            assert len(await letters.listed(tx, text=text, before=None, limit=50)) == count, text


async def test_a_letter_is_tried_until_it_is_taken(tools: Tools, postman: tuple[Postman, str]) -> None:
    """A server that is busy, then away, then there: the same letter with the same Message-ID, and every try counted."""
    server, url = postman
    good, away = with_mail(tools, url), with_mail(tools, "smtp://127.0.0.1:9")
    server.answer = "451 come back later"
    await warn(tools, "sup_retry")
    assert await post.run(good) == 1
    one = (await kept(tools))[0]
    assert (one.state, one.attempts, one.error) == ("waiting", 1, "SMTPDataError 451")
    assert await post.run(good) == 0
    clock_of(tools).forward(MINUTE)
    assert await post.run(away) == 1
    assert (await kept(tools))[0].error == "SMTPConnectError"
    server.answer = "250 thank you"
    clock_of(tools).forward(5 * MINUTE)
    assert await post.run(good) == 1
    one = (await kept(tools))[0]
    assert (one.state, one.attempts, one.error) == ("sent", 3, None)
    assert one.sent_at == tools.clock.now()
    assert [letter["Message-ID"][:5] for letter in server.taken] == ["<eml_"]
    assert PASSWORD not in repr(good.settings)
    assert PASSWORD not in repr([one.body + (one.error or "") for one in await kept(tools)])


async def test_a_letter_that_nobody_takes_is_given_up(tools: Tools, postman: tuple[Postman, str]) -> None:
    server, url = postman
    server.refused = ("ops@x.example",)
    await warn(tools, "sup_never")
    for number in range(1, 10):
        clock_of(tools).forward(timedelta(hours=9))
        await post.run(with_mail(tools, url))
        assert (await kept(tools))[0].attempts == number
    one = (await kept(tools))[0]
    assert (one.state, one.error) == ("failed", "every recipient was refused")
    # Whoever listens in another way hears of it, until a letter is taken.
    (given_up,) = await open_about(tools, "alliance")
    assert "could not be mailed and was given up: every recipient was refused" in given_up.en
    clock_of(tools).forward(timedelta(days=1))
    await warn(tools, "sup_half")
    assert await post.run(with_mail(tools, url, "ops@x.example", "b@x.example")) == 1
    one = (await kept(tools))[0]
    assert (one.state, one.error, server.recipients) == ("sent", "1 of 2 recipients were refused", [["b@x.example"]])
    assert (await kept(tools))[1].attempts == 9
    assert await open_about(tools, "alliance") == []


async def open_about(tools: Tools, subject: str) -> list[Warned]:
    async with tools.db.reading() as tx:
        return await warning.search(
            tx, state="open", kind=None, level=None, about=subject, text=None, now=tools.clock.now(), before=None,
            limit=10,
        )  # fmt: skip


async def test_a_server_that_drips_is_left_before_the_letter_is_somebody_elses(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers a word now and then, so that no command ever times out: the letter as a whole does, within its
    lease."""
    assert timedelta(seconds=mail.LETTER_TIMEOUT_S) < letters.LEASE
    monkeypatch.setattr(mail, "LETTER_TIMEOUT_S", 0.2)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"220-wait\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        await warn(tools, "sup_drip")
        assert await post.run(with_mail(tools, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")) == 1
    one = (await kept(tools))[0]
    assert (one.state, one.error) == ("waiting", "TimeoutError")


async def test_a_sender_that_died_is_followed_by_another(tools: Tools, postman: tuple[Postman, str]) -> None:
    server, url = postman
    live = with_mail(tools, url)
    await warn(tools, "sup_died")
    async with tools.db.transaction() as tx:
        await letters.write(tx, ["ops@x.example"], zone=tools.settings.zone, now=tools.clock.now())
        assert await letters.claim(tx, now=tools.clock.now(), wall=tools.clock.wall())
    assert await post.run(live) == 0
    clock_of(tools).forward(letters.LEASE)
    assert await post.run(live) == 1
    assert len(server.taken) == 1


async def test_nothing_is_sent_without_an_address(tools: Tools) -> None:
    await warn(tools, "sup_silent")
    before = len(await kept(tools))
    assert await post.run(tools) == 0
    assert len(await kept(tools)) == before


def test_a_password_is_never_sent_in_the_clear() -> None:
    for url, insists in (
        ("smtp://u:p@mail.example:587", True), ("smtp://mail.example", None), ("smtps://u:p@mail.example", False),
        ("smtp://u:p@127.0.0.1:1025", None),
    ):  # fmt: skip
        assert _start_tls(urlsplit(url)) is insists
    assert "p@" not in repr(Post("smtp://u:p@mail.example", "a@b.example"))


def test_a_wrong_address_is_said_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEYI_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("HEYI_MASTER_KEY", "0" * 64)
    monkeypatch.setenv("HEYI_SMTP_URL", "mail.example")
    with pytest.raises(ValueError, match="HEYI_SMTP_URL must look like"):
        Settings.from_environment()
    monkeypatch.setenv("HEYI_SMTP_URL", "smtps://u:p@mail.example")
    monkeypatch.setenv("HEYI_WARN_EMAILS", "a@x.example, b@x.example,")
    assert Settings.from_environment().warn_emails == ("a@x.example", "b@x.example")
