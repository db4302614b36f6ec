"""What tills can do: lock, decide, save, announce."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_of, new_id
from heyi.kernel.money import Money
from heyi.provision.redemption import facts, rules, store
from heyi.provision.redemption.errors import CodeUsed, RedemptionNotFound, RequestNoReused
from heyi.provision.redemption.model import (
    BURNED_KEPT_STEPS,
    MACHINE,
    PREPARED_S,
    Asked,
    Code,
    Redemption,
    ShownCode,
    Voucher,
)


def show_code(sealing: Sealing, entitlement_id: UUID, *, now: datetime) -> ShownCode:
    """The rotating code of a voucher; whether it may be used now is the voucher's own question."""
    return rules.shown(entitlement_id, sealing.code_secret(entitlement_id.bytes), now)


async def claim(tx: Tx, sealing: Sealing, asked: Asked, *, now: datetime) -> tuple[UUID, Code] | Redemption:
    """Take the request number and burn the code's step: the id of the redemption to be, and the proved code.

    A number that is known with the same question answers its redemption instead, as it is now. Raises CodeMalformed,
    CodeWrong, CodeStale, CodeUsed, RequestNoReused.
    """
    code, number = rules.parse(asked.code)
    id, mark = new_id(millis(now), lane_of(code.entitlement_id)), rules.fingerprint(asked)
    known = await store.claim_request(tx, asked, id, mark)
    if known is not None:
        if known.fingerprint != mark:
            raise RequestNoReused("/request_no", request_no=asked.request_no)
        return await find(tx, known.redemption_id, partner_id=asked.partner_id)
    rules.check(code, number, sealing.code_secret(code.entitlement_id.bytes), now)
    if not await store.burn(tx, code):
        raise CodeUsed("/code")
    return id, code


async def prepare(tx: Tx, id: UUID, asked: Asked, voucher: Voucher, *, now: datetime) -> tuple[Redemption, list[Fact]]:
    """The voucher's units are reserved: write the redemption that holds them for a while."""
    nothing = Money(0, voucher.cost.currency)
    made = Redemption(
        id, voucher.id, voucher.order_id, voucher.item_id, asked.partner_id, voucher.channel_id, voucher.buyer,
        voucher.benefit, voucher.title, asked.till, asked.request_no, asked.units, "prepared", now,
        now + timedelta(seconds=PREPARED_S), None, None, nothing, nothing,
    )  # fmt: skip
    await store.insert(tx, made)
    return made, [facts.now_in_state(made)]


async def look(tx: Tx, verb: str, id: UUID, *, partner_id: UUID, now: datetime) -> tuple[Redemption, str | None]:
    """Lock a redemption and see what the till's word does to the voucher's units; None: it was said before.

    Raises RedemptionNotFound, NotPrepared, NotRedeemed, RedemptionExpired.
    """
    was = await find(tx, id, partner_id=partner_id, lock=True)
    return was, rules.unit_move(verb, was, now)


async def record(
    tx: Tx, verb: str, was: Redemption, voucher: Voucher, *, now: datetime
) -> tuple[Redemption, list[Fact]]:
    """The units have moved (the voucher's row is locked): move the redemption, and say what its units are worth."""
    state = MACHINE.step(was.state, verb)
    if state is None:
        raise ValueError(f"a redemption that is {was.state} cannot {verb}")
    if verb == "confirm":
        taken = (await store.taken(tx, [voucher.id]))[voucher.id]
        share, cost = rules.amounts(
            voucher.earned_by_use, voucher.cost, taken, units=was.units, units_total=voucher.units_total
        )
        made = replace(was, state=state, redeemed_at=now, ended_at=None, share=share, cost=cost)
    else:
        made = replace(was, state=state, ended_at=now)
    await store.save(tx, [(was, made)])
    return made, [facts.now_in_state(made)]


async def expire(tx: Tx, *, most: int, now: datetime) -> tuple[dict[UUID, int], list[Fact]]:
    """Give up prepared redemptions past their time: the units to be released by voucher, and the facts.

    Steps of codes that have been stale for a day are forgotten on the way.
    """
    await store.forget_burned(tx, before_step=rules.step_at(now) - BURNED_KEPT_STEPS)
    before = await store.lock_expired(tx, now=now, most=most)
    after = [replace(one, state="expired", ended_at=now) for one in before]
    await store.save(tx, list(zip(before, after, strict=True)))
    units: dict[UUID, int] = {}
    for one in after:
        units[one.entitlement_id] = units.get(one.entitlement_id, 0) + one.units
    return units, [facts.now_in_state(one) for one in after]


async def rest(tx: Tx, shares: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """What is left of each voucher's share after its redeemed units: what expiry earns (breakage)."""
    taken = await store.taken(tx, shares)
    return {id: share - Money(taken[id].share_minor, share.currency) for id, share in shares.items()}


async def find(tx: Tx, id: UUID, *, partner_id: UUID, lock: bool = False) -> Redemption:
    """One redemption of this partner. Raises RedemptionNotFound."""
    found = await store.find(tx, id, lock=lock)
    if found is None or found.partner_id != partner_id:
        raise RedemptionNotFound
    return found


async def search(
    tx: Tx,
    *,
    partner_id: UUID,
    state: str | None = None,
    since: datetime | None = None,
    till: str | None = None,
    before: UUID | None = None,
    limit: int,
) -> list[Redemption]:
    """A page of a partner's redemptions, newest first and older than `before`."""
    return await store.search(tx, partner_id=partner_id, state=state, since=since, till=till, before=before, most=limit)


async def note_refusal(
    tx: Tx,
    verb: str,
    reason: str,
    *,
    partner_id: UUID,
    now: datetime,
    asked: Asked | None = None,
    redemption_id: UUID | None = None,
) -> None:
    """Keep a refused attempt with its coded reason. Call it in a transaction of its own."""
    await store.note_refusal(
        tx, id=new_id(millis(now)), partner_id=partner_id, verb=verb, till=asked.till if asked else "",
        request_no=asked.request_no if asked else "", entitlement_id=rules.claimed_right(asked.code) if asked else None,
        redemption_id=redemption_id, reason=reason, now=now,
    )  # fmt: skip
