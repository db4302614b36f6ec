"""Uses that a partner reports after the fact: kept as redemptions like any other, so that nothing is earned twice.

A till that prepared, and whose confirm never came, is confirmed by the report: it speaks of the same goods. A confirm
that comes after its units were reported in pieces takes only the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import lane_of, new_ids
from heyi.kernel.money import Money
from heyi.provision.redemption import facts, rules, store
from heyi.provision.redemption.errors import RedemptionExpired
from heyi.provision.redemption.model import LATE_S_MAX, MACHINE, Redemption, Taken, Voucher

TILL = "(reported)"


@dataclass(frozen=True, slots=True)
class Use:
    """Units of a voucher used at its partner. `written_off`: its whole share was earned when it expired."""

    voucher: Voucher
    partner_id: UUID
    units: int
    written_off: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """What tills have left open or taken back: redemptions that a report may speak of, and units given back."""

    unconfirmed: Mapping[UUID, Sequence[Redemption]]
    reversed: Mapping[UUID, int]


async def lock_open(tx: Tx, entitlement_ids: Iterable[UUID], *, now: datetime) -> Open:
    """Before the vouchers themselves are locked, as tills do it."""
    ids = sorted(set(entitlement_ids), key=lambda id: (lane_of(id), id.int))
    if not ids:
        return Open({}, {})
    unconfirmed: dict[UUID, list[Redemption]] = {}
    for one in await store.lock_unconfirmed(tx, ids, since=now - timedelta(seconds=LATE_S_MAX)):
        unconfirmed.setdefault(one.entitlement_id, []).append(one)
    return Open(unconfirmed, await store.reversed_units(tx, ids))


async def not_reported(tx: Tx, late: Redemption) -> Redemption:
    """A redemption whose confirm came late, with the units that no report has spoken of since it was prepared. The
    voucher's row is locked. Raises RedemptionExpired when nothing is left of it.
    """
    units = late.units - await store.reported_units(tx, late, till=TILL)
    if units <= 0:
        raise RedemptionExpired
    return replace(late, units=units)


async def record(
    tx: Tx, uses: Sequence[Use], there: Open, *, now: datetime
) -> tuple[list[Redemption], list[Fact]]:  # fmt: skip
    """The units have moved (the vouchers' rows are locked): the redemptions that stand for them, and facts."""
    if not uses:
        return [], []
    taken = await store.taken(tx, [use.voucher.id for use in uses])
    fresh = iter(new_ids(millis(now), len(uses)))
    confirmed: list[tuple[Redemption, Redemption]] = []
    made: list[Redemption] = []
    for use in uses:
        left, before = use.units, taken[use.voucher.id]
        for was in there.unconfirmed.get(use.voucher.id, ()):
            if was.units <= left and was.partner_id == use.partner_id:
                done, before = _redeemed(was, use, before, now)
                confirmed.append((was, done))
                left -= was.units
        id = next(fresh)
        if left:
            one, _ = _redeemed(_new(id, use, left, now), use, before, now)
            made.append(one)
    await store.save(tx, confirmed)
    await store.insert_redeemed(tx, made)
    found = [after for _, after in confirmed] + made
    return found, [facts.now_in_state(one) for one in found]


def _new(id: UUID, use: Use, units: int, now: datetime) -> Redemption:
    voucher, nothing = use.voucher, Money(0, use.voucher.cost.currency)
    lane = lane_of(voucher.id)
    return Redemption(
        UUID(int=id.int & ~1023 | lane), voucher.id, voucher.order_id, voucher.item_id, use.partner_id,
        voucher.channel_id, voucher.buyer, voucher.benefit, voucher.title, TILL, f"reported-{id.hex}", units,
        "prepared", now, now, None, None, nothing, nothing,
    )  # fmt: skip


def _redeemed(was: Redemption, use: Use, taken: Taken, now: datetime) -> tuple[Redemption, Taken]:
    state = MACHINE.step(was.state, "confirm")
    assert state is not None
    whole = Money(0, use.voucher.cost.currency) if use.written_off else use.voucher.earned_by_use
    share, cost = rules.amounts(
        whole, use.voucher.cost, replace(taken, share_minor=0) if use.written_off else taken, units=was.units,
        units_total=use.voucher.units_total,
    )  # fmt: skip
    after = Taken(taken.units + was.units, taken.share_minor + share.amount_minor, taken.cost_minor + cost.amount_minor)
    return replace(was, state=state, redeemed_at=now, ended_at=None, share=share, cost=cost), after
