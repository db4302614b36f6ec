"""Suppliers' callbacks: stored as they came, checked, and taken as a reason to ask. They never move a state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col, time_col
from heyi.infra.sealing import Sealing
from heyi.kernel.addresses import within
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_ids
from heyi.provision.fulfilment import rules
from heyi.provision.fulfilment.calls import SQL as LOG
from heyi.provision.fulfilment.connectors import usable
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import Ack as Word
from heyi.provision.fulfilment.suppliers import Callback, Heard, Refusal

SQL = queries(__file__, "queries_callbacks.sql")
_encode = msgspec.json.Encoder().encode
HEADERS_KEPT = ("content-type", "user-agent", "x-forwarded-for", "x-real-ip")
TEXT_MAX = 2_000
# Kept a minute of what an account's callbacks say that is not believed or not new; a flood must not fill the table.
DOUBTFUL_MAX, MINUTE = 120, timedelta(minutes=1)
REFUSALS = frozenset({"unsigned", "stale", "unreadable", "address"})
LOOK_AGAIN = timedelta(minutes=10)  # at a number that was looked at often enough, and is called about still
OURS = re.compile(r"[0-9a-z]{26}-[0-9]{1,5}")  # what an outer number of ours looks like


@dataclass(frozen=True, slots=True)
class Arrived:
    """One callback at the address with this token, and who called (empty: nobody knows)."""

    token: str
    callback: Callback
    address: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """How a callback is answered. Not trusted: the supplier is not told that we took it."""

    word: Word
    trusted: bool
    supplier: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A callback and what it is worth. `digest` is there for what is trusted."""

    supplier: Row
    arrived: Arrived
    outer: str | None
    verdict: str
    digest: bytes | None = None


async def hear(
    tx: Tx, sealing: Sealing, arrived: Sequence[Arrived], *, now: datetime, wall: datetime
) -> list[Ack | None]:
    """Keep callbacks and make their numbers' next query due; None for a token that names no account.

    Repeats are acknowledged like the first, and so are numbers that we do not know. Of what is not believed, or says
    nothing new, only so many are kept a minute; the others are counted.
    """
    rows = await tx.rows(SQL["suppliers_by_token"], tokens=text_col(sorted({one.token for one in arrived})))
    suppliers = {row.callback_token: row for row in rows}
    accounts = {row.callback_token: await usable(tx, row, sealing, "") for row in rows}
    told = [
        (one, suppliers[one.token], _verdict(suppliers[one.token], accounts[one.token], one, wall))
        for one in arrived if one.token in suppliers
    ]  # fmt: skip
    judged = await _judge(tx, sealing, told)
    kept, counted = await _bounded(tx, judged, now)
    await _keep(tx, sealing, kept, now=now, wall=wall)
    if counted:
        await _count(tx, counted, now)
    answers = iter([
        _ack(accounts[one.token], verdict, made) for (one, _, verdict), made in zip(told, judged, strict=True)
    ])  # fmt: skip
    return [next(answers) if one.token in suppliers else None for one in arrived]


def _ack(account: Account | None, verdict: Heard | Refusal, judged: _Judged) -> Ack:
    word = Word("") if account is None else account.connector.ack
    return Ack(word, isinstance(verdict, Heard), judged.supplier.code, judged.verdict)


def _verdict(row: Row, account: Account | None, one: Arrived, wall: datetime) -> Heard | Refusal:
    if row.callback_ips and not within(one.address, tuple(row.callback_ips)):
        return Refusal("address")
    if account is None:  # kept unread, and not acknowledged: they call again
        return Refusal("unreadable")
    try:
        return account.connector.parse_callback(account, one.callback, wall)
    except Exception:  # strange numbers, depths without end; and a connector may be a stranger's code
        return Refusal("unreadable")


def _number(verdict: Heard | Refusal) -> str | None:
    """The number that a trusted callback names, when it can be one of ours."""
    return verdict.outer_number if isinstance(verdict, Heard) and OURS.fullmatch(verdict.outer_number) else None


