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
from heyi.kernel.flow.model import BUYER, EVENT, FAILED, OVER, TIME, Facts, Stand, Step

# By (do, for): which branch each cause opens.
WAKES: Mapping[tuple[str, str | None], Mapping[str, str]] = {
    ("wait", "date"): {TIME: "then"},
    ("wait", "days"): {TIME: "then"},
    ("split", None): {TIME: "then"},
    ("wait", "component"): {EVENT: "then", OVER: "else", TIME: "else"},
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
        self._own = set[str]()  # behind a split each part is on its own
        for node in self.nodes.values():
            if node["do"] == "split":
                self._own |= self._behind(node["then"])

    def begin(self, facts: Facts, *, now: datetime, part: int = 0) -> Stand:
        """From the start to where it first has to wait, is delivered or cancelled."""
        return self._walk(self.start, facts, now, part, [])

    def wake(self, name: str, cause: str, facts: Facts, *, now: datetime, part: int = 0) -> Stand:
        """From a node on, by what happened. `now` is the moment at which it did: for a timer, the time it was set to.

        What does not concern the node leaves it where it is: a cancel stays one, a delivery goes on.
        """
        node = self.nodes[name]
        branch = WAKES.get((node["do"], node.get("for")), {}).get(cause)
        if branch is None or branch not in node:
            return self._walk(name, facts, now, part, [])
        return self._walk(node[branch], facts, now, part, [Step(name, node["do"], branch, now)])

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

    def _walk(self, name: str, facts: Facts, now: datetime, part: int, steps: list[Step]) -> Stand:
        while True:
            node = self.nodes[name]
            do, branch, why, told = node["do"], "then", None, False
            if do in ("deliver", "cancel", "choose") or node.get("for") == "buyer":
                return self._rest(name, node, now, steps)
            if do == "notify":
                told = part == 0 or name in self._own
            elif do == "condition":
                why = self.conditions[name].explain({**facts, "now": now})
                branch = "unknown" if why.value is None else "then" if why.value else "else"
            elif node.get("for") == "component":
                happened = self._happened(node, facts)
                if happened is None:
                    return self._rest(name, node, now, steps)
                branch = "then" if happened else "else"
            else:
                until = self._until(node, facts, now, part)
                if until > now:
                    return self._timed(name, node, until, facts, part, steps)
            steps.append(Step(name, do, branch, now, why, told))
            name = node[branch]

    def _rest(self, name: str, node: Mapping[str, Any], now: datetime, steps: list[Step]) -> Stand:
        """Where only somebody else brings it on, or nothing more is to be done."""
        kind = node["do"] if node["do"] != "wait" else {"component": "event"}.get(node["for"], node["for"])
        deadline = add_days(now, node["within_days"], self.zone) if "within_days" in node else None
        return Stand(kind, name, deadline, node.get("component"), node.get("event"), tuple(steps))

    def _timed(
        self, name: str, node: Mapping[str, Any], until: datetime, facts: Facts, part: int, steps: list[Step]
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
            return Stand("deliver", ahead, at, steps=tuple(passed))
        return Stand("timer", name, until, steps=tuple(steps))

    def _until(self, node: Mapping[str, Any], facts: Facts, now: datetime, part: int) -> datetime:
        if node["do"] == "split":
            return add_months(now, part, self.zone)
        if node["for"] == "date":
            return datetime.fromisoformat(node["at"]).astimezone(UTC)
        paid_at = facts.get("order.paid_at")
        anchor = paid_at if isinstance(paid_at, datetime) and node.get("from") != "here" else now
        return add_days(anchor, node["days"], self.zone)

    def _happened(self, node: Mapping[str, Any], facts: Facts) -> bool | None:
        """Whether the awaited event has been (True), cannot be any more (False), or may still come (None)."""
        here = f"component.{node['component']}."
        if facts.get(here + node["event"]):
            return True
        return False if facts.get(here + "over") else None

    def _behind(self, name: str) -> set[str]:
        seen, edge = {name}, [name]
        while edge:
            for to in branches(self.nodes[edge.pop()]).values():
                if to not in seen:
                    seen.add(to)
                    edge.append(to)
        return seen


def branches(node: Mapping[str, Any]) -> dict[str, str]:
    """Where a node leads, by branch."""
    return {branch: node[branch] for branch in ("then", "else", "unknown", "failed") if branch in node}


@lru_cache(maxsize=2048)
def read(graph: str, zone: ZoneInfo) -> Flow:
    """The flow of a stored graph. Many items carry the same one."""
    return Flow(json.loads(graph), zone)
