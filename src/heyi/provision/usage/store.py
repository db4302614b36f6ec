"""The rows of reports and beliefs; drifts.py and sources.py keep theirs. Nobody else reads schema `usage`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col, time_col
from heyi.kernel.ids import lane_of
from heyi.provision.usage.model import CAREFUL, Belief, Policy

SQL = queries(__file__)
Key = tuple[UUID, str]  # partner, event number
Report = tuple[UUID, str, UUID | None, str, str | None, datetime | None, int | None, str, str, str | None]


class Policies:
    """The rules of some partners: a benefit's own, else the partner's, else careful."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._known = {
            (row.partner_id, row.benefit): Policy(row.activated, row.used, row.expired, row.cancelled) for row in rows
        }

    def of(self, partner_id: UUID, benefit: str) -> Policy:
        return self._known.get((partner_id, benefit)) or self._known.get((partner_id, "")) or CAREFUL


async def claim_events(tx: Tx, wanted: Mapping[Key, tuple[bytes, UUID]]) -> set[UUID]:
    """Take event numbers; answers the reports that got theirs."""
    keys = sorted(wanted)
    rows = await tx.rows(
        SQL["claim_events"],
        partners=col(partner for partner, _ in keys),
        events=text_col(number for _, number in keys),
        fingerprints=bytes_col(wanted[key][0] for key in keys),
        reports=col(wanted[key][1] for key in keys),
    )
    return {row.report_id for row in rows}


async def known_events(tx: Tx, keys: Iterable[Key]) -> dict[Key, bytes]:
    ordered = sorted(set(keys))
    if not ordered:
        return {}
    rows = await tx.rows(
        SQL["known_events"], partners=col(partner for partner, _ in ordered), events=text_col(n for _, n in ordered)
    )
    return {(row.partner_id, row.event_id): bytes(row.fingerprint) for row in rows}


async def keep_reports(tx: Tx, partner_id: UUID, origin: str, reports: Sequence[Report], *, now: datetime) -> None:
    """(id, event, entitlement, reference, kind, at, units, raw, verdict, code) each."""
    if not reports:
        return
    ids, events, rights, references, kinds, ats, units, raws, verdicts, codes = zip(*reports, strict=True)
    await tx.run(
        SQL["keep_reports"], ids=col(ids), partners=col([partner_id] * len(ids)), events=text_col(events),
        origins=text_col([origin] * len(ids)), entitlements=col(rights), references=text_col(references),
        kinds=text_col(kinds), ats=time_col(ats), units=col(units), raws=text_col(raws), verdicts=text_col(verdicts),
        codes=text_col(codes), now=now,
    )  # fmt: skip


async def list_reports(
    tx: Tx, *, partner: UUID | None, entitlement: UUID | None, verdict: str | None, search: str | None,
    before: UUID | None, most: int,
) -> list[Row]:  # fmt: skip
    return await tx.rows(
        SQL["list_reports"], partner=partner, entitlement=entitlement, verdict=verdict, search=search, before=before,
        most=most,
    )  # fmt: skip


async def forget_reports(tx: Tx, floor: UUID, *, most: int) -> int:
    return await tx.run(SQL["forget_reports"], floor=floor, most=most)


async def expect(tx: Tx, rights: Mapping[UUID, UUID], *, now: datetime) -> None:
    """Beliefs for these rights ({entitlement: partner}) where there are none yet."""
    ids = sorted(rights, key=_key)
    if ids:
        await tx.run(
            SQL["expect"], lanes=col(lane_of(i) for i in ids), ids=col(ids), partners=col(rights[i] for i in ids),
            now=now,
        )  # fmt: skip


async def lock_beliefs(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Belief]:
    ordered = sorted(set(ids), key=_key)
    if not ordered:
        return {}
    rows = await tx.rows(SQL["lock_beliefs"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered))
    return {row.entitlement_id: Belief(**row._asdict()) for row in rows}


async def save_beliefs(tx: Tx, beliefs: Sequence[tuple[Belief, bool]]) -> None:
    """Each with whether nobody needs to ask about it any more."""
    rows = sorted(beliefs, key=lambda one: _key(one[0].entitlement_id))
    if not rows:
        return
    told = [belief for belief, _ in rows]
    await tx.run(
        SQL["save_beliefs"],
        lanes=col(b.lane for b in told),
        ids=col(b.entitlement_id for b in told),
        states=col(b.state for b in told),
        state_ats=time_col(b.state_at for b in told),
        units=col(b.units for b in told),
        totals=col(b.total for b in told),
        seens=time_col(b.seen_at for b in told),
        alives=time_col(b.alive_at for b in told),
        begins=time_col(b.begun_at for b in told),
        uses=time_col(b.used_at for b in told),
        expireds=time_col(b.expired_at for b in told),
        cancelleds=time_col(b.cancelled_at for b in told),
        ended_seens=time_col(b.ended_seen_at for b in told),
        missings=time_col(b.missing_at for b in told),
        begans=col(b.began for b in told),
        followeds=col(b.followed for b in told),
        settleds=col(b.settled for b in told),
        heards=time_col(b.heard_at for b in told),
        closeds=col(closed for _, closed in rows),
    )


async def told_of(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Partners by right, of those about which anything was told."""
    ordered = sorted(set(ids), key=_key)
    if not ordered:
        return {}
    rows = await tx.rows(SQL["told_of"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered))
    return {row.entitlement_id: row.partner_id for row in rows}


async def silent(tx: Tx, partner_id: UUID, *, since: datetime, most: int) -> list[UUID]:
    rows = await tx.rows(SQL["silent"], partner=partner_id, since=since, most=most)
    return [row.entitlement_id for row in rows]


async def asked(tx: Tx, ids: Iterable[UUID], *, now: datetime) -> None:
    ordered = sorted(set(ids), key=_key)
    if ordered:
        await tx.run(SQL["asked"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered), now=now)


async def policies(tx: Tx, partner_ids: Iterable[UUID]) -> Policies:
    return Policies(await tx.rows(SQL["policies"], partners=col(sorted(set(partner_ids)))))


async def links(tx: Tx, partner_id: UUID, references: Iterable[str]) -> dict[str, UUID]:
    found = await tx.rows(SQL["links"], partner=partner_id, references=text_col(sorted(set(references))))
    return {row.reference: row.entitlement_id for row in found}


async def refused_under(tx: Tx, partner_id: UUID, reference: str) -> list[Row]:
    return await tx.rows(SQL["refused_under"], partner=partner_id, reference=reference)


async def link(tx: Tx, partner_id: UUID, reference: str, entitlement_id: UUID) -> None:
    await tx.run(SQL["link"], partner=partner_id, reference=reference, entitlement=entitlement_id)


def _key(id: UUID) -> tuple[int, int]:
    return lane_of(id), id.int
