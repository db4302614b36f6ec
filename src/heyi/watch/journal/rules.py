"""Whom a fact concerns, and how it is told: pure.

The body is the same bytes for a webhook and for the list of events: CloudEvents 1.0 in its JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.watch.journal.model import ALLIANCE, CHANNEL, OPERATOR, PARTNER, Holder

# The public names, and what each is about. Everything else stays inside the house.
PUBLIC: Mapping[str, str] = {
    "order.paid": "order",
    "order.fulfilled": "order",
    "order.cancelled": "order",
    "item.delivered": "item",
    "item.failed": "item",
    "item.cancelled": "item",
    "item.waiting": "item",
    "item.chosen": "item",
    "delivery.notice": "item",
    "entitlement.activated": "entitlement",
    "entitlement.ended": "entitlement",
    "entitlement.held": "entitlement",
    "entitlement.freed": "entitlement",
    "key.revealed": "entitlement",
    "redemption.redeemed": "redemption",
    "redemption.released": "redemption",
    "redemption.expired": "redemption",
    "redemption.reversed": "redemption",
    "refund.completed": "refund",
    "webhook.disabled": "webhook",
    "warning.raised": "warning",
    "warning.cleared": "warning",
}

_PARTNER_HEARS = ("item.", "entitlement.", "redemption.", "webhook.")
_OPERATOR_HEARS = ("warning.",)
# What a channel has no use for: names inside our vault.
_CHANNEL_DOES_NOT_SEE = frozenset({"key", "tail", "benefit_id", "batch"})
# A partner is told about its own benefit, not what the bundle cost, who sold it or to whom.
_PARTNER_SEES = frozenset(
    {
        "benefit", "kind", "state", "why", "reason", "units", "units_left", "units_total", "till", "request_no",
        "redemption", "valid_from", "valid_to", "webhook_endpoint", "url", "problem",
    }
)  # fmt: skip

_encode = msgspec.json.Encoder().encode


def concerned(fact: Fact) -> list[Holder]:
    """The channel and the partner (or the operators) that hear of a fact; nobody for a fact that is not public."""
    if fact.name not in PUBLIC:
        return []
    if fact.name.startswith(_OPERATOR_HEARS):
        return [Holder(OPERATOR, ALLIANCE)]
    holders = []
    if fact.channel_id is not None:
        holders.append(Holder(CHANNEL, fact.channel_id))
    if fact.partner_id is not None and fact.name.startswith(_PARTNER_HEARS):
        holders.append(Holder(PARTNER, fact.partner_id))
    return holders


def holder_of(kind: str, id: UUID) -> Holder:
    """As whom somebody with a key of this kind hears: operators as one."""
    return Holder(OPERATOR, ALLIANCE) if kind == OPERATOR else Holder(kind, id)


def heard_by(holder_kind: str) -> Mapping[str, str]:
    """The public names that this kind of holder may listen to."""
    return {
        name: about for name, about in PUBLIC.items() if name.startswith(_OPERATOR_HEARS) == (holder_kind == OPERATOR)
    }


def body(fact: Fact, holder_kind: str, source: str) -> bytes:
    """What this kind of holder is told, as bytes. `source` is our public address; the fact has its id and time."""
    if fact.id is None or fact.at is None:
        raise ValueError("a fact is told after it was written, when it has its id and time")
    about = _ids(fact)
    data: dict[str, object] = dict(about)
    if holder_kind == CHANNEL:
        data |= {name: value for name, value in fact.data.items() if name not in _CHANNEL_DOES_NOT_SEE}
        if fact.buyer is not None:
            data["buyer"] = fact.buyer
    elif holder_kind == OPERATOR:
        data |= fact.data
    else:
        data |= {name: value for name, value in fact.data.items() if name in _PARTNER_SEES}
    return _encode(
        {
            "specversion": "1.0",
            "id": to_text("fct", fact.id),
            "source": source,
            "type": fact.name,
            "time": fact.at.isoformat(),
            "subject": _subject(fact, about),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _ids(fact: Fact) -> dict[str, str]:
    pairs = (
        ("order", "ord", fact.order_id),
        ("item", "itm", fact.item_id),
        ("entitlement", "ent", fact.entitlement_id),
    )
    return {name: to_text(prefix, id) for name, prefix, id in pairs if id is not None}


def _subject(fact: Fact, about: Mapping[str, str]) -> str | None:
    kind = PUBLIC.get(fact.name, "")
    named = fact.data.get(kind) or fact.data.get(f"{kind}_endpoint")
    if isinstance(named, str):
        return named
    return about.get(kind) or about.get("entitlement") or about.get("item") or about.get("order")


def position_at(at: datetime) -> int:
    """The position of a moment: microseconds since 1970."""
    return int(at.timestamp() * 1_000_000)


def counts(holder_ids: list[UUID]) -> list[tuple[UUID, int]]:
    """How many lines each holder gets, by holder id: heads are locked in this order."""
    found: dict[UUID, int] = {}
    for holder_id in holder_ids:
        found[holder_id] = found.get(holder_id, 0) + 1
    return sorted(found.items())
