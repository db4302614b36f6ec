"""Digests by mail: at most one in ten minutes with all that is new, kept, and tried again until it is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_id, to_text
from heyi.watch.warning.model import CRITICAL, Warned
from heyi.watch.warning.store import warned

SQL = queries(__file__, "queries_mail.sql")
GAP = timedelta(minutes=10)
LEASE = timedelta(seconds=90)
GAPS_MIN = (1, 5, 15, 30, 60, 120, 240, 480)  # before each further try; then it is given up
TOLD_MAX = 100
FORGET_MAX = 1000


@dataclass(frozen=True, slots=True)
class Mail:
    """A digest as it is kept."""

    id: UUID
    at: datetime
    recipients: tuple[str, ...]
    subject: str
    body: str
    state: str  # waiting | sending | sent | failed
    attempts: int
    next_at: datetime | None
    error: str | None
    sent_at: datetime | None


async def write(tx: Tx, recipients: Sequence[str], *, zone: ZoneInfo, now: datetime) -> UUID | None:
    """Write a digest of what is new, if there is anything and the last one is old enough; answers its id."""
    await tx.run(SQL["one_writer"])
    last = await tx.row(SQL["last_mail"], now=now)
    if last is not None and now - last.at < GAP:
        return None
    new = [warned(row) for row in await tx.rows(SQL["unmailed"], now=now, most=TOLD_MAX)]
    if not new:
        return None
    since = now if last is None else last.at
    over = [warned(row) for row in await tx.rows(SQL["ended_since"], since=since, now=now, most=TOLD_MAX)]
    id = new_id(millis(now))
    await tx.run(
        SQL["write_mail"], id=id, now=now, recipients=text_col(recipients), subject=subject(new),
        body=body(new, over, zone), warnings=col(one.id for one in new),
    )  # fmt: skip
    return id


def subject(new: Sequence[Warned]) -> str:
    """What is the matter, before the mail is opened."""
    urgent = sum([one.level == CRITICAL for one in new])
    first = next((one for one in new if one.level == CRITICAL), new[0])
    mark = f"[heyi] {urgent} 条紧急" if urgent else "[heyi]"
    more = f" 等 {len(new)} 条 (+{len(new) - 1})" if len(new) > 1 else ""
    return f"{mark} 预警：{first.zh[:80]}{more}"


def body(new: Sequence[Warned], over: Sequence[Warned], zone: ZoneInfo) -> str:
    """Each in both languages, the critical ones first; then what is over."""
    lines = []
    for one in sorted(new, key=lambda each: (each.level != CRITICAL, each.since)):
        mark = "紧急 CRITICAL" if one.level == CRITICAL else "预警 WARNING"
        lines += [
            f"{mark}  {one.zh}", f"  {one.en}",
            f"  {one.subject} · {one.since.astimezone(zone):%Y-%m-%d %H:%M} · {to_text('wrn', one.id)}", "",
        ]  # fmt: skip
    if over:
        lines += ["已解除 Over:", *(f"  {one.zh} / {one.en}" for one in over), ""]
    lines.append("heyi warning list · heyi warning ack wrn_… · heyi warning snooze wrn_… --for 4h")
    return "\n".join(lines) + "\n"


async def claim(tx: Tx, *, now: datetime, wall: datetime) -> Mail | None:
    """One letter to be sent now, leased. Commit before sending."""
    row = await tx.row(SQL["claim_mail"], now=now, wall=wall, until=wall + LEASE)
    return None if row is None else _mail(row)


async def record(tx: Tx, mail: Mail, error: str, *, sent: bool, now: datetime) -> str:
    """How handing it in went; answers the letter's state."""
    gap = None if sent or mail.attempts > len(GAPS_MIN) else timedelta(minutes=GAPS_MIN[mail.attempts - 1])
    state = "sent" if sent else "failed" if gap is None else "waiting"
    await tx.run(
        SQL["record_mail"], id=mail.id, state=state, next_at=None if gap is None else now + gap, error=error or None,
        attempts=mail.attempts, now=now,
    )  # fmt: skip
    return state


async def listed(tx: Tx, *, text: str | None, before: UUID | None, limit: int) -> list[Mail]:
    """Digests, newest first. `text`: anywhere in subject, body and recipients."""
    return [_mail(row) for row in await tx.rows(SQL["list_mails"], text=text, before=before, most=limit)]


async def forget(tx: Tx, *, before: datetime) -> int:
    """Delete a chunk of the digests that were written before then."""
    return await tx.run(SQL["forget_mails"], floor=first_id(millis(before)), most=FORGET_MAX)


def _mail(row: Row) -> Mail:
    return Mail(
        row.id, row.at, tuple(row.recipients), row.subject, row.body, row.state, row.attempts, row.next_at, row.error,
        row.sent_at,
    )  # fmt: skip
