"""The rows of redemptions, request numbers, burned codes and refusals: the only user of schema `redemption`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.ids import lane_of
from heyi.kernel.money import Money
from heyi.provision.redemption.model import Asked, Code, Redemption, Taken

SQL = queries(__file__)


async def claim_request(tx: Tx, asked: Asked, id: UUID, fingerprint: bytes) -> Row | None:
    """Take the partner's number for this redemption; answers who had it before, or None when it is ours."""
    about = {"partner": asked.partner_id, "request_no": asked.request_no}
    if await tx.run(SQL["claim_request"], **about, id=id, fingerprint=fingerprint):
        return None
    return await tx.row(SQL["known_request"], **about)


async def burn(tx: Tx, code: Code) -> bool:
    """Whether this code's step had not been used before."""
    lane = lane_of(code.entitlement_id)
    return bool(await tx.run(SQL["burn"], lane=lane, entitlement=code.entitlement_id, step=code.step))


async def forget_burned(tx: Tx, *, before_step: int) -> int:
    return await tx.run(SQL["forget_burned"], step=before_step)


async def insert(tx: Tx, one: Redemption) -> None:
    await tx.run(
        SQL["insert"],
        lane=one.lane,
        id=one.id,
        entitlement=one.entitlement_id,
        order=one.order_id,
        item=one.item_id,
        partner=one.partner_id,
        channel=one.channel_id,
        buyer=one.buyer,
        benefit=one.benefit,
        title=one.title,
        till=one.till,
        request_no=one.request_no,
        units=one.units,
        now=one.prepared_at,
        expires_at=one.expires_at,
        currency=one.share.currency,
    )


async def insert_redeemed(tx: Tx, made: Sequence[Redemption]) -> None:
    """Redemptions that are over already: reported by their partner."""
    made = sorted(made, key=lambda one: (one.lane, one.id.int))
    if not made:
        return
    await tx.run(
        SQL["insert_redeemed"],
        lanes=col(one.lane for one in made),
        ids=col(one.id for one in made),
        entitlements=col(one.entitlement_id for one in made),
        orders=col(one.order_id for one in made),
        items=col(one.item_id for one in made),
        partners=col(one.partner_id for one in made),
        channels=col(one.channel_id for one in made),
        buyers=text_col(one.buyer for one in made),
        benefits=text_col(one.benefit for one in made),
        titles=text_col(one.title for one in made),
        tills=text_col(one.till for one in made),
        requests=text_col(one.request_no for one in made),
        units=col(one.units for one in made),
        ats=time_col(one.redeemed_at for one in made),
        shares=col(one.share.amount_minor for one in made),
        costs=col(one.cost.amount_minor for one in made),
        currencies=text_col(one.cost.currency for one in made),
    )


async def lock_unconfirmed(tx: Tx, entitlement_ids: Sequence[UUID], *, since: datetime) -> list[Redemption]:
    """Expired a short while ago: a till's confirm may still come."""
    rows = await tx.rows(
        SQL["lock_unconfirmed"], lanes=col(lane_of(id) for id in entitlement_ids),
        entitlements=col(entitlement_ids), since=since,
    )  # fmt: skip
    return [_redemption(row) for row in rows]


async def reversed_units(tx: Tx, entitlement_ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = await tx.rows(
        SQL["reversed_units"], lanes=col(lane_of(id) for id in entitlement_ids), entitlements=col(entitlement_ids)
    )
    return {row.entitlement_id: row.units for row in rows}


async def reported_units(tx: Tx, late: Redemption, *, till: str) -> int:
    row = await tx.row(
        SQL["reported_units"], lane=late.lane, entitlement=late.entitlement_id, till=till, since=late.prepared_at
    )
    return 0 if row is None else int(row.units)


async def find(tx: Tx, id: UUID, *, lock: bool = False) -> Redemption | None:
    row = await tx.row(SQL["lock" if lock else "find"], lane=lane_of(id), id=id)
    return None if row is None else _redemption(row)


async def lock_expired(tx: Tx, *, now: datetime, most: int) -> list[Redemption]:
    return [_redemption(row) for row in await tx.rows(SQL["lock_expired"], now=now, most=most)]


async def save(tx: Tx, changes: Sequence[tuple[Redemption, Redemption]]) -> None:
    """Write (before, after) of redemptions that are locked. Raises RuntimeError when a row is not as it was read."""
    if not changes:
        return
    changes = sorted(changes, key=lambda c: (c[0].lane, c[0].id.int))
    now = [after for _, after in changes]
    written = await tx.run(
        SQL["save"],
        lanes=col(r.lane for r in now),
        ids=col(r.id for r in now),
        was_states=col(before.state for before, _ in changes),
        states=col(r.state for r in now),
        units=col(r.units for r in now),
        redeemed=time_col(r.redeemed_at for r in now),
        ended=time_col(r.ended_at for r in now),
        share_minors=col(r.share.amount_minor for r in now),
        cost_minors=col(r.cost.amount_minor for r in now),
    )
    if written != len(changes):
        raise RuntimeError(f"{len(changes) - written} of {len(changes)} locked redemptions changed under the lock")


async def taken(tx: Tx, entitlement_ids: Iterable[UUID]) -> dict[UUID, Taken]:
    """What has been redeemed of these vouchers; those without a redemption are in the answer too."""
    ids = sorted(entitlement_ids, key=lambda id: (lane_of(id), id.int))
    if not ids:
        return {}
    rows = await tx.rows(SQL["taken"], lanes=col(lane_of(id) for id in ids), entitlements=col(ids))
    known = {row.entitlement_id: Taken(row.units, row.share_minor, row.cost_minor) for row in rows}
    return {id: known.get(id, Taken()) for id in ids}


async def search(
    tx: Tx,
    *,
    partner_id: UUID,
    state: str | None,
    since: datetime | None,
    till: str | None,
    before: UUID | None,
    most: int,
) -> list[Redemption]:
    rows = await tx.rows(SQL["list"], partner=partner_id, state=state, since=since, till=till, before=before, most=most)
    return [_redemption(row) for row in rows]


async def note_refusal(
    tx: Tx,
    *,
    id: UUID,
    partner_id: UUID,
    verb: str,
    till: str,
    request_no: str,
    entitlement_id: UUID | None,
    redemption_id: UUID | None,
    reason: str,
    now: datetime,
) -> None:
    await tx.run(
        SQL["note_refusal"], id=id, partner=partner_id, verb=verb, till=till, request_no=request_no,
        entitlement=entitlement_id, redemption=redemption_id, reason=reason, now=now,
    )  # fmt: skip


def _redemption(row: Row) -> Redemption:
    return Redemption(
        row.id, row.entitlement_id, row.order_id, row.item_id, row.partner_id, row.channel_id, row.buyer, row.benefit,
        row.title, row.till, row.request_no, row.units, row.state, row.prepared_at, row.expires_at, row.redeemed_at,
        row.ended_at, Money(row.share_minor, row.currency), Money(row.cost_minor, row.currency),
    )  # fmt: skip
