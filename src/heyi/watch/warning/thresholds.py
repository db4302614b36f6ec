"""When to warn: a subject's own thresholds over the alliance's over the defaults here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime

from heyi.infra.db import Tx, col, text_col
from heyi.watch.warning.model import ALLIANCE, Thresholds
from heyi.watch.warning.store import SQL

NAMES = tuple(field.name for field in fields(Thresholds))


async def of(tx: Tx, subjects: Sequence[str]) -> dict[str, Thresholds]:
    """What holds for each of these subjects."""
    rows = await tx.rows(SQL["thresholds_of"], subjects=text_col(sorted({*subjects, ALLIANCE})))
    own: dict[str, dict[str, int]] = {}
    for row in rows:
        own.setdefault(row.subject, {})[row.name] = row.value
    general = _over(Thresholds(), own.get(ALLIANCE, {}))
    return {
        subject: general if subject == ALLIANCE else _over(general, own.get(subject, {})) for subject in subjects
    }  # fmt: skip


def _over(general: Thresholds, own: Mapping[str, int]) -> Thresholds:
    return replace(general, **{name: value for name, value in own.items() if name in NAMES})


async def own(tx: Tx, subject: str) -> dict[str, int]:
    """What was set for this subject itself."""
    rows = await tx.rows(SQL["thresholds_of"], subjects=text_col([subject]))
    return {row.name: row.value for row in rows if row.name in NAMES}


async def set_(tx: Tx, subject: str, given: Mapping[str, int | None], *, by: str, now: datetime) -> Thresholds:
    """Set these for a subject; None goes back to what holds without it. Answers what holds now."""
    kept = {name: value for name, value in given.items() if value is not None}
    dropped = [name for name, value in given.items() if value is None]
    if dropped:
        await tx.run(SQL["drop_thresholds"], subject=subject, names=text_col(dropped))
    if kept:
        await tx.run(
            SQL["set_thresholds"], subject=subject, names=text_col(kept), values=col(kept.values()), by=by, now=now
        )
    return (await of(tx, [subject]))[subject]


def shown(thresholds: Thresholds) -> dict[str, int]:
    """All of them by name."""
    return asdict(thresholds)
