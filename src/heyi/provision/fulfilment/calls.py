"""The call log: everything that was said to suppliers, masked, found again, and dropped when its time is over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.infra.http import Heard
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, lane_of, new_id, new_ids
from heyi.provision.fulfilment import masking, store
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors_calls import CallNotFound

SQL = queries(__file__, "queries_calls.sql")
NAMED_MAX = 500  # attempts of one order or number that are looked at
PRUNED_MAX = 2_000  # of each table in one transaction
LATE = timedelta(minutes=10)  # a call is kept this much after it was made, at most
_HIDDEN_NUMBER = re.compile(r"(?<=[:\[,\s])\*{4}(?=\s*[,\]}])")  # stars where JSON has no quotes
_object = msgspec.json.Decoder(dict[str, str]).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls. `number` is ours or theirs; `result` is answered, http_error or no_answer; `troubled`: no good
    answer, or one that says nothing."""

    order_id: UUID | None = None
    number: str | None = None
    supplier: UUID | None = None
    verb: str | None = None
    result: str | None = None
    status: int | None = None
    error: str | None = None
    verdict: str | None = None
    troubled: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call as a list shows it. Without an attempt it was about no purchase; `by` is who asked then (None: the
    clock)."""

    id: UUID
    supplier: str
    verb: str
    by: str | None
    method: str
    url: str
    status: int | None
    error: str
    verdict: str | None
    duration_ms: int
    at: datetime
    attempt_id: UUID | None
    order_id: UUID | None
    task_id: UUID | None
    number: int | None
    outer_number: str | None
    supplier_number: str | None


@dataclass(frozen=True, slots=True)
class Replay:
    """Somebody had a call made again, as a query or as a new attempt."""

    how: str
    by: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that was kept of a call. `version` 0: what was shipped spoke, or a package."""

    call: Call
    dialect: str
    version: int
    headers: dict[str, str]
    request: str
    signed: str
    answered: dict[str, str]
    response: str | None
    replays: list[Replay] = field(default_factory=list)

    @property
    def curl(self) -> str:
        """The call as a line for a shell. Nothing secret is in it, so it has to be signed again before it holds."""
        words = ["curl", "-X", self.call.method, self.call.url]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join([*words, "--data-raw", self.request] if self.request else words)


async def keep_looks(
    tx: Tx,
    account: Account,
    verb: str,
    heard: Sequence[Heard],
    *,
    by: str | None,
    now: datetime,
    doubtful: bool = False,
) -> None:
    """Keep calls that are about no purchase. `doubtful`: the connector is a draft."""
    if not heard:
        return
    kept = masking.exchanges(account, heard, now, doubtful=doubtful)
    await tx.run(
        SQL["keep_looks"],
        ids=col(new_ids(millis(now), len(kept))),
        supplier=account.id,
        profile=account.profile_id,
        verb=verb,
        by=by,
        methods=text_col(one.method for one in kept),
        urls=text_col(one.url for one in kept),
        headers=text_col(one.headers for one in kept),
        requests=text_col(one.request for one in kept),
        signed=text_col(one.signed for one in kept),
        statuses=col(one.status for one in kept),
        answered=text_col(one.answered for one in kept),
        responses=text_col(one.response for one in kept),
        errors=text_col(one.error for one in kept),
        durations=col(one.duration_ms for one in kept),
        troubled=col(one.troubled for one in kept),
        ats=time_col(one.at for one in kept),
    )