async def _judge(
    tx: Tx, sealing: Sealing, told: Sequence[tuple[Arrived, Row, Heard | Refusal]]
) -> list[_Judged]:  # fmt: skip
    """What each is worth: whose number it is, and whether its very bytes came before."""
    numbers = sorted({number for *_, verdict in told if (number := _number(verdict))})
    known = await tx.rows(SQL["known_numbers"], outers=text_col(numbers)) if numbers else []
    pairs = {(row.outer_number, row.supplier_id) for row in known}
    digests = [
        _digest(sealing, row, one.callback, verdict)
        if isinstance(verdict, Heard) and (verdict.outer_number, row.id) in pairs else None
        for one, row, verdict in told
    ]  # fmt: skip
    asked = sorted({digest for digest in digests if digest})
    before = (
        {bytes(r.digest) for r in await tx.rows(LOG["digests_known"], digests=bytes_col(asked))} if asked else set()
    )
    judged = []
    for (one, row, verdict), digest in zip(told, digests, strict=True):
        outer = _number(verdict)
        if isinstance(verdict, Refusal):
            judged.append(_Judged(row, one, None, verdict.verdict if verdict.verdict in REFUSALS else "unreadable"))
        elif digest is None:
            judged.append(_Judged(row, one, outer, "stranger"))
        else:
            judged.append(_Judged(row, one, outer, "repeat" if digest in before else "trusted", digest))
            before.add(digest)
    return judged


def _digest(sealing: Sealing, row: Row, callback: Callback, verdict: Heard) -> bytes:
    query, proof = callback.query.encode("utf-8", "replace"), verdict.proof.encode("utf-8", "replace")
    return sealing.fingerprint(b"\0".join([b"callback", row.id.bytes, proof, query, callback.body]))


async def _bounded(tx: Tx, judged: Sequence[_Judged], now: datetime) -> tuple[list[_Judged], list[_Judged]]:
    """(what is kept, what is only counted): what moves something is always kept."""
    doubtful = sorted({one.supplier.id for one in judged if one.verdict != "trusted"})
    if not doubtful:
        return list(judged), []
    rows = await tx.rows(
        LOG["kept_lately"], suppliers=col(doubtful), floor=first_id(millis(now - MINUTE)), most=DOUBTFUL_MAX
    )
    room = dict.fromkeys(doubtful, DOUBTFUL_MAX) | {row.id: DOUBTFUL_MAX - row.kept for row in rows}
    kept: list[_Judged] = []
    counted: list[_Judged] = []
    for one in judged:
        if one.verdict != "trusted":
            room[one.supplier.id] -= 1
        (kept if one.verdict == "trusted" or room[one.supplier.id] >= 0 else counted).append(one)
    return kept, counted


async def _count(tx: Tx, counted: Sequence[_Judged], now: datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    counts = sorted(Counter((one.supplier.id, one.verdict) for one in counted).items())
    await tx.run(
        LOG["count_callbacks"],
        suppliers=col(supplier for (supplier, _), _ in counts),
        minutes=time_col(minute for _ in counts),
        verdicts=col(verdict for (_, verdict), _ in counts),
        counts=col(count for _, count in counts),
    )


async def _keep(tx: Tx, sealing: Sealing, kept: Sequence[_Judged], *, now: datetime, wall: datetime) -> None:
    if not kept:
        return
    about = sorted({(one.outer, one.supplier.id) for one in kept if one.verdict == "trusted" and one.outer})
    ids = new_ids(millis(now), len(kept))
    calls = [one.arrived.callback for one in kept]
    headers = [{name: _plain(call.headers.get(name, "")) for name in HEADERS_KEPT} for call in calls]
    bodies = [
        sealing.seal_secret(call.body.decode("latin-1"), f"callback:{id}")
        for id, call in zip(ids, calls, strict=True)
    ]  # fmt: skip
    outers, of = text_col(outer for outer, _ in about), col(supplier for _, supplier in about)
    async with tx.pipeline():
        await tx.send(
            SQL["keep_callbacks"],
            ids=col(ids),
            suppliers=col(one.supplier.id for one in kept),
            ats=time_col(now for _ in kept),
            headers=text_col(_encode(each).decode() for each in headers),
            queries=text_col(_plain(call.query) for call in calls),
            bodies=bytes_col(bodies),
            verdicts=col(one.verdict for one in kept),
            outers=text_col(one.outer for one in kept),
            addresses=text_col(_plain(one.arrived.address) for one in kept),
            digests=bytes_col(one.digest if one.verdict == "trusted" else None for one in kept),
        )
        if about:
            await tx.send(SQL["lock_named"], outers=outers, suppliers=of)
            await tx.send(SQL["ask_soon"], outers=outers, suppliers=of, now=now, wall=wall)
            await tx.send(
                SQL["recheck_soon"], outers=outers, suppliers=of, now=now, later=now + LOOK_AGAIN,
                most=rules.RECHECKS_MAX,
            )  # fmt: skip


def _plain(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:TEXT_MAX]
