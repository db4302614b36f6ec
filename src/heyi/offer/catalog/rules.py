"""Filling a wish: pure, and quick, because every order runs it.

A version is compiled once, bound once to its price and the offers of the moment (compiled.py), and each
combination of quantity and choices is planned once (`_plan`); what is left per order is checking accounts, dating
what depends on the payment, and copying. Parts without accounts and dates are the same objects in every order:
nobody may change a Part or its `accounts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from heyi.kernel import flow
from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money, shares
from heyi.kernel.parts import Due, Part
from heyi.offer.catalog import errors
from heyi.offer.catalog.compiled import Bound, Compiled, Plan, Sale, Slot, Template, wish_key
from heyi.offer.catalog.delivery import Timing, due_walked, dues
from heyi.offer.catalog.model import (
    ACCOUNT_CHARS_MAX,
    ORDER_QUANTITY_MAX,
    PARTS_MAX,
    Filled,
    Wish,
)

PLANS_MAX = 128  # combinations of quantity and choices kept per bound version
PLAN_SLOTS_MAX = 60  # a larger plan is rare and heavy: made anew each time


def fill(sale: Sale, wish: Wish, *, now: datetime, zone: ZoneInfo) -> Filled | Refused:
    """Turn a wish into parts, one per item; or say why not (ManyRefused when there are several reasons).

    `now` is the moment of payment: dates count from it. An account that is missing is no fault: the part's
    `accounts` then lacks that field, its `due` stays what it is, and its item must wait for the buyer.
    """
    line = sale.lines[wish_key(wish)]
    if isinstance(line, Refused):
        return line
    compiled, chosen = line.compiled, tuple(wish.choices.items()) if wish.choices else ()
    plan = line.plans.get((wish.quantity, chosen))
    if plan is None:
        planned = _plan(line, wish.quantity, wish.choices)
        if isinstance(planned, Refused):
            return planned
        plan = planned
        if len(plan.slots) <= PLAN_SLOTS_MAX:
            if len(line.plans) >= PLANS_MAX:
                line.plans.clear()
            line.plans[wish.quantity, chosen] = plan
    if wish.accounts and (faults := account_faults(compiled, wish.accounts)):
        return _one(faults)
    amount = plan.amount
    if wish.expected is not None and wish.expected != amount:
        return errors.PriceChanged("/expected_amount", amount_minor=amount.amount_minor, currency=amount.currency)
    if wish.at_most is not None and not _within(amount, wish.at_most):
        return errors.PriceAbove(amount_minor=amount.amount_minor, currency=amount.currency)
    parts: list[Part] = []
    dated: dict[str, list[Due]] = {}
    facts: dict[str, object] | None = None
    given = wish.accounts
    for slot in plan.slots:
        if slot.constant is not None:
            parts.append(slot.constant)
            continue
        template = slot.template
        accounts = template.given(given) if slot.named is None else slot.named.called(given)
        if template.graph is not None:
            facts = facts or _facts(line, plan, wish, now)
            known = {**facts, "item.accounts": frozenset(accounts)}
            named = None if slot.named is None else slot.named.component.code
            due = due_walked(template.graph, slot.month, known, paid_at=now, zone=zone, named=named)
        else:
            coming = dated.get(template.component.code)
            if coming is None:
                coming = dated[template.component.code] = dues(template.timing, paid_at=now, zone=zone)
            due = coming[slot.month]
        parts.append(template.part(slot.share, due, line.offers[template.benefit.id], accounts))
    return Filled(compiled.bundle_id, compiled.bundle, compiled.version, amount, tuple(parts))


def _plan(bound: Bound, quantity: int, choices: Mapping[str, tuple[str, ...]]) -> Plan | Refused:
    """Who gets what share, for one combination of quantity and choices; or what is wrong with the combination."""
    compiled = bound.compiled
    faults = choice_faults(compiled, choices)
    if not 1 <= quantity <= ORDER_QUANTITY_MAX:
        faults.append(errors.QuantityRefused("/quantity", most=ORDER_QUANTITY_MAX))
    if faults:
        return _one(faults)
    placed: list[tuple[Template, Template | None]] = [(template, None) for template in compiled.fixed]
    for code in compiled.groups:
        placed += compiled.slots(code, choices.get(code))
    if quantity > 1 and any((named or template).accounts for template, named in placed):
        return errors.OneAtATime("/quantity")
    per_set = sum(template.units_per_set for template, _ in placed)
    if per_set * quantity > PARTS_MAX:
        return errors.QuantityRefused("/quantity", most=max(1, PARTS_MAX // per_set))
    for template, named in placed:
        if (named or template).benefit.id not in bound.offers:
            return errors.NoOffer("/bundle", benefit=(named or template).benefit.code)
    amount = bound.price.times(quantity)
    slots: list[Slot] = []
    # Two splits: components first, so that explicit shares come out to the fen, then each one's own items.
    for (template, named), whole in zip(placed, shares(amount.amount_minor, compiled.weights), strict=True):
        items = template.units_per_set * quantity
        offer = bound.offers[template.benefit.id]
        for place, share_minor in enumerate(shares(whole, [1] * items)):
            share = Money(share_minor, amount.currency)
            constant = None
            if template.timing.fixed and not template.accounts:
                constant = template.part(share, dues_fixed(template.timing), offer, {})
            slots.append(Slot(template, share, place % template.timing.times, constant, named))
    return Plan(amount, tuple(slots))


def _facts(bound: Bound, plan: Plan, wish: Wish, now: datetime) -> dict[str, object]:
    """What conditions may look at when an order is paid: nothing of it was given yet."""
    return {
        "order.channel": to_text("chn", wish.channel_id),
        "order.bundle": bound.compiled.bundle,
        "order.version": bound.compiled.version,
        "order.amount": plan.amount,
        "order.quantity": wish.quantity,
        "order.paid_at": now,
        **flow.of_components(flow.Seen(slot.template.component.code) for slot in plan.slots),
    }


def dues_fixed(timing: Timing) -> Due:
    """The Due of a timing that does not depend on when it is paid."""
    return dues(timing, paid_at=datetime.min, zone=_ANY_ZONE)[0]


_ANY_ZONE = ZoneInfo("UTC")


def _within(amount: Money, most: Money) -> bool:
    return amount.currency == most.currency and amount.amount_minor <= most.amount_minor


def choice_faults(compiled: Compiled, choices: Mapping[str, Sequence[str]]) -> list[Refused]:
    """What is wrong with the choices, each with its pointer."""
    faults: list[Refused] = [
        errors.GroupUnknown(f"/choices/{escaped(code)}") for code in choices if code not in compiled.groups
    ]
    for code, group in compiled.groups.items():
        here, chosen = f"/choices/{code}", choices.get(code)
        if chosen is None and code in compiled.open:
            continue
        if chosen is None:
            faults.append(errors.ChoiceMissing(here, pick=group.pick))
            continue
        if len(chosen) != group.pick:
            faults.append(errors.ChoiceCount(here, pick=group.pick, count=len(chosen)))
        for place, option in enumerate(chosen):
            if option not in compiled.options[code]:
                faults.append(errors.ChoiceUnknown(f"{here}/{place}"))
            elif option in chosen[:place]:
                faults.append(errors.ChoiceRepeated(f"{here}/{place}"))
    return faults


def account_faults(compiled: Compiled, accounts: Mapping[str, str]) -> list[Refused]:
    """Accounts that nothing asks for, and those that do not match their pattern."""
    faults: list[Refused] = []
    for name, value in accounts.items():
        asked = compiled.asked.get(name)
        if asked is None:
            faults.append(errors.AccountUnknown(f"/accounts/{escaped(name)}"))
        elif len(value) > ACCOUNT_CHARS_MAX or not asked.pattern.fullmatch(value):
            faults.append(errors.AccountMalformed(f"/accounts/{name}", label=asked.field.label))
    return faults


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def refuse(faults: list[Refused]) -> None:
    """Raise the fault, or all of them together; nothing for none."""
    if faults:
        raise _one(faults)


def _one(faults: list[Refused]) -> Refused:
    return faults[0] if len(faults) == 1 else ManyRefused(faults)