async def search(tx: Tx, wanted: Wanted, *, before: UUID | None, limit: int) -> list[Call]:
    """Calls, newest first. Call it inside a transaction: its plan depends on the filters."""
    await tx.rows(store.SQL["plan_each_time"])
    asked = {
        "supplier": wanted.supplier, "verb": wanted.verb, "result": wanted.result, "status": wanted.status,
        "error": wanted.error, "verdict": wanted.verdict, "since": wanted.since, "until": wanted.until,
        "troubled": wanted.troubled or wanted.result in ("http_error", "no_answer") or wanted.verdict == "unknown",
        "before": before, "most": limit,
    }  # fmt: skip
    if wanted.order_id is not None or wanted.number is not None:
        found = await named(tx, wanted.order_id, wanted.number)
        lanes, attempts = col(lane for lane, _ in found), col(attempt for _, attempt in found)
        rows = await tx.rows(SQL["list_calls_of_attempts"], lanes=lanes, attempts=attempts, **asked) if found else []
        return [_call(row) for row in rows]
    floor = None if wanted.since is None else first_id(millis(wanted.since))
    ceiling = None if wanted.until is None else first_id(millis(wanted.until + LATE))
    return [_call(row) for row in await tx.rows(SQL["list_calls"], floor=floor, ceiling=ceiling, **asked)]


async def named(tx: Tx, order_id: UUID | None, number: str | None) -> list[tuple[int, UUID]]:
    """The attempts (lane, id) that an order or a number names."""
    lane = None if order_id is None else lane_of(order_id)
    rows = await tx.rows(SQL["attempts_named"], order_id=order_id, lane=lane, number=number, most=NAMED_MAX)
    return [(row.lane, row.id) for row in rows]


async def find(tx: Tx, id: UUID) -> Whole:
    """One call with everything. Raises CallNotFound."""
    row = await tx.row(SQL["find_call"], id=id)
    if row is None:
        raise CallNotFound
    replays = [Replay(r.how, r.by, r.note, r.at) for r in await tx.rows(SQL["replays_of_call"], call=id)]
    return Whole(
        _call(row), row.dialect, row.version or 0, texts(row.headers), row.request, row.signed, texts(row.answered),
        row.response, replays,
    )  # fmt: skip


async def keep_replay(tx: Tx, call_id: UUID, how: str, *, by: str, note: str, now: datetime) -> None:
    """Write down who had a call made again."""
    await tx.run(SQL["keep_replay"], id=new_id(millis(now)), call=call_id, how=how, by=by, note=note, now=now)


async def prune(tx: Tx, *, before: datetime) -> int:
    """Drop a small batch of what was kept until then: calls, callbacks and counts. Answers how much of the largest."""
    floor = first_id(millis(before))
    dropped = [
        await tx.run(SQL[name], floor=floor, most=PRUNED_MAX)
        for name in ("prune_calls", "prune_looks", "prune_callbacks")
    ]
    await tx.run(SQL["prune_counts"], before=before)
    return max(dropped)


def texts(kept: str) -> dict[str, str]:
    """Headers as they were kept; those that were too long to be kept whole as they are."""
    try:
        return _object(kept)
    except msgspec.DecodeError:
        return {"": kept}


def _call(row: Row) -> Call:
    return Call(
        row.id, row.supplier, row.verb, row.by, row.method, row.url, row.status, row.error, row.verdict,
        row.duration_ms, row.at, row.attempt_id, row.order_id, row.task_id, row.number, row.outer_number,
        row.supplier_number,
    )  # fmt: skip


def comparable(one: Whole) -> dict[str, object]:
    """A call as a document that can be compared with another one's, place by place."""
    return {
        "supplier": one.call.supplier, "profile": f"{one.dialect} v{one.version}", "verb": one.call.verb,
        "method": one.call.method, "url": one.call.url, "headers": one.headers, "request": document(one.request),
        "signed": one.signed, "status": one.call.status, "error": one.call.error, "verdict": one.call.verdict,
        "answered": one.answered, "response": document(one.response or ""),
    }  # fmt: skip


def document(text: str) -> object:
    """A body as it was kept, as what can be compared; a text that is neither JSON nor a form stays one."""
    try:
        return msgspec.json.decode(_HIDDEN_NUMBER.sub('"****"', text))
    except (msgspec.DecodeError, RecursionError):
        pairs = parse_qsl(text, keep_blank_values=True)
        return dict(pairs) if pairs and "<" not in text else text
