"""Slots left open when they were bought: they stand at a choice until the buyer, or the default, fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from heyi.infra.db import Tx
from heyi.kernel import flow
from heyi.kernel.facts import Fact
from heyi.provision.fulfilment import facts as telling
from heyi.provision.fulfilment import model, planning, waits, walking
from heyi.provision.fulfilment.errand import Outcome
from heyi.provision.fulfilment.model import Chosen, Request, Scene, Woken
from heyi.provision.fulfilment.walking import Walk

_request = msgspec.json.Decoder(Request).decode


@dataclass(frozen=True, slots=True)
class Choice:
    """What an open slot takes when nobody says: the first of these that can be had. `named` is what the buyer wished
    for beforehand, with the accounts (by the order's names) that he gave for it.
    """

    defaults: list[str]
    named: str | None
    accounts: Mapping[str, str]


def at_choice(one: Woken, zone: ZoneInfo) -> Choice | None:
    """The choice at which this task stands, if it does."""
    defaults = flow.read(one.row.flow, zone).defaults(one.row.node) if one.row.flow is not None else []
    request = _request(one.row.request)
    return Choice(defaults, request.named, dict(request.accounts)) if defaults else None


async def fill(
    tx: Tx, chosen: Sequence[Chosen], scenes: Mapping[UUID, Scene], *, zone: ZoneInfo, now: datetime
) -> tuple[list[Outcome], list[Fact]]:
    """Fill open slots: each task becomes that of the chosen part, at the beginning of the option's own flow."""
    walks: list[Walk] = []
    outcomes: list[Outcome] = []
    facts: list[Fact] = []
    fitted: list[tuple[Chosen, Request]] = []
    for one in chosen:
        row, made = one.woken.row, flow.read(one.graph, zone)
        scene = scenes[row.order_id]
        stand = made.begin({**scene.facts, "item.accounts": frozenset(one.part.accounts)}, now=one.woken.at)
        request = planning.request_of(one.part, model.WAITING_FOR_BUYER, None)
        fitted.append((one, request))
        lacks = stand.kind == "deliver" and stand.at is None and bool(request.missing)
        walk = walking.walked(one.woken, stand, made.falls_back(stand.node), now)
        outcome = walking.outcome(one.woken, walk, True, now)
        if lacks:  # it comes as soon as the buyer has given his accounts
            walk = replace(walk, state=model.WAITING_FOR_BUYER, due_at=None)
            outcome = Outcome(row.lane, row.order_id, row.item_id, row.entitlement_id, "want_buyer", asks=True)
        walks.append(walk)
        outcomes += [outcome] if outcome is not None else []
        about = replace(scene.told[row.item_id], component=one.part.component, benefit=one.part.benefit)
        facts += [telling.of_step(about, made, step) for step in stand.steps if telling.worth(step)]
    await waits.refit(tx, fitted)
    await waits.save_walks(tx, walks, now=now)
    return outcomes, facts


async def look_again(tx: Tx, woken: Sequence[Woken], *, until: datetime) -> None:
    """Look at these choices again later: nothing of them can be had now."""
    if woken:
        await waits.postpone(tx, [(one.row.lane, one.row.id) for one in woken], until=until)


async def ask(tx: Tx, woken: Sequence[Woken], *, zone: ZoneInfo, now: datetime) -> list[Outcome]:
    """What the buyer named beforehand cannot be had: he chooses now, and has as long for it as anybody."""
    if not woken:
        return []
    walks = [
        walking.walked(one, stand, False, now) for one in woken
        if (stand := flow.read(one.row.flow, zone).wake(one.row.node, flow.BUYER, {}, now=now)) is not None
    ]  # fmt: skip
    requests = [(one, _request(one.row.request)) for one in woken]
    await waits.save_requests(
        tx, [(one.row.lane, one.row.id, msgspec.structs.replace(request, named=None)) for one, request in requests]
    )
    await waits.save_walks(tx, walks, now=now)
    found = [walking.outcome(one, walk, False, now) for one, walk in zip(woken, walks, strict=True)]
    return [outcome for outcome in found if outcome is not None]
