"""Where partners' words come from: pushed by themselves, or polled by us; and how their reports are followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.provision.usage.errors import AddressNeeded, ProtocolUnknown, SourceNotFound, SourceTaken
from heyi.provision.usage.lists import Claimed, Page, Promise, Source
from heyi.provision.usage.model import Policy
from heyi.provision.usage.readers import READERS

SQL = queries(__file__, "queries_sources.sql")
PUSH = "push"
LEASE_S = 60  # longer than one page takes; renewed with every page
AT_ONCE_MAX = 8
UNREAD_AFTER = 3  # failures running
BACKOFF_S_MAX = 3600


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy as it is listed; `benefit` empty: all of the partner's."""

    id: UUID
    partner_id: UUID
    benefit: str
    policy: Policy


async def make(
    tx: Tx, sealing: Sealing, *, partner_id: UUID, protocol: str, base_url: str | None, key: str | None,
    interval_s: int, fresh_s: int, now: datetime, wall: datetime,
) -> Source:  # fmt: skip
    """A partner's source. Raises ProtocolUnknown, AddressNeeded, SourceTaken."""
    if protocol != PUSH and protocol not in READERS:
        raise ProtocolUnknown("/protocol", value=protocol, known=", ".join((PUSH, *READERS)))
    if (protocol == PUSH) != (base_url is None) or (base_url is None) != (key is None):
        raise AddressNeeded("/base_url" if protocol == PUSH or base_url is None else "/key")
    id = new_id(millis(now))
    row = await tx.row(
        SQL["make_source"], id=id, partner=partner_id, protocol=protocol, base_url=base_url and base_url.rstrip("/"),
        key=None if key is None else _sealed(sealing, id, key), interval_s=interval_s, fresh_s=fresh_s,
        due=None if protocol == PUSH else now, now=now,
    )  # fmt: skip
    if row is None:
        raise SourceTaken("/partner")
    return await find(tx, id, wall=wall)


async def change(
    tx: Tx, sealing: Sealing, id: UUID, *, base_url: str | None, key: str | None, interval_s: int | None,
    fresh_s: int | None, state: str | None, wall: datetime,
) -> Source:  # fmt: skip
    """Change what is not None. Raises SourceNotFound, AddressNeeded."""
    there = await find(tx, id, wall=wall)
    if there.protocol == PUSH and (base_url is not None or key is not None):
        raise AddressNeeded("/base_url" if base_url is not None else "/key")
    await tx.run(
        SQL["change_source"], id=id, base_url=base_url and base_url.rstrip("/"),
        key=None if key is None else _sealed(sealing, id, key), interval_s=interval_s, fresh_s=fresh_s, state=state,
    )  # fmt: skip
    return await find(tx, id, wall=wall)


async def find(tx: Tx, id: UUID, *, wall: datetime) -> Source:
    """One source. Raises SourceNotFound."""
    row = await tx.row(SQL["find_source"], id=id, wall=wall)
    if row is None:
        raise SourceNotFound
    return Source(*row)


async def search(
    tx: Tx, *, text: str | None, partner: UUID | None, before: UUID | None, limit: int, wall: datetime
) -> list[Source]:
    """Sources, newest first."""
    rows = await tx.rows(
        SQL["list_sources"], search=text, partner=partner, before=before, most=limit, wall=wall
    )  # fmt: skip
    return [Source(*row) for row in rows]


async def poll_soon(tx: Tx, id: UUID, *, again: bool, now: datetime, wall: datetime) -> Source:
    """Due now; `again`: from the beginning of their list. Raises SourceNotFound."""
    await find(tx, id, wall=wall)
    if again:
        await tx.run(SQL["read_again"], id=id)
    await tx.run(SQL["poll_soon"], id=id, now=now)
    return await find(tx, id, wall=wall)


async def read_again(tx: Tx, partner_id: UUID, *, now: datetime) -> None:
    """A partner's list from its beginning, soon; nothing happens for one that is not polled."""
    row = await tx.row(SQL["source_of"], partner=partner_id)
    if row is not None:
        await tx.run(SQL["read_again"], id=row.id)
        await tx.run(SQL["poll_soon"], id=row.id, now=now)


