"""The rows of rights, terms and holds: the only reader and writer of schema `entitlement`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from heyi.infra.db import Tx, col, queries, text_col, time_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.provision.entitlement import rules
from heyi.provision.entitlement.model import Grant

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode


async def insert(tx: Tx, grants: Sequence[Grant], *, now: datetime) -> None:
    """Rights and their first terms, in one statement; safe inside a pipeline."""
    ordered = sorted(grants, key=lambda g: (g.lane, g.id.int))
    states = [rules.first_state(g.part, g.item_state) for g in ordered]
    kept = [
        rules.properties_of(g.part, item_state=g.item_state, key_expires_at=g.key_expires_at, now=now) for g in ordered
    ]
    activated = [now if state == "active" else None for state in states]
    windows = [
        rules.window(
            p.validity, paid_at=now, delivered_at=p.delivered_at, activated_at=at, key_expires_at=p.key_expires_at
        )
        for p, at in zip(kept, activated, strict=True)
    ]
    # A term's id carries its right's lane, as every buyer-owned id does.
    noise = new_ids(millis(now), len(ordered), 0)
    terms = [type(i)(int=i.int | g.lane) for i, g in zip(noise, ordered, strict=True)]
    await tx.send(
        SQL["grant"],
        lanes=col(g.lane for g in ordered),
        ids=col(g.id for g in ordered),
        channels=col(g.channel_id for g in ordered),
        buyers=text_col(g.buyer for g in ordered),
        orders=col(g.order_id for g in ordered),
        items=col(g.item_id for g in ordered),
        components=text_col(g.part.component for g in ordered),
        benefit_ids=col(g.part.benefit_id for g in ordered),
        benefits=text_col(g.part.benefit for g in ordered),
        titles=text_col(g.part.title for g in ordered),
        kinds=col(g.part.kind for g in ordered),
        partners=col(g.part.partner_id for g in ordered),
        states=col(states),
        units=col(g.part.units for g in ordered),
        froms=time_col(start for start, _ in windows),
        tos=time_col(end for _, end in windows),
        properties=text_col(_encode(p).decode() for p in kept),
        activated=time_col(activated),
        term_ids=col(terms),
        now=now,
    )
