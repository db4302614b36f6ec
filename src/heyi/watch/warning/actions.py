"""Raising, clearing, and what operators do about warnings. Facts are answered; the caller writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.facts import Fact
from heyi.kernel.ids import new_ids
from heyi.watch.warning import facts, judging, letters, rules, store, thresholds
from heyi.watch.warning.errors import SnoozePast, WarningOver, WarningUnknown
from heyi.watch.warning.judging import Judged, MoneyReading, StockReading
from heyi.watch.warning.model import Thresholds, Trouble, Warned

SWEPT_MAX = 500
KEPT = timedelta(days=366)


async def raise_(tx: Tx, troubles: Sequence[Trouble], *, now: datetime) -> list[Fact]:
    """Warn of these, once each until it is cleared: seeing it again only says when it was seen last.

    Answers `warning.raised` for what is new or got worse (nothing for what somebody snoozed). Cheap to call again and
    again: one look, and a write at most once a minute per warning. Not inside a pipeline.
    """
    if not troubles:
        return []
    known = await store.open_ones(tx, [(one.kind, one.subject) for one in troubles])
    fresh = rules.worth_writing(troubles, known, now)
    if not fresh:
        return []
    rows = [(id, one, *rules.said(one)) for id, one in zip(new_ids(millis(now), len(fresh)), fresh, strict=True)]
    kept = await store.keep(tx, rows, now=now)
    ours = {id for id, *_ in rows}
    new = [facts.raised(one) for one in kept if one.id in ours and one.snoozed_until is None]
    worse = [one for one in kept if rules.is_worse(known.get((one.kind, one.subject)), one)]
    await store.tell_again(tx, [one.id for one in worse])
    return new + [facts.raised(one, "worse") for one in worse]


async def clear(tx: Tx, gone: Sequence[tuple[str, str]], *, now: datetime) -> list[Fact]:
    """The cause of these (kind, subject) is gone. Answers `warning.cleared` for those that end now; what comes and
    goes ends when it has stayed away for a while. Cheap where there is nothing to clear. Not inside a pipeline."""
    if not gone:
        return []
    ends, calms = rules.over((await store.open_ones(tx, gone)).values(), now)
    if calms:
        await store.calm(tx, [one.id for one in calms], now=now)
    return await _end(tx, ends, now)


async def only(tx: Tx, kinds: Sequence[str], troubles: Sequence[Trouble], *, now: datetime) -> list[Fact]:
    """These are all the troubles of these kinds that there are: raise them, and clear whatever else is open of the
    kinds. For looks that see everything. Not inside a pipeline."""
    told = await raise_(tx, troubles, now=now)
    there = {(one.kind, one.subject) for one in troubles}
    return told + await clear(tx, sorted(await store.open_subjects(tx, kinds) - there), now=now)


async def watch_money(tx: Tx, readings: Sequence[MoneyReading], *, now: datetime) -> list[Fact]:
    """Judge supplier accounts by their thresholds; raise and clear what that asks for."""
    before, limits = await _known(tx, judging.MONEY_KINDS, [one.subject for one in readings])
    return await _say(tx, [judging.money(o, limits[o.subject], before.get(o.subject, {})) for o in readings], now)


async def leave_money(tx: Tx, subjects: Sequence[str], *, now: datetime) -> list[Fact]:
    """Nobody judges these supplier accounts any more: whatever was said of their money is over."""
    return await clear(tx, [(kind, one) for one in subjects for kind in judging.MONEY_KINDS], now=now)


async def watch_stock(tx: Tx, readings: Sequence[StockReading], *, now: datetime) -> list[Fact]:
    """Judge benefits' keys by their thresholds; raise and clear what that asks for."""
    before, limits = await _known(tx, judging.STOCK_KINDS, [one.subject for one in readings])
    return await _say(tx, [judging.stock(o, limits[o.subject], before.get(o.subject, {})) for o in readings], now)


async def _known(
    tx: Tx, kinds: Sequence[str], subjects: Sequence[str]
) -> tuple[dict[str, dict[str, str]], dict[str, Thresholds]]:
    return await store.open_of(tx, kinds, subjects), await thresholds.of(tx, subjects)


async def _say(tx: Tx, judged: Sequence[Judged], now: datetime) -> list[Fact]:
    raised = await raise_(tx, [trouble for one in judged for trouble in one.raised], now=now)
    return raised + await clear(tx, [key for one in judged for key in one.gone], now=now)


async def sweep(tx: Tx, *, now: datetime) -> list[Fact]:
    """End what has been calm for long enough or was not seen for long; tell again what was snoozed until now."""
    found = await store.restless(tx, now=now, most=SWEPT_MAX)
    ends = [one for one in found if rules.calmed(one, now) or rules.faded(one, now)]
    woken = [one for one in found if one not in ends and rules.snooze_over(one, now)]
    await store.tell_again(tx, [one.id for one in woken])
    ended = await _end(tx, ends, now)
    return ended + [facts.raised(one, "snooze_over") for one in woken if one.acknowledged_at is None]


async def forget(tx: Tx, *, now: datetime) -> int:
    """Delete a chunk of what was over, and of what was mailed, a year ago."""
    gone = await store.forget(tx, before=now - KEPT, most=SWEPT_MAX, now=now)
    return gone + await letters.forget(tx, before=now - KEPT)


async def _end(tx: Tx, ends: Sequence[Warned], now: datetime) -> list[Fact]:
    if not ends:
        return []
    return [facts.cleared(one) for one in await store.end(tx, [one.id for one in ends], now=now)]


async def search(
    tx: Tx, *, state: str, kind: str | None, level: str | None, about: str | None, text: str | None, now: datetime,
    before: UUID | None, limit: int,
) -> list[Warned]:  # fmt: skip
    """Warnings, newest first. `state`: open (and not snoozed), snoozed, cleared, all. `about`: a subject, with or
    without the detail behind it."""
    return await store.search(
        tx, state=state, kind=kind, level=level, about=about, text=text, now=now, before=before, most=limit
    )


async def find(tx: Tx, id: UUID) -> Warned:
    """One warning. Raises WarningUnknown."""
    found = await store.find(tx, id)
    if found is None:
        raise WarningUnknown
    return found


async def acknowledge(tx: Tx, id: UUID, *, by: str, now: datetime) -> Warned:
    """Somebody looks after it. The first one stays. Raises WarningUnknown, WarningOver."""
    return await store.acknowledge(tx, id, by=by, now=now) or await _not_open(tx, id)


async def snooze(tx: Tx, id: UUID, *, until: datetime, by: str, now: datetime) -> Warned:
    """Be quiet about it until then, also when it comes back. Raises WarningUnknown, WarningOver, SnoozePast."""
    if until <= now:
        raise SnoozePast("/until")
    return await store.snooze(tx, id, until=until, by=by) or await _not_open(tx, id)


async def _not_open(tx: Tx, id: UUID) -> Warned:
    await find(tx, id)
    raise WarningOver
