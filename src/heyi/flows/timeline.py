"""Everything that happened to an order, oldest first: facts, attempts at suppliers and their calls, webhooks about it.

Nothing secret: facts carry none, calls are masked where they are kept (and appear here without their bodies), and
webhook URLs come without their query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.provision import fulfilment
from heyi.watch import journal, webhook


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the story: when, what (a fact's name, or attempt.…, call.made, webhook.sent), in words, and the data.

    `data` is ready for JSON: ids are in their public form. Durations are in milliseconds.
    """

    at: datetime
    what: str
    text_zh: str
    text_en: str
    data: dict[str, Any] = field(default_factory=dict)


async def of_order(tools: Tools, order_id: UUID, lane: int) -> list[Happening]:
    """The order's story so far. Whoever asks has shown that the order is theirs to see."""
    async with tools.db.reading() as tx:
        facts = await outbox.of_order(tx, order_id)
        attempts = await fulfilment.history(tx, lane, order_id)
        told = await webhook.about_order(tx, order_id)
    benefits: dict[UUID | None, object] = {
        fact.item_id: fact.data["benefit"] for fact in facts if fact.item_id and "benefit" in fact.data
    }
    # Of one moment: first the supplier's end, then what became of it, then who was told.
    story = [line for attempt in attempts for line in _attempt(attempt)]
    story += [_fact(fact, benefits) for fact in facts]
    story += [
        _line(one.at, "webhook.sent", {"event": one.event, "url": one.url, "status": one.status, "error": one.error,
                                       "duration_ms": one.duration_ms})
        for one in told
    ]  # fmt: skip
    return sorted(story, key=lambda line: line.at)


async def of_item(tx: Tx, order_id: UUID, item_id: UUID) -> list[Happening]:
    """What is stated about one item of an order, oldest first: its troubles, and what people decided."""
    facts = [fact for fact in await outbox.of_order(tx, order_id) if fact.item_id == item_id]
    benefits: dict[UUID | None, object] = {one.item_id: one.data["benefit"] for one in facts if "benefit" in one.data}
    return sorted([_fact(fact, benefits) for fact in facts], key=lambda line: line.at)


def _line(at: datetime, what: str, data: Mapping[str, Any]) -> Happening:
    known = {name: value for name, value in data.items() if value not in (None, "")}
    return Happening(at, what, *journal.say(what, known), known)


def _fact(fact: Fact, benefits: Mapping[UUID | None, object]) -> Happening:
    pairs = (("item", "itm", fact.item_id), ("entitlement", "ent", fact.entitlement_id))
    ids = {name: to_text(prefix, id) for name, prefix, id in pairs if id is not None}
    named = {"benefit": benefits[fact.item_id]} if fact.item_id in benefits else {}
    assert fact.at is not None
    return _line(fact.at, fact.name, {**named, **fact.data, **ids})


def _attempt(attempt: fulfilment.AttemptSeen) -> Sequence[Happening]:
    about = {
        "item": to_text("itm", attempt.item_id), "attempt": to_text("att", attempt.id), "number": attempt.number,
        "supplier": attempt.supplier, "outer_number": attempt.outer_number,
    }  # fmt: skip
    heard = {**about, "supplier_number": attempt.supplier_number}
    lines = [_line(attempt.started_at, "attempt.started", about)]
    lines += [
        _line(call.at, "call.made", {**about, "verb": call.verb, "status": call.status, "error": call.error,
                                     "duration_ms": call.duration_ms})
        for call in attempt.calls
    ]  # fmt: skip
    if attempt.accepted_at is not None:
        lines.append(_line(attempt.accepted_at, "attempt.accepted", heard))
    if attempt.ended_at is not None:
        lines.append(_line(attempt.ended_at, "attempt.ended", {**heard, "state": attempt.state, "why": attempt.why}))
    return lines
