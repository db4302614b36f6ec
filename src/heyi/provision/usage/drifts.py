"""Drifts 差异: where a partner and we differ. Found when they are heard, repaired by rule or by a person, kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_ids
from heyi.provision.usage import facts, rules, store
from heyi.provision.usage.errors import DriftNotFound, DriftSettled, DriftsUnseen
from heyi.provision.usage.model import Compared, Drift, Ours, R

SQL = queries(__file__, "queries_drifts.sql")
RULE = "rule"
CLOSED_AFTER = timedelta(days=30)  # a right that ended so long ago is not asked about any more


@dataclass(frozen=True, slots=True)
class _New:
    partner_id: UUID
    entitlement_id: UUID | None
    reference: str
    benefit: str
    kind: str
    ours: str
    theirs: str
    state: str = "open"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which open drifts a decision is about; None: whatever. `until`: the newest that was seen; no newer one."""

    partner: UUID | None = None
    kind: str | None = None
    search: str | None = None
    until: UUID | None = None


@dataclass(frozen=True, slots=True)
class Count:
    partner_id: UUID
    kind: str
    state: str
    count: int


async def conclude(
    tx: Tx, compared: Sequence[Compared[R]], *, origin: str, by: str = RULE, now: datetime
) -> list[Fact]:
    """Write what was heard, list what is left to a person, and close what no longer differs.

    What was found by reading or asking, and followed, is listed as repaired: nobody had told us.
    """
    if not compared:
        return []
    rights = {one.ours.id: one for one in compared}
    there: dict[UUID, dict[str, UUID]] = {}
    for row in await tx.rows(SQL["lock_open"], ids=col(rights)):
        there.setdefault(row.entitlement_id, {})[row.kind] = row.id
    await store.save_beliefs(tx, [(one.belief, _is_closed(one, now)) for one in compared])
    new: list[_New] = []
    again: list[tuple[UUID, str, str]] = []
    over: list[tuple[UUID, str]] = []
    for one in compared:
        known = there.get(one.ours.id, {})
        ours, theirs = rules.said(one.after), one.belief.mark
        again += [(known[word], ours, theirs) for word in one.ruling.drifts if word in known]
        new += [_of(one, word, theirs) for word in one.ruling.drifts if word not in known]
        over += [
            (id, "followed" if word in one.ruling.follows else "agreed")
            for word, id in known.items() if word not in one.ruling.drifts
        ]  # fmt: skip
        if origin != "pushed":
            found = [word for word in one.ruling.follows if word not in known]
            new += [_of(one, word, theirs, state="repaired") for word in found if word not in one.ruling.drifts]
    noted = await _note(tx, new, origin=origin, by=by, now=now)
    await _see_again(tx, again, now=now)
    await _close(tx, over, by=by, now=now)
    return await _told(tx, [*noted, *(id for id, _ in over)], {id: one.ours for id, one in rights.items()})


async def strangers(
    tx: Tx, partner_id: UUID, numbers: Mapping[str, str], *, origin: str, now: datetime
) -> list[Fact]:  # fmt: skip
    """Rights that they have and we do not: {the number that they name: what they say of it}."""
    if not numbers:
        return []
    new = [
        _New(partner_id, None, reference, "", "theirs_unknown_to_us", "unknown", theirs)
        for reference, theirs in sorted(numbers.items())
    ]
    noted = await _note(tx, new, origin=origin, by=RULE, now=now)
    await tx.run(
        SQL["see_strangers_again"], partner=partner_id, references=text_col(numbers),
        theirs=text_col(numbers.values()), now=now,
    )  # fmt: skip
    return await _told(tx, noted, {})


async def explain(tx: Tx, partner_id: UUID, rights: Mapping[str, Ours], *, now: datetime) -> list[Fact]:
    """Numbers that they named and we did not know mean these rights ({number: right}): nothing is left to be asked."""
    if not rights:
        return []
    rows = await tx.rows(
        SQL["explain"], partner=partner_id, references=text_col(rights), by=RULE, now=now,
        entitlements=col(one.id for one in rights.values()),
    )  # fmt: skip
    return await _told(tx, [row.id for row in rows], {one.id: one for one in rights.values()})


async def search(
    tx: Tx, *, partner: UUID | None, entitlement: UUID | None, kind: str | None, state: str | None,
    text: str | None, before: UUID | None, limit: int,
) -> list[Drift]:  # fmt: skip
    """Drifts, newest first."""
    rows = await tx.rows(
        SQL["list_drifts"], partner=partner, entitlement=entitlement, kind=kind, state=state,
        search=text, before=before, most=limit,
    )  # fmt: skip
    return [_drift(row) for row in rows]


async def counts(tx: Tx, *, partner: UUID | None = None) -> list[Count]:
    """How many drifts of each class are open, repaired and accepted, by partner."""
    return [Count(*row) for row in await tx.rows(SQL["count_drifts"], partner=partner)]


async def still_open(tx: Tx) -> dict[UUID, int]:
    """How many drifts are open, by partner; those without any are missing."""
    return {row.partner_id: row.count for row in await tx.rows(SQL["open_drifts"])}


