"""A supplier invents a status; an operator says what it means, and orders that hung are delivered. Nothing restarts."""

from __future__ import annotations

from typing import Any

from tests.stack import Stack, until


def test_a_new_status_is_given_its_meaning_while_everything_runs(stack: Stack) -> None:
    """Published on one web, followed by the worker; what was unknown is settled by its next query, bought once."""
    operator = stack.operator
    stack.world.faults("kasushou", {"fault": "wrong_status", "what": "status", "on": "any"})
    order = stack.order("top-up", buyer="new-status", accounts={"phone": "13800138000"})

    def hangs() -> Any:
        tasks = operator.get("/tasks", order=order["id"])["data"]
        return tasks[0] if tasks and "unmapped status 97" in (tasks[0]["problem"] or "") else None

    task = until(hangs)
    document = operator.get("/profiles/kasushou")["document"]
    document["shown"]["states"]["97"] = "done"
    version = operator.post("/profiles/kasushou/draft", {"document": document, "note": "97 means done"})["version"]
    assert [one["pointer"] for one in operator.get("/profiles/kasushou/diff", after=version)] == ["/shown/states/97"]
    try:
        operator.post("/profiles/kasushou/publish", {"version": version, "why": "97 means done"})
        operator.post(f"/tasks/{task['id']}/query")
        item = stack.until_item(order, "video", "delivered")
        assert stack.delivered(item) == 1
    finally:
        operator.post("/profiles/kasushou/back", {"why": "the journey is over"})
    assert operator.get("/profiles/kasushou")["version"] == 0
