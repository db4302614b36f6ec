"""Suppliers' callbacks: stored as they came, checked, and taken as a reason to ask. They never move a state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, bytes_col, col, text_col, time_col
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.provision.fulfilment import rules
from heyi.provision.fulfilment.connectors import usable
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.store import SQL
from heyi.provision.fulfilment.suppliers import Ack as Word
from heyi.provision.fulfilment.suppliers import Callback, Heard, Refusal

_encode = msgspec.json.Encoder().encode
HEADERS_KEPT = ("content-type", "user-agent", "x-forwarded-for", "x-real-ip")
TEXT_MAX = 2_000
OURS = re.compile(r"[0-9a-z]{26}-[0-9]{1,5}")  # what an outer number of ours looks like


@dataclass(frozen=True, slots=True)
class Arrived:
    """One callback at the address with this token."""

    token: str
    callback: Callback


@dataclass(frozen=True, slots=True)
class Ack:
    """How a callback is answered. Not trusted: the supplier is not told that we took it."""

    word: Word
    trusted: bool


async def hear(
    tx: Tx, sealing: Sealing, arrived: Sequence[Arrived], *, now: datetime, wall: datetime
) -> list[Ack | None]:
    """Keep callbacks and make their numbers' next query due; None for a token that names no account.

    Repeats are acknowledged like the first; so are numbers that we do not know.
    """
    rows = await tx.rows(SQL["suppliers_by_token"], tokens=text_col(sorted({one.token for one in arrived})))
    suppliers = {row.callback_token: row for row in rows}
    accounts = {row.callback_token: await usable(tx, row, sealing, "") for row in rows}
    verdicts = [_verdict(accounts[one.token], one.callback, wall) if one.token in accounts else None for one in arrived]
    heard = [number for number in map(_number, verdicts) if number]
    known = await tx.rows(SQL["known_numbers"], outers=text_col(sorted(set(heard)))) if heard else []
    pairs = {(row.outer_number, row.supplier_id) for row in known}
    kept: list[tuple[Row, Callback, str, str | None]] = []
    about: set[tuple[str, UUID]] = set()
    for one, verdict in zip(arrived, verdicts, strict=True):
        if verdict is not None:
            supplier, outer = suppliers[one.token], _number(verdict)
            ours = (outer, supplier.id) in pairs
            word = verdict.verdict if isinstance(verdict, Refusal) else "trusted" if ours else "stranger"
            kept.append((supplier, one.callback, word, outer))
            if outer and ours:
                about.add((outer, supplier.id))
    await _keep(tx, sealing, kept, sorted(about), now=now, wall=wall)
    return [
        None if verdict is None else _ack(accounts[one.token], verdict)
        for one, verdict in zip(arrived, verdicts, strict=True)
    ]


def _ack(account: Account | None, verdict: Heard | Refusal) -> Ack:
    return Ack(Word("") if account is None else account.connector.ack, trusted=isinstance(verdict, Heard))


def _verdict(account: Account | None, callback: Callback, wall: datetime) -> Heard | Refusal:
    if account is None:  # kept unread, and not acknowledged: they call again
        return Refusal("unreadable")
    try:
        return account.connector.parse_callback(account, callback, wall)
    except Exception:  # strange numbers, depths without end; and a connector may be a stranger's code
        return Refusal("unreadable")


def _number(verdict: Heard | Refusal | None) -> str | None:
    """The number that a trusted callback names, when it can be one of ours."""
    return verdict.outer_number if isinstance(verdict, Heard) and OURS.fullmatch(verdict.outer_number) else None


async def _keep(
    tx: Tx,
    sealing: Sealing,
    kept: Sequence[tuple[Row, Callback, str, str | None]],
    about: Sequence[tuple[str, UUID]],
    *,
    now: datetime,
    wall: datetime,
) -> None:
    if not kept:
        return
    ids = new_ids(millis(now), len(kept))
    headers = [{name: c.headers.get(name, "")[:TEXT_MAX] for name in HEADERS_KEPT} for _, c, *_ in kept]
    bodies = [
        sealing.seal_secret(c.body.decode("latin-1"), f"callback:{id}")
        for id, (_, c, *_) in zip(ids, kept, strict=True)
    ]
    outers, of = text_col(outer for outer, _ in about), col(supplier for _, supplier in about)
    async with tx.pipeline():
        await tx.send(
            SQL["keep_callbacks"],
            ids=col(ids),
            suppliers=col(supplier.id for supplier, *_ in kept),
            ats=time_col(now for _ in kept),
            headers=text_col(_encode(each).decode() for each in headers),
            queries=text_col(c.query.replace("\x00", "")[:TEXT_MAX] for _, c, *_ in kept),
            bodies=bytes_col(bodies),
            verdicts=col(word for *_, word, _ in kept),
            outers=text_col(outer for *_, outer in kept),
        )
        if about:
            await tx.send(SQL["ask_soon"], outers=outers, suppliers=of, now=now, wall=wall)
            await tx.send(SQL["recheck_soon"], outers=outers, suppliers=of, now=now, most=rules.RECHECKS_MAX)