async def count_open(tx: Tx, about: Wanted) -> tuple[int, UUID | None]:
    """How many open drifts a decision would be about, and the newest of them."""
    row = await tx.row(SQL["count_open"], **asdict(about))
    return (0, None) if row is None else (row.count, row.newest)


async def open_ids(tx: Tx, about: Wanted, *, most: int) -> list[UUID]:
    """The open drifts of a decision, oldest first. Raises DriftsUnseen."""
    if about.until is None:
        raise DriftsUnseen("/until")
    return [row.id for row in await tx.rows(SQL["open_ids"], most=most, **asdict(about))]


async def find(tx: Tx, id: UUID, *, lock: bool = False) -> Drift:
    """One drift. Raises DriftNotFound."""
    row = await tx.row(SQL["lock_drift" if lock else "find_drift"], id=id)
    if row is None:
        raise DriftNotFound
    return _drift(row)


async def lock_open(tx: Tx, id: UUID) -> Drift:
    """One open drift, locked. Raises DriftNotFound, DriftSettled."""
    found = await find(tx, id, lock=True)
    if found.state != "open":
        raise DriftSettled(state=found.state)
    return found


async def must_be_open(tx: Tx, id: UUID) -> Drift:
    """One open drift, not locked: beliefs and rights are locked before it. Raises DriftNotFound, DriftSettled."""
    found = await find(tx, id)
    if found.state != "open":
        raise DriftSettled(state=found.state)
    return found


async def settle(
    tx: Tx, id: UUID, state: str, how: str, *, by: str, note: str, entitlement_id: UUID | None = None, now: datetime
) -> Drift:
    """A person's word: repaired (how: followed, linked) or accepted (how: kept). Raises DriftSettled."""
    row = await tx.row(
        SQL["settle"], id=id, state=state, how=how, by=by, note=note, entitlement=entitlement_id, now=now
    )
    if row is None:
        raise DriftSettled(state=(await find(tx, id)).state)
    return _drift(row)


async def remark(tx: Tx, id: UUID, note: str) -> Drift:
    """A note on an open drift. Raises DriftNotFound, DriftSettled."""
    await lock_open(tx, id)
    await tx.run(SQL["remark"], id=id, note=note)
    return await find(tx, id)


def _is_closed(one: Compared[R], now: datetime) -> bool:
    """Nobody needs to ask about it: it is over on our side, and they do not say otherwise."""
    if one.after.state not in ("ended", "failed"):
        return False
    long_ago = one.after.ended_at is not None and one.after.ended_at < now - CLOSED_AFTER
    return long_ago or one.belief.alive_at is None or one.belief.ended or one.after.ended_why == "used_up"


def _of(one: Compared[R], word: str, theirs: str, *, state: str = "open") -> _New:
    ours = rules.said(one.ours if state == "repaired" else one.after)
    return _New(one.ours.partner_id, one.ours.id, "", one.ours.benefit, word, ours, theirs, state)


async def _note(tx: Tx, new: Sequence[_New], *, origin: str, by: str, now: datetime) -> list[UUID]:
    if not new:
        return []
    done = [one.state != "open" for one in new]
    rows = await tx.rows(
        SQL["note"],
        ids=col(new_ids(millis(now), len(new))),
        partners=col(one.partner_id for one in new),
        entitlements=col(one.entitlement_id for one in new),
        references=text_col(one.reference for one in new),
        benefits=text_col(one.benefit for one in new),
        kinds=col(one.kind for one in new),
        ours=text_col(one.ours for one in new),
        theirs=text_col(one.theirs for one in new),
        origins=col(origin for _ in new),
        states=col(one.state for one in new),
        hows=col("followed" if each else None for each in done),
        bys=text_col(by if each else None for each in done),
        now=now,
    )
    return [row.id for row in rows]


async def _see_again(tx: Tx, seen: Sequence[tuple[UUID, str, str]], *, now: datetime) -> None:
    if seen:
        ids, ours, theirs = zip(*sorted(seen), strict=True)
        await tx.run(SQL["see_again"], ids=col(ids), ours=text_col(ours), theirs=text_col(theirs), now=now)


async def _close(tx: Tx, over: Sequence[tuple[UUID, str]], *, by: str, now: datetime) -> None:
    if over:
        ids, hows = zip(*sorted(over), strict=True)
        states, bys = ["repaired"] * len(ids), [by] * len(ids)
        await tx.run(SQL["close"], ids=col(ids), states=col(states), hows=col(hows), bys=text_col(bys), now=now)


async def _told(tx: Tx, ids: Sequence[UUID], rights: Mapping[UUID, Ours]) -> list[Fact]:
    if not ids:
        return []
    found = [_drift(row) for row in await tx.rows(SQL["drifts_by_id"], ids=col(ids))]
    return [
        (facts.drifted if one.state == "open" else facts.settled)(
            one, None if one.entitlement_id is None else rights.get(one.entitlement_id)
        )
        for one in found
    ]


def _drift(row: Row) -> Drift:
    return Drift(*row)
