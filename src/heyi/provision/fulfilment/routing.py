"""Pure: which of several offers a task is to be bought from. A task stands in one queue; this says in which.

An offer is usable when it costs no more than the item's limit, its supplier may buy (not paused, breaker closed), and
nothing that we know speaks against it (no stock, no balance). Of the usable ones the benefit's policy prefers, and
weights, lowered by failures, decide between equals. The draw comes from the task's id: asking twice answers the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.provision.fulfilment.errand import Errand

MEASURED = timedelta(minutes=30)  # how far back success and speed are looked at
MEASURED_MIN = 20  # ends of attempts; fewer say nothing
SHELF_GOOD = timedelta(minutes=10)  # how long "sold out" is believed without being told again
TRIAL_ONE_IN = 10  # of new tasks at a half-open breaker, so that it can close again
UNMEASURED_SUCCESS = 95  # percent, until it has been measured
SPEED_STEP_MS = 2_000  # speeds nearer to each other than this count as equal
SUCCESS_STEP = 5  # percent; as above


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer with all that is known of it and of its supplier. Rates in percent, times in milliseconds.

    `stock`, `on_sale` and `balance_minor` are None when nobody has told us, or too long ago. What has left its
    supplier's list is not on sale until a list shows it again.
    """

    offer: Offer
    supplier: str  # its code, for people
    state: str
    breaker: str
    typical_ms: int = 0
    balance_minor: int | None = None
    stock: int | None = None
    on_sale: bool | None = None
    ended: int = 0
    delivered: int = 0
    delivered_ms: int = 0

    @property
    def success(self) -> int:
        """Percent of ended attempts that were delivered."""
        return UNMEASURED_SUCCESS if self.ended < MEASURED_MIN else 100 * self.delivered // self.ended

    @property
    def speed_ms(self) -> int:
        """Mean time from sending to delivery; the account's typical time until it was measured."""
        return self.typical_ms if self.delivered < MEASURED_MIN else self.delivered_ms // self.delivered


@dataclass(frozen=True, slots=True)
class Refusals:
    """The offers that have said a definite no to a task, and those among them that had accepted it and failed."""

    offers: frozenset[UUID] = frozenset()
    failed: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Routes:
    """Where a task may go after a definite no. `fresh`: an offer not yet refused for this task; `again`: the best of
    all that have not failed it for good, for a later round; `unwell`: the supplier where it stands cannot buy now.
    """

    fresh: Candidate | None = None
    again: Candidate | None = None
    unwell: bool = False


def hindrance(one: Candidate, limit: Money | None, seed: str, *, hoping: bool = False) -> str | None:
    """Why this offer cannot be used now, as a word; None when it can. `hoping` sets aside what may have passed."""
    if one.state != "active":
        return one.state
    if one.breaker == "open" or (one.breaker == "half_open" and _draw(f"{seed}/trial") % TRIAL_ONE_IN):
        return "breaker_open"
    cost = one.offer.cost
    if limit is not None and over_limit(cost, limit):
        return "over_limit"
    if hoping:
        return None
    if one.on_sale is False:
        return "off_sale"
    if one.stock is not None and one.stock < 1:
        return "sold_out"
    return "no_balance" if one.balance_minor is not None and one.balance_minor < cost.amount_minor else None


def over_limit(cost: Money, limit: Money) -> bool:
    """Whether this is more than an item may cost. Another currency always is: nobody said what it may cost in that."""
    return cost.currency != limit.currency or cost.amount_minor > limit.amount_minor


def choose(
    candidates: Iterable[Candidate], policy: str, limit: Money | None, seed: str, *,
    without: Collection[UUID] = (), hoping: bool = False,
) -> Candidate | None:  # fmt: skip
    """The offer to buy from, or None. `without`: offers (by id) that have refused already."""
    usable = [
        one for one in candidates
        if one.offer.id not in without and hindrance(one, limit, seed, hoping=hoping) is None
    ]  # fmt: skip
    if not usable:
        return None
    best = min(rank(one, policy) for one in usable)
    return _weighted([one for one in usable if rank(one, policy) == best], seed)


def next_for(errand: Errand, here: Sequence[Candidate], policy: str, refused: Refusals) -> Routes:
    """Where a task may go after a definite no. `refused`: the offers that have said no to it before this time."""
    request, seed = errand.request, f"{errand.task_id}/{errand.number}"
    limit = Money(request.guard_minor, request.currency)
    mine = next((one for one in here if one.offer.supplier_id == errand.account.id
                 and one.offer.product_no == request.product_no), None)  # fmt: skip
    without = {*refused.offers, mine.offer.id} if mine else refused.offers
    failed = refused.failed
    return Routes(
        choose(here, policy, limit, seed, without=without)
        or choose(here, policy, limit, seed, without=without, hoping=True),
        choose(here, policy, limit, seed, without=failed)
        or choose(here, policy, limit, seed, without=failed, hoping=True),
        mine is not None and (mine.breaker != "closed" or mine.state != "active"),
    )


def as_offered(errands: Sequence[Errand], offers: Mapping[UUID, tuple[str, Money]]) -> list[Errand]:
    """The same errands, as their offers (state and cost by id) are now: what is bought costs what it costs today, and
    nothing is bought from an offer that is held, or costs more by now than its item may."""
    return [_as_offered(one, offers) if one.buys else one for one in errands]


def _as_offered(errand: Errand, offers: Mapping[UUID, tuple[str, Money]]) -> Errand:
    found = None if errand.offer_id is None else offers.get(errand.offer_id)
    if found is None:
        return errand
    (state, cost), request = found, errand.request
    if over_limit(cost, Money(request.guard_minor, request.currency)):
        return replace(errand, barred="over_limit 报价已高于该权益的成本上限")
    if state == "held":
        return replace(errand, barred="offer_held 报价已被暂停")
    return replace(errand, request=msgspec.structs.replace(request, cost_minor=cost.amount_minor))


def seen(candidates: Iterable[Candidate], policy: str) -> list[tuple[Candidate, str | None, bool]]:
    """Offers for people, best first: what speaks against each, and which of them a purchase would stand at."""
    ordered = sorted(candidates, key=lambda one: (hindrance(one, None, "") is not None, rank(one, policy)))
    preferred = choose(ordered, policy, None, "")
    return [(one, hindrance(one, None, ""), one is preferred) for one in ordered]


def rank(one: Candidate, policy: str) -> tuple[int, ...]:
    """The lowest comes first; equals are drawn by weight."""
    priority, cost = one.offer.priority, one.offer.cost.amount_minor
    if policy == "price":
        return (cost, priority)
    if policy == "success":
        return (-(one.success // SUCCESS_STEP), priority, cost)
    if policy == "speed":
        return (one.speed_ms // SPEED_STEP_MS, priority, cost)
    return (priority,)


def _weighted(equals: Sequence[Candidate], seed: str) -> Candidate:
    """Weights times success: a supplier that fails half of the time gets half of its share."""
    weights = [max(1, one.offer.weight * one.success) if one.offer.weight else 0 for one in equals]
    if not any(weights):
        weights = [1] * len(equals)
    place = _draw(seed) % sum(weights)
    for one, weight in zip(equals, weights, strict=True):
        if place < weight:
            return one
        place -= weight
    raise AssertionError("the weights do not cover the draw")


def _draw(seed: str) -> int:
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "big")


def shelf_good(seen_at: datetime | None, wall: datetime) -> bool:
    """Whether what was last heard of a product may still be believed."""
    return seen_at is not None and wall - seen_at <= SHELF_GOOD
