"""Moves the alliance's clock, waits until what became due is done, and tells what happened."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from heyi.app import admin
from heyi.app.cli.client import Client
from heyi.app.process import Trouble
from heyi.kernel.clock import add_months

STEP = re.compile(r"(\d{1,3})\s*(mo|w|d|h|min)")
LENGTHS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "min": timedelta(minutes=1),
}
POLL_S = 0.5
ORDERS_LOOKED_AT = 200
BUYERS_LOOKED_AT = 40

Say = Callable[[str], None]


def target(now: datetime, step: str, zone: ZoneInfo) -> datetime:
    """When it will be after `1mo`, `2w`, `3d`, `2h` or `30min`. Raises Trouble for anything else."""
    match = STEP.fullmatch(step.strip().lower())
    if match is None or int(match[1]) == 0:
        raise Trouble(f"{step!r} is not a length of time", "say 1mo, 2w, 3d, 2h or 30min")
    count, unit = int(match[1]), match[2]
    return add_months(now, count, zone) if unit == "mo" else now + count * LENGTHS[unit]


def move(database_url: str, step: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Move the clock; before and after, in the alliance's time."""
    before = admin.alliance_time(database_url)
    after = target(before, step, zone)
    admin.set_clock_offset(database_url, after - datetime.now(UTC))
    return before, after


def follow(operator: Client, channel: Client, *, before: datetime, after: datetime, say: Say, within_s: float) -> int:
    """Say what the channel hears of, until nothing that was due by `after` is left to do; how many events.

    Raises Trouble when due work is still not done in time.
    """
    count, cursor, idle = 0, None, 0
    deadline = time.monotonic() + within_s
    while True:
        page = channel.get("/v1/events", since=before.isoformat(), cursor=cursor, limit=200)
        cursor = page["next_cursor"]
        for event in page["data"]:
            say(f"  {_line(event)}")
        count += len(page["data"])
        left = unfinished(operator, channel, after)
        idle = idle + 1 if not left and not page["data"] else 0
        if idle >= 3:  # the relay hands facts on within a second of the last delivery
            return count
        if time.monotonic() > deadline:
            raise Trouble(
                f"after {within_s:.0f} s this is still to be done: {', '.join(left[:5]) or 'events keep coming'}",
                "heyi task list --stuck; heyi doctor; .heyi/worker.log",
            )
        time.sleep(POLL_S)


def unfinished(operator: Client, channel: Client, now: datetime) -> list[str]:
    """Items that are due and on their way, and rights that should have ended by now."""
    orders = operator.get("/orders", limit=ORDERS_LOOKED_AT)["data"]
    left = [
        f"{item['component']} of {order['id']}"
        for order in orders
        for item in order["items"]
        if item["state"] == "delivering" or (item["state"] == "scheduled" and _past(item["due_at"], now))
        if not item["problem"] and item["kind"] not in ("physical", "service")
    ]
    for buyer in list(dict.fromkeys(order["buyer"] for order in orders))[:BUYERS_LOOKED_AT]:
        rights: list[dict[str, Any]] = channel.get("/v1/entitlements", buyer=buyer, limit=200)["data"]
        left += [
            f"{right['benefit']} {right['id']}"
            for right in rights
            if right["state"] in ("active", "pending_activation") and _past(right["valid_to"], now)
        ]
    return left


def _past(at: str | None, now: datetime) -> bool:
    return at is not None and datetime.fromisoformat(at) <= now


def _line(event: dict[str, Any]) -> str:
    data = event["data"]
    about = " ".join(str(data[name]) for name in ("benefit", "state", "why", "reason", "fulfilment") if data.get(name))
    return f"{event['time'][:19]}  {event['type']:<24} {about}"