async def claim(tx: Tx, sealing: Sealing, *, most: int, now: datetime, wall: datetime) -> list[Claimed]:
    """Sources whose time has come, leased to us."""
    rows = await tx.rows(
        SQL["claim_due"], lease=new_id(millis(wall)), until=wall + timedelta(seconds=LEASE_S), most=most, now=now,
        wall=wall,
    )  # fmt: skip
    return [_claimed(row, sealing) for row in rows]


async def for_asking(tx: Tx, sealing: Sealing, partner_id: UUID) -> Claimed | None:
    """The partner's source when it can be asked about single rights."""
    row = await tx.row(SQL["for_asking"], partner=partner_id)
    return None if row is None else _claimed(row, sealing)


async def advance(tx: Tx, source: Claimed, page: Page, *, wall: datetime) -> bool:
    """A page was taken in; False: the lease was lost, and nothing may be written."""
    until = wall + timedelta(seconds=LEASE_S)
    return await tx.run(
        SQL["advance"], id=source.id, lease=source.lease, cursor=page.cursor, rights=len(page.rights), until=until
    ) == 1  # fmt: skip


async def finish(
    tx: Tx, source: Claimed, *, problem: str | None, drained_at: datetime | None = None, compared: int = 0,
    odd: int = 0, now: datetime,
) -> None:  # fmt: skip
    """Give the lease back. After a failure the next try comes later and later; `odd` rows are none, but are told of."""
    failures = 0 if problem is None else source.failures + 1
    wait_s = source.interval_s if problem is None else min(BACKOFF_S_MAX, source.interval_s * 2 ** min(failures, 8))
    if problem is None and drained_at is None:
        wait_s = 0  # a long list: go on at once
    note = problem or (f"{odd} rows make no sense; they are among the refused reports" if odd else None)
    await tx.run(
        SQL["finish"], id=source.id, lease=source.lease, now=now, due=now + timedelta(seconds=wait_s),
        drained=drained_at, compared=compared, problem=note and note[:300], failures=failures,
    )  # fmt: skip


async def promises(tx: Tx, partner_ids: Iterable[UUID]) -> dict[UUID, Promise]:
    """How fresh each partner's word is to be; those that promise nothing are left out."""
    ids = sorted(set(partner_ids))
    rows = await tx.rows(SQL["promises"], partners=col(ids)) if ids else []
    return {row.partner_id: Promise(row.fresh_s, row.drained_at) for row in rows}


async def polled(tx: Tx, partner_ids: Iterable[UUID]) -> set[UUID]:
    """Those of these partners whose lists we read."""
    ids = sorted(set(partner_ids))
    rows = await tx.rows(SQL["polled_partners"], partners=col(ids)) if ids else []
    return {row.partner_id for row in rows}


async def put_policy(tx: Tx, *, partner_id: UUID, benefit: str, policy: Policy, now: datetime) -> Rule:
    """Set how reports are followed, for one benefit or (empty) for all of the partner's."""
    row = await tx.row(
        SQL["put_policy"], id=new_id(millis(now)), partner=partner_id, benefit=benefit, activated=policy.activated,
        used=policy.used, expired=policy.expired, cancelled=policy.cancelled,
    )  # fmt: skip
    assert row is not None
    return Rule(row.id, partner_id, benefit, policy)


async def rules_of(
    tx: Tx, *, partner: UUID | None, text: str | None, before: UUID | None, limit: int
) -> Sequence[Rule]:  # fmt: skip
    """Policies, newest first."""
    rows = await tx.rows(SQL["list_policies"], partner=partner, search=text, before=before, most=limit)
    return [
        Rule(row.id, row.partner_id, row.benefit, Policy(row.activated, row.used, row.expired, row.cancelled))
        for row in rows
    ]


async def unread(tx: Tx, *, now: datetime) -> list[tuple[UUID, datetime, str]]:
    """(partner, since when, why) of polled sources that failed again and again for longer than their promise."""
    rows = await tx.rows(SQL["unread"], failures=UNREAD_AFTER, now=now)
    return [(row.partner_id, row.since, row.problem) for row in rows]


def _claimed(row: Row, sealing: Sealing) -> Claimed:
    key = sealing.open_secret(bytes(row.key), f"status_source:{row.id}")
    return Claimed(
        row.id, row.partner_id, row.protocol, row.base_url, key, row.cursor, row.fresh_s, row.interval_s,
        row.failures, row.lease,
    )  # fmt: skip


def _sealed(sealing: Sealing, id: UUID, key: str) -> bytes:
    return sealing.seal_secret(key, f"status_source:{id}")
