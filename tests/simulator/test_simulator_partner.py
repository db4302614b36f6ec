"""What became of rights: marked by tests, read by whoever polls the partner."""

from typing import Any

import pytest
from tests.simulator.speaking import Kasushou, World, until

KEY = {"X-Partner-Key": "simulator-kasushou-partner"}


def rights(world: World, **query: Any) -> Any:
    reply = world.http.get("/partner/kasushou/rights", params=query, headers=KEY)
    assert reply.status_code == 200, reply.text
    return reply.json()


def delivered(world: World, *outers: str) -> None:
    for outer in outers:
        assert Kasushou(world).buy(outer)[0]
        until(lambda outer=outer: world.delivered("kasushou", outer))


def test_a_poller_sees_every_change_once(world: World) -> None:
    delivered(world, "itm_1-1", "itm_2-1", "itm_3-1")
    first = rights(world, limit=2)
    assert [one["outer_no"] for one in first["rights"]] == ["itm_1-1", "itm_2-1"]
    assert first["more"]
    rest = rights(world, since=first["rights"][-1]["changed_at"])
    assert [(one["outer_no"], one["state"]) for one in rest["rights"]] == [("itm_3-1", "delivered")]
    seen = rest["rights"][-1]["changed_at"]
    world.put("suppliers/kasushou/rights", {"outer": ["itm_1-1", "itm_2-1"], "state": "used"})
    changed = rights(world, since=seen)
    assert [(one["outer_no"], one["state"]) for one in changed["rights"]] == [("itm_1-1", "used"), ("itm_2-1", "used")]
    assert not changed["more"]
    assert rights(world, since=changed["rights"][-1]["changed_at"])["rights"] == []


def test_a_right_may_have_changed_long_ago_or_be_unknown_to_the_partner(world: World) -> None:
    delivered(world, "itm_1-1", "itm_2-1")
    world.put(
        "suppliers/kasushou/rights",
        {"outer": "itm_1-1", "state": "activated", "changed_at": "2026-01-02T03:04:05+08:00"},
    )
    world.put("suppliers/kasushou/rights", {"outer": "itm_2-1", "state": "missing"})
    (one,) = rights(world)["rights"]
    assert (one["state"], one["changed_at"]) == ("activated", "2026-01-01T19:04:05.000+00:00")


def test_single_rights_can_be_asked_about(world: World) -> None:
    delivered(world, "itm_1-1", "itm_2-1", "itm_3-1")
    world.put("suppliers/kasushou/rights", {"outer": "itm_3-1", "state": "missing"})
    found = rights(world, outer="itm_2-1,itm_3-1,itm_9-9")["rights"]
    assert [one["outer_no"] for one in found] == ["itm_2-1"]


def test_only_what_was_delivered_can_be_marked_and_all_or_none(world: World) -> None:
    delivered(world, "itm_1-1")
    wish = {"outer": ["itm_1-1", "itm_9-1"], "state": "used"}
    assert world.http.put("/control/suppliers/kasushou/rights", json=wish).status_code == 404
    assert rights(world)["rights"][0]["state"] == "delivered"
    for wrong in ({"outer": "itm_1-1", "state": "eaten"}, {"outer": "itm_1-1", "state": "used", "changed_at": "now"}):
        assert world.http.put("/control/suppliers/kasushou/rights", json=wrong).status_code == 400


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({}, {}, 401),
        ({}, {"X-Partner-Key": "wrong"}, 401),
        ({"since": "yesterday"}, KEY, 400),
        ({"since": "2026-01-01T00:00:00"}, KEY, 400),
        ({"limit": "0"}, KEY, 400),
    ],
)
def test_a_stranger_or_a_bad_question_gets_nothing(
    world: World, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    assert world.http.get("/partner/kasushou/rights", params=query, headers=headers).status_code == status
    assert world.http.get("/partner/nobody/rights", headers=KEY).status_code == 404
    assert world.http.post("/partner/kasushou/rights", headers=KEY).status_code == 405


def test_a_partner_may_be_down_or_babble(world: World) -> None:
    world.faults("kasushou", {"fault": "error_500_before_accept", "on": "look", "times": 1})
    assert world.http.get("/partner/kasushou/rights", headers=KEY).status_code == 500
    world.faults("kasushou", {"fault": "unreadable_body", "on": "look", "times": 1})
    assert world.http.get("/partner/kasushou/rights", headers=KEY).text.startswith("<html>")
    assert rights(world)["rights"] == []
