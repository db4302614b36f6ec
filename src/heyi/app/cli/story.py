"""An order's timeline on a terminal: when, how long after the start, what, about which part."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.markup import escape

from heyi.app.cli.frame import chinese

COLOURS = {
    "order.paid": "bold",
    "order.fulfilled": "bold green",
    "item.delivered": "green",
    "item.failed": "red",
    "task.declined": "yellow",
    "task.unknown": "yellow",
    "task.waiting_for_person": "yellow",
    "item.waiting": "yellow",
    "call.made": "dim",
    "webhook.sent": "dim",
}


def lines(happenings: Sequence[Mapping[str, Any]], *, since: datetime | None = None) -> list[str]:
    """One line each, marked up for rich; `since` is what the offsets count from (None: the first of them)."""
    if not happenings:
        return []
    start = since or at(happenings[0])
    return [line(one, start) for one in happenings]


def line(one: Mapping[str, Any], start: datetime) -> str:
    zone = ZoneInfo(os.environ.get("HEYI_ZONE", "Asia/Shanghai"))
    when = at(one).astimezone(zone)
    after = (at(one) - start).total_seconds()
    text = one["text"] if chinese() else one["text_en"]
    colour = COLOURS.get(one["what"], "")
    shown = f"{when:%m-%d %H:%M:%S}.{when.microsecond // 1000:03d}  {_gap(after):>9}  {one['what']:<24}  {escape(text)}"
    return f"[{colour}]{shown}[/{colour}]" if colour else shown


def at(one: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(one["at"])


def _gap(seconds: float) -> str:
    if seconds < 120:
        return f"+{seconds:.3f}s"
    if seconds < 7200:
        return f"+{seconds / 60:.0f}min"
    return f"+{seconds / 3600:.0f}h" if seconds < 2 * 86400 else f"+{seconds / 86400:.0f}d"
