"""Operators are told by mail: a digest is written (commit), handed in, and that is recorded (commit). That one was
given up is a warning until the next one is taken."""

from __future__ import annotations

import structlog

from heyi.infra import outbox
from heyi.infra.mail import Letter, Post
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.watch import warning
from heyi.watch.warning import Trouble, letters, model

log = structlog.get_logger("heyi.post")


async def run(tools: Tools) -> int:
    """Write what is new and hand in what is due; answers how many letters were tried. Nothing without an address."""
    settings = tools.settings
    if not settings.smtp_url or not settings.warn_emails:
        return 0
    async with tools.db.transaction() as tx:
        await letters.write(tx, settings.warn_emails, zone=settings.zone, now=tools.clock.now())
    tried = 0
    while await _hand_in_one(tools, Post(settings.smtp_url, settings.mail_from)):
        tried += 1
    return tried


async def _hand_in_one(tools: Tools, post: Post) -> bool:
    async with tools.db.transaction() as tx:
        mail = await letters.claim(tx, now=tools.clock.now(), wall=tools.clock.wall())
    if mail is None:
        return False
    letter = Letter(to_text("eml", mail.id), mail.recipients, mail.subject, mail.body, tools.clock.wall())
    sent = await post.send(letter)
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        state = await letters.record(tx, mail, sent.problem, sent=sent.taken, now=now)
        given_up = [Trouble(model.MAIL_GIVEN_UP, model.ALLIANCE, {"why": sent.problem})] if state == "failed" else []
        facts = await warning.raise_(tx, given_up, now=now)
        if state == "sent":
            facts += await warning.clear(tx, [(model.MAIL_GIVEN_UP, model.ALLIANCE)], now=now)
        await outbox.write(tx, facts, now=now)
    if state != "sent":
        log.warning("a digest was not handed in", mail=letter.id, state=state, problem=sent.problem)
    return True
