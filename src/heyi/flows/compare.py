"""What partners say of rights is held against ours, and carried through rights and books where a rule says so.

Locks are taken in one order: beliefs, what tills left open, rights. The ledger follows in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.kernel.facts import Fact
from heyi.provision import entitlement, fulfilment, redemption, usage
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Redemption
from heyi.provision.redemption.reported import Open, Use
from heyi.provision.usage import Reference, Told
from heyi.provision.usage.model import FORCED, REFERENCES, Compared, Named, Ruling
from heyi.provision.usage.rules import ids_in, named
from heyi.settle import ledger


@dataclass(frozen=True, slots=True)
class Hearing:
    """How partners are heard: how their words came, who says so, and whether everything is to be followed."""

    origin: str
    now: datetime
    by: str = usage.drifts.RULE
    forced: bool = False


async def compare(
    tx: Tx, heard: Mapping[UUID, Sequence[Told]], partners: Mapping[UUID, UUID], how: Hearing
) -> dict[UUID, Compared[Right]]:
    """Fold what was told into what is believed, follow it where rules allow, and list the rest.

    `partners` names the rights ({entitlement: partner}); those of which nothing is told are only looked at again.
    """
    if not partners:
        return {}
    beliefs = await usage.listen(tx, partners, now=how.now)
    tills = await redemption.reported.lock_open(tx, beliefs, now=how.now)
    rights = await entitlement.provider.lock(tx, beliefs, now=how.now)
    policies = await usage.policies(tx, partners.values())
    found = {}
    for id, right in rights.items():
        belief, late = usage.hear(beliefs[id], heard.get(id, ()), now=how.now)
        policy = FORCED if how.forced else policies.of(right.partner_id, right.benefit)
        units = tills.reversed.get(id, 0)
        found[id] = usage.compare(belief, right, policy, _follow(how.now), reversed_units=units, late=late)
    await _carry_out(tx, list(found.values()), tills, how)
    return found


async def whose(tx: Tx, partner_id: UUID, references: Sequence[Reference]) -> Named:
    """Which of these name rights of this partner, which are others', and which we do not know."""
    by_kind = {kind: [one.text for one in references if one.kind == kind] for kind in REFERENCES}
    numbers = fulfilment.numbers
    outer = await numbers.by_outer_number(tx, by_kind["outer_number"])
    theirs = await numbers.by_supplier_number(tx, by_kind["supplier_number"])
    linked = await usage.linked(tx, partner_id, references)
    found = [(Reference("outer_number", one.number), one.entitlement_id) for one in outer]
    found += [(Reference("supplier_number", one.number), one.entitlement_id) for one in theirs]
    found += [(one, linked[str(one)]) for one in references if str(one) in linked]
    found += ids_in(references)
    rights = await entitlement.provider.look(tx, [id for _, id in found])
    return named(partner_id, references, found, {id: right.partner_id for id, right in rights.items()})


def _follow(now: datetime) -> Callable[[Right, Ruling], Right]:
    def follow(right: Right, ruling: Ruling) -> Right:
        return entitlement.provider.followed(
            right, begins_at=ruling.begins_at, units=ruling.units, end=ruling.end, now=now
        )

    return follow


async def _carry_out(tx: Tx, found: Sequence[Compared[Right]], tills: Open, how: Hearing) -> None:
    facts = await entitlement.provider.save(
        tx, {one.ours.id: (one.ours, one.after) for one in found},
        {one.ours.id: (one.belief.last, one.belief.heard_at) for one in found},
    )  # fmt: skip
    uses = [
        Use(one.after, one.ours.partner_id, one.ruling.units, written_off=one.ours.ended_why == "expired")
        for one in found if one.ruling.units
    ]  # fmt: skip
    redeemed, used = await redemption.reported.record(tx, uses, tills, now=how.now)
    await _book(tx, redeemed, [one.after for one in found if one.ruling.end == "expired"], how.now)
    drifted = await usage.drifts.conclude(tx, found, origin=how.origin, by=how.by, now=how.now)
    told: list[Fact] = [*used, *facts, *drifted]
    await outbox.write(tx, told, now=how.now)


async def _book(tx: Tx, redeemed: Sequence[Redemption], expired: Sequence[Right], now: datetime) -> None:
    rest = await redemption.rest(tx, {right.id: right.earned_by_use for right in expired})
    earnings = [ledger.Earning(one.order_id, one.item_id, one.share, f"redeemed:{one.id}") for one in redeemed]
    earnings += [ledger.Earning(one.order_id, one.item_id, rest[one.id], f"unused:{one.id}") for one in expired]
    costs = [ledger.Cost(r.order_id, r.item_id, r.partner_id, r.cost, f"redeemed:{r.id}") for r in redeemed]
    await ledger.earn(tx, earnings, now=now)
    await ledger.accrue(tx, costs, now=now)
