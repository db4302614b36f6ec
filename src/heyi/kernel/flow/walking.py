"""The one rule of flows: from where an item stands, and what brought it on, to where it stands next. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from heyi.kernel import condition
from heyi.kernel.clock import add_days, add_months
from heyi.kernel.flow.fields import FlowFields
from heyi.kernel.flow.model import BUYER, EVENT, FAILED, TIME, Facts, Stand, Step

# By (do, for): which branch each cause opens. A wait for another component opens by what became of that one.
WAKES: Mapping[tuple[str, str | None], Mapping[str, str]] = {
    ("wait", "date"): {TIME: "then"},
    ("wait", "days"): {TIME: "then"},
    ("split", None): {TIME: "then"},
    ("wait", "buyer"): {BUYER: "then", TIME: "else"},
    ("deliver", None): {FAILED: "failed", TIME: "failed"},  # who has to go on from a delivery has failed there
}


class Flow:
    """A graph that was checked, ready to be walked. Immutable; the same for every order."""

    def __init__(self, graph: Mapping[str, Any], zone: ZoneInfo) -> None:
        self.start: str = graph["start"]
        self.nodes: Mapping[str, Mapping[str, Any]] = graph["nodes"]
        self.zone = zone
        fields = FlowFields(None, zone)
        self.conditions = {
            name: condition.compile(node["if"], fields)
            for name, node in self.nodes.items()
            if node["do"] == "condition"
        }

    def begin(self, facts: Facts, *, now: datetime, part: int = 0) -> Stand:
        """From the start to where it first has to wait, is delivered or cancelled."""
        return self._walk(self.start, facts, now, part, [])

    def wake(
        self, name: str, cause: str, facts: Facts, *, now: datetime, until: datetime | None = None, part: int = 0,
        own: bool = False,
    ) -> Stand | None:  # fmt: skip
        """From a node on, by what happened; None: it goes on waiting there. `now` is the moment at which it happened
        (for a timer, the time it was set to; where something became of other items, the earliest that it may go on
        from), `until` the node's deadline.

        What does not concern the node leaves it where it is: a cancel stays one, a delivery goes on.
        """
        node = self.nodes[name]
        branch = WAKES.get((node["do"], node.get("for")), {}).get(cause, "")
        if node.get("for") == "component":
            found = awaited(node["component"], node["event"], facts, until=until)
            if found is None and cause == EVENT:
                return None
            branch, at = found or ("else", now)
            now = max(at, min(now, until or now)) if cause == EVENT else at
        if branch not in node:
            return self._walk(name, facts, now, part, [], own=own)
        return self._walk(node[branch], facts, now, part, [Step(name, node["do"], branch, now)], own=own)

    def falls_back(self, name: str | None) -> bool:
        """Whether a failed delivery goes on from here."""
        return "failed" in self.nodes.get(name or "", {})

    def defaults(self, name: str | None) -> list[str]:
        """At a choice: the options that are taken when the buyer does not say. Empty anywhere else."""
        return list(self.nodes.get(name or "", {}).get("default", ()))

    def asks_buyer(self, name: str | None) -> bool:
        """Whether this node waits for the buyer's word."""
        node = self.nodes.get(name or "", {})
        return node.get("do") == "choose" or node.get("for") == "buyer"

    def _walk(
        self, name: str, facts: Facts, now: datetime, part: int, steps: list[Step], *, own: bool = False
    ) -> Stand:  # fmt: skip
        while True:
            node = self.nodes[name]
            own = own or _split(steps)
            do, branch, why, told = node["do"], "then", None, False
            if do in ("deliver", "cancel", "choose") or node.get("for") == "buyer":
                return self._rest(name, node, now, steps, own)
            if do == "notify":
                told = part == 0 or own
            elif do == "condition":
                why = self.conditions[name].explain({**facts, "now": now})
                branch = "unknown" if why.value is None else "then" if why.value else "else"
            elif node.get("for") == "component":
                deadline = add_days(now, node["within_days"], self.zone)
                found = awaited(node["component"], node["event"], facts, until=deadline)
                if found is None:
                    return self._rest(name, node, now, steps, own)
                branch, at = found
                now = max(at, now)
            else:
                until = self._until(node, facts, now, part)
                if until > now:
                    return self._timed(name, node, until, facts, part, steps, own)
            steps.append(Step(name, do, branch, now, why, told))
            name = node[branch]

    def _rest(self, name: str, node: Mapping[str, Any], now: datetime, steps: list[Step], own: bool) -> Stand:
        """Where only somebody else brings it on, or nothing more is to be done."""
        kind = node["do"] if node["do"] != "wait" else {"component": "event"}.get(node["for"], node["for"])
        deadline = add_days(now, node["within_days"], self.zone) if "within_days" in node else None
        return Stand(kind, name, deadline, node.get("component"), node.get("event"), tuple(steps), own)

    def _timed(
        self, name: str, node: Mapping[str, Any], until: datetime, facts: Facts, part: int, steps: list[Step], own: bool
    ) -> Stand:
        """It waits for a moment. If only times come between here and the delivery, it waits at the delivery itself:
        then everybody can see when it comes.
        """
        passed, ahead, at = [*steps, Step(name, node["do"], "then", until)], node["then"], until
        while (next_node := self.nodes[ahead])["do"] == "split" or next_node.get("for") in ("date", "days"):
            at = max(at, self._until(next_node, facts, at, part))
            passed.append(Step(ahead, next_node["do"], "then", at))
            ahead = next_node["then"]
        if next_node["do"] == "deliver":
            return Stand("deliver", ahead, at, steps=tuple(passed), own=own or _split(passed))
        return Stand("timer", name, until, steps=tuple(steps), own=own)

    def _until(self, node: Mapping[str, Any], facts: Facts, now: datetime, part: int) -> datetime:
        if node["do"] == "split":
            return add_months(now, part, self.zone)
        if node["for"] == "date":
            return datetime.fromisoformat(node["at"]).astimezone(UTC)
        paid_at = facts.get("order.paid_at")
        anchor = paid_at if isinstance(paid_at, datetime) and node.get("from") != "here" else now
        return add_days(anchor, node["days"], self.zone)


def awaited(component: str, event: str, facts: Facts, *, until: datetime | None) -> tuple[str, datetime] | None:
    """Which way a wait for another component's event opens, and since when: `then`, once it has been in time; `else`,
    once it cannot be any more, or was late. None: it may still be. Whoever looks later than others sees the same.
    """
    for what, branch in ((event, "then"), ("over", "else")):
        at = facts.get(f"component.{component}.{what}_at")
        if isinstance(at, datetime):
            return (branch, at) if until is None or at <= until else ("else", until)
    return None


def _split(steps: list[Step]) -> bool:
    return any(step.do == "split" for step in steps)


def branches(node: Mapping[str, Any]) -> dict[str, str]:
    """Where a node leads, by branch."""
    return {branch: node[branch] for branch in ("then", "else", "unknown", "failed") if branch in node}


@lru_cache(maxsize=2048)
def read(graph: str, zone: ZoneInfo) -> Flow:
    """The flow of a stored graph. Many items carry the same one."""
    return Flow(json.loads(graph), zone)
