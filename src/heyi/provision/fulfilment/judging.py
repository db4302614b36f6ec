"""What kept callbacks are worth: checked, and taken as a reason to ask. They never move a state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, bytes_col, col, text_col, time_col
from heyi.infra.sealing import Sealing
from heyi.kernel.addresses import within
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id
from heyi.provision.fulfilment import rules
from heyi.provision.fulfilment.calls import SQL as LOG
from heyi.provision.fulfilment.connectors import usable
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.hearing import SQL, Ack, Kept, plain, seal
from heyi.provision.fulfilment.suppliers import Ack as Word
from heyi.provision.fulfilment.suppliers import Heard, Refusal

# Kept a minute of what an account's callbacks say that is not believed or not new, and of each of them so many bytes of
# body, characters of query, and headers: a flood must not fill the table.
DOUBTFUL_MAX, MINUTE = 120, timedelta(minutes=1)
DOUBTFUL_BYTES_MAX, DOUBTFUL_QUERY_MAX, DOUBTFUL_HEADERS_MAX = 4096, 2048, 16
TRUSTED_MAX = 100  # kept about one number
HURRIED_MAX = 3  # early queries about one number a minute
REFUSALS = frozenset({"unsigned", "stale", "unreadable", "address", "too_large"})
LOOK_AGAIN = timedelta(minutes=10)  # at a number that was looked at often enough, and is called about still
OURS = re.compile(r"[0-9a-z]{26}-[0-9]{1,5}")  # what an outer number of ours looks like
NUMBER_MAX = 100  # characters kept of a number that is none of ours


@dataclass(frozen=True, slots=True)
class _Judged:
    """A callback and what it is worth. `outer`: whom it names; `digest` is there for what is about a number of ours."""

    kept: Kept
    outer: str | None
    verdict: str
    digest: bytes | None = None

    @property
    def about(self) -> tuple[str, UUID]:
        return self.outer or "", self.kept.supplier.id


async def judge(
    tx: Tx, sealing: Sealing, kept: Sequence[Kept], *, public_url: str, now: datetime, wall: datetime
) -> dict[UUID, Ack]:
    """Judge callbacks that are kept and nobody else judges, and make their numbers' next query due. Answers acks by id.

    Repeats are acknowledged like the first, and so are numbers that we do not know. Of what is not believed, or says
    nothing new, only so many are kept a minute, and of trusted ones so many a number; the others are counted. Waits
    only briefly for the tasks that they are about.
    """
    await tx.rows(SQL["wait_briefly"])
    held = {row.id for row in await tx.rows(SQL["hold_kept"], ids=col(one.id for one in kept))}
    ours = [one for one in kept if one.id in held]
    suppliers = {one.supplier.id: one.supplier for one in ours}
    accounts = {id: await usable(tx, row, sealing, public_url) for id, row in suppliers.items()}
    told = [(one, _verdict(accounts[one.supplier.id], one)) for one in ours]
    judged = await _judge(tx, sealing, told)
    trusted = [one for one in judged if one.verdict == "trusted"]
    before = await _before(tx, trusted, now)
    stays, counted = await _bounded(tx, judged, before, now)
    await _write(tx, sealing, stays, counted, now)
    if trusted:
        await _ask_soon(tx, {one.about for one in trusted}, before, now=now, wall=wall)
    return {
        one.id: _ack(accounts[one.supplier.id], verdict, made)
        for (one, verdict), made in zip(told, judged, strict=True)
    }  # fmt: skip


def _ack(account: Account | None, verdict: Heard | Refusal, judged: _Judged) -> Ack:
    word = Word("") if account is None else account.connector.ack
    return Ack(word, isinstance(verdict, Heard), judged.kept.supplier.code, judged.verdict)


def _verdict(account: Account | None, one: Kept) -> Heard | Refusal:
    arrived = one.arrived
    if one.supplier.callback_ips and not within(arrived.address, tuple(one.supplier.callback_ips)):
        return Refusal("address")
    if arrived.bytes > len(arrived.callback.body):
        return Refusal("too_large")
    if account is None:  # not acknowledged: they call again
        return Refusal("unreadable")
    try:
        return account.connector.parse_callback(account, arrived.callback, one.wall)
    except Exception:  # strange numbers, depths without end; and a connector may be a stranger's code
        return Refusal("unreadable")


async def _judge(tx: Tx, sealing: Sealing, told: Sequence[tuple[Kept, Heard | Refusal]]) -> list[_Judged]:
    """What each is worth: whose number it is, and whether what was signed came before."""
    numbers = sorted({v.outer_number for _, v in told if isinstance(v, Heard) and OURS.fullmatch(v.outer_number)})
    known = await tx.rows(SQL["known_numbers"], outers=text_col(numbers)) if numbers else []
    pairs = {(row.outer_number, row.supplier_id) for row in known}
    digests = [
        _digest(sealing, one, verdict)
        if isinstance(verdict, Heard) and (verdict.outer_number, one.supplier.id) in pairs else None
        for one, verdict in told
    ]  # fmt: skip
    asked = sorted({digest for digest in digests if digest})
    before = (
        {bytes(r.digest) for r in await tx.rows(LOG["digests_known"], digests=bytes_col(asked))} if asked else set()
    )
    judged = []
    for (one, verdict), digest in zip(told, digests, strict=True):
        outer = plain(verdict.outer_number)[:NUMBER_MAX] or None
        if isinstance(verdict, Refusal):
            judged.append(_Judged(one, outer, verdict.verdict if verdict.verdict in REFUSALS else "unreadable"))
        elif digest is None:
            judged.append(_Judged(one, outer, "stranger"))
        else:
            judged.append(_Judged(one, outer, "repeat" if digest in before else "trusted", digest))
            before.add(digest)
    return judged


def _digest(sealing: Sealing, one: Kept, verdict: Heard) -> bytes:
    """What was signed is known again by its signature; where a connector tells none, by all that was sent."""
    call, number = one.arrived.callback, verdict.outer_number.encode("utf-8", "replace")
    signed = verdict.proof.encode("utf-8", "replace") or b"\0".join(
        [b"", call.query.encode("utf-8", "replace"), call.body]
    )
    return sealing.fingerprint(b"\0".join([b"callback", one.supplier.id.bytes, number, signed]))


async def _before(tx: Tx, trusted: Sequence[_Judged], now: datetime) -> dict[tuple[str, UUID], Row]:
    about = sorted({one.about for one in trusted})
    rows = await tx.rows(
        SQL["trusted_before"], outers=text_col(outer for outer, _ in about), suppliers=col(of for _, of in about),
        floor=first_id(millis(now - MINUTE)), most=TRUSTED_MAX,
    ) if about else []  # fmt: skip
    return {(row.outer_number, row.supplier_id): row for row in rows}


async def _bounded(
    tx: Tx, judged: Sequence[_Judged], before: Mapping[tuple[str, UUID], Row], now: datetime
) -> tuple[list[_Judged], list[_Judged]]:
    """(what stays, what is only counted)"""
    doubtful = sorted({one.kept.supplier.id for one in judged if one.verdict != "trusted"})
    rows = await tx.rows(
        LOG["kept_lately"], suppliers=col(doubtful), floor=first_id(millis(now - MINUTE)), most=DOUBTFUL_MAX
    ) if doubtful else []  # fmt: skip
    room: dict[object, int] = {row.id: DOUBTFUL_MAX - row.kept for row in rows}
    room |= {about: TRUSTED_MAX - row.kept for about, row in before.items()}
    stays: list[_Judged] = []
    counted: list[_Judged] = []
    for one in judged:
        trusted = one.verdict == "trusted"
        place: object = one.about if trusted else one.kept.supplier.id
        room[place] = room.get(place, TRUSTED_MAX if trusted else DOUBTFUL_MAX) - 1
        (stays if room[place] >= 0 else counted).append(one)
    return stays, counted


async def _write(
    tx: Tx, sealing: Sealing, stays: Sequence[_Judged], counted: Sequence[_Judged], now: datetime
) -> None:  # fmt: skip
    sealed = [_shortened(sealing, one) for one in stays]
    async with tx.pipeline():
        if stays:
            await tx.send(
                SQL["judge_callbacks"],
                ids=col(one.kept.id for one in stays),
                verdicts=col(one.verdict for one in stays),
                outers=text_col(one.outer for one in stays),
                digests=bytes_col(one.digest if one.verdict == "trusted" else None for one in stays),
                heads=bytes_col(head for head, _ in sealed),
                bodies=bytes_col(body for _, body in sealed),
            )
        if counted:
            minute = now.replace(second=0, microsecond=0)
            counts = sorted(Counter((one.kept.supplier.id, one.verdict) for one in counted).items())
            await tx.send(SQL["drop_callbacks"], ids=col(one.kept.id for one in counted))
            await tx.send(
                LOG["count_callbacks"],
                suppliers=col(supplier for (supplier, _), _ in counts),
                minutes=time_col(minute for _ in counts),
                verdicts=col(verdict for (_, verdict), _ in counts),
                counts=col(count for _, count in counts),
            )


def _shortened(sealing: Sealing, one: _Judged) -> tuple[bytes | None, bytes | None]:
    """(head, body) of what is doubtful and long; None: it stays as it is."""
    call = one.kept.arrived.callback
    headers = list(call.headers.items())
    long = len(call.body) > DOUBTFUL_BYTES_MAX or len(call.query) > DOUBTFUL_QUERY_MAX
    if one.verdict == "trusted" or not (long or len(headers) > DOUBTFUL_HEADERS_MAX):
        return None, None
    kept = replace(
        call, headers=dict(headers[:DOUBTFUL_HEADERS_MAX]), query=call.query[:DOUBTFUL_QUERY_MAX],
        body=call.body[:DOUBTFUL_BYTES_MAX],
    )  # fmt: skip
    return seal(sealing, one.kept.id, kept)


def _calm(before: Row) -> bool:
    """What is beyond those kept cannot be seen in them."""
    return bool(before.lately < HURRIED_MAX and before.kept < TRUSTED_MAX)


async def _ask_soon(
    tx: Tx, about: set[tuple[str, UUID]], before: Mapping[tuple[str, UUID], Row], *, now: datetime, wall: datetime
) -> None:
    """Now; for a number that was hurried often enough this minute, in a minute."""
    pairs = sorted(about)
    outers, of = text_col(outer for outer, _ in pairs), col(supplier for _, supplier in pairs)
    ats = time_col(now if _calm(before[one]) else now + MINUTE for one in pairs)
    async with tx.pipeline():
        await tx.send(SQL["lock_named"], outers=outers, suppliers=of)
        await tx.send(SQL["ask_soon"], outers=outers, suppliers=of, ats=ats, now=now, wall=wall)
        await tx.send(
            SQL["recheck_soon"], outers=outers, suppliers=of, ats=ats, later=now + LOOK_AGAIN, most=rules.RECHECKS_MAX
        )
