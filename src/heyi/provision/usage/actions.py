"""What partners report: take it in once, fold it, and keep it as it came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.provision.usage import rules, sources, store
from heyi.provision.usage.errors import EventReused, RightNotFound
from heyi.provision.usage.lists import Page
from heyi.provision.usage.model import Answer, Belief, Event, Named, Reference, Told, Unread, Verdict
from heyi.provision.usage.store import Policies


async def claim(tx: Tx, partner_id: UUID, events: Sequence[Event | Unread]) -> dict[UUID, Answer]:
    """Take the events' numbers. Answers those that were known: repeated, or refused because they are another's.

    Of two in one batch the first is new. Whoever claims a number in another transaction is waited for.
    """
    first: dict[str, Event | Unread] = {}
    for one in events:
        first.setdefault(one.event_id, one)
    wanted = {(partner_id, number): (_fingerprint(one), one.id) for number, one in first.items()}
    mine = await store.claim_events(tx, wanted) if wanted else set()
    others = [key for key, (_, report) in wanted.items() if report not in mine]
    marks = {key: mark for key, (mark, report) in wanted.items() if report in mine} | await store.known_events(
        tx, others
    )
    answers = {}
    for one in events:
        if one.id not in mine:
            same = marks.get((partner_id, one.event_id)) == _fingerprint(one)
            answers[one.id] = (
                Answer(one.event_id, "repeated") if same else Answer(one.event_id, "refused", EventReused.code)
            )
    return answers


def as_events(page: Page, asked_at: datetime, now: datetime) -> list[Event | Unread]:
    """The rights of a page as reports. The same state since the same moment is the same event, however often it is
    shown; it holds for the moment in which we asked. A row that makes no sense is refused, once for each text.
    """
    ids = iter(new_ids(millis(now), len(page.rights) + len(page.odd)))
    events: list[Event | Unread] = [
        Event(
            next(ids), f"{one.number} {one.kind} {one.changed_at.isoformat()}", Reference("outer_number", one.number),
            Told(one.kind, one.changed_at, asked_at, 0, one.total), one.raw,
        )
        for one in page.rights
    ]  # fmt: skip
    events += [
        Unread(next(ids), _digest(one.raw).hex(), one.code, one.raw, one.number and f"outer_number:{one.number}")
        for one in page.odd
    ]
    return events


async def expect(tx: Tx, rights: Mapping[UUID, UUID], *, now: datetime) -> None:
    """These rights ({entitlement: partner}) were delivered: partners that we poll are expected to know them."""
    polled = await sources.polled(tx, rights.values())
    await store.expect(tx, {id: partner for id, partner in rights.items() if partner in polled}, now=now)


async def listen(tx: Tx, rights: Mapping[UUID, UUID], *, now: datetime) -> dict[UUID, Belief]:
    """The beliefs about these rights ({entitlement: partner}), locked; made where there was none."""
    await store.expect(tx, rights, now=now)
    return await store.lock_beliefs(tx, rights)


def hear(belief: Belief, told: Sequence[Told], *, now: datetime) -> tuple[Belief, list[bool]]:
    """The belief after all of this, and of each whether it came late: older than what was known, and nothing new."""
    late = []
    for one in told:
        after = rules.heard(belief, one)
        late.append(rules.is_late(belief, after, one))
        belief = after
    return (replace(belief, heard_at=now) if told else belief), late


def answer(
    events: Sequence[Event | Unread], claimed: Mapping[UUID, Answer], whose: Named, late: Mapping[UUID, bool],
    listed: Mapping[UUID, Sequence[str]],
) -> dict[UUID, Answer]:  # fmt: skip
    """What becomes of each report: `late` by report, `listed` drifts by right."""
    answers = {}
    for one in events:
        if isinstance(one, Unread):
            answers[one.id] = claimed.get(one.id) or Answer(one.event_id, "refused", one.code)
            continue
        right = whose.mine.get(one.reference)
        known = claimed.get(one.id)
        if right is None:
            answers[one.id] = Answer(one.event_id, "refused", RightNotFound.code)
        elif known is not None:
            answers[one.id] = replace(known, entitlement_id=right)
        else:
            verdict: Verdict = "late" if late[one.id] else "taken"
            answers[one.id] = Answer(one.event_id, verdict, None, right, tuple(listed[right]))
    return answers


async def told_of(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """{entitlement: partner} of those rights about which a partner has said anything: only they can differ."""
    return await store.told_of(tx, ids)


async def silent(tx: Tx, partner_id: UUID, *, since: datetime, most: int) -> list[UUID]:
    """Rights that were neither named by their partner nor asked about since then."""
    return await store.silent(tx, partner_id, since=since, most=most)


async def asked(tx: Tx, ids: Iterable[UUID], *, now: datetime) -> None:
    """Their partner has answered about these rights. What is believed of them is locked."""
    await store.asked(tx, ids, now=now)


async def policies(tx: Tx, partner_ids: Iterable[UUID]) -> Policies:
    """How these partners' reports are followed."""
    return await store.policies(tx, partner_ids)


async def linked(tx: Tx, partner_id: UUID, references: Sequence[Reference]) -> dict[str, UUID]:
    """{reference: entitlement} of numbers that a person has explained."""
    return await store.links(tx, partner_id, [str(one) for one in references]) if references else {}


async def link(tx: Tx, partner_id: UUID, reference: str, entitlement_id: UUID) -> None:
    """From now on this number of the partner's means this right."""
    await store.link(tx, partner_id, reference, entitlement_id)


def _fingerprint(one: Event | Unread) -> bytes:
    if isinstance(one, Unread):
        return _digest(one.raw)
    told = one.told
    return _digest(str(one.reference), told.kind or "", told.at.isoformat(), str(told.units), str(told.total))


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
