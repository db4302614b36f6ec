"""POST /v1/usage over HTTP: every event answered by itself, bad ones refused with a code; drifts and sources, as seen
by operators.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests import alliance
from tests.stack import Caller, Stack

_numbers = itertools.count(1)


def voucher(stack: Stack) -> str:
    """A voucher of two units, just bought."""
    order = stack.order("five", buyer="usage", accounts={"phone": "13800138000"})
    found: str = next(item["entitlement"] for item in order["items"] if item["kind"] == "voucher")
    return found


def event(right: str | None = None, kind: object = "used", **more: Any) -> dict[str, Any]:
    made = {"event_id": f"usage-{next(_numbers)}", "kind": kind, "at": "2026-11-01T08:00:00+08:00", **more}
    return made if right is None else {**made, "entitlement": right}


def tell(stack: Stack, *events: object, caller: Caller | None = None) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = (caller or stack.partner).post("/usage", {"events": list(events)})["events"]
    return answers


LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("no such right", event("ent_01jd0000000000000000000000"), "entitlement.not_found"),
    ("no id at all", event("hello"), "entitlement.not_found"),
    ("another kind of id", event("ord_01jd0000000000000000000000"), "entitlement.not_found"),
    ("an unknown number", event(outer_number="9zzz-1"), "entitlement.not_found"),
    ("no name", event(), "usage.reference_missing"),
    ("two names", event("ent_01jd0000000000000000000000", outer_number="x"), "usage.reference_missing"),
    ("the future", event("ent_01jd0000000000000000000000", at=LATER), "usage.time_wrong"),
    ("the year 1", event("hello", at="0001-01-01T00:00:00+14:00"), "usage.time_wrong"),
    ("the year 9999", event("hello", at="9999-12-31T23:59:59-14:00"), "usage.time_wrong"),
    ("the year 9999 of nothing", event(at="9999-12-31T23:59:59-14:00"), "usage.time_wrong"),
    ("units of an activation", event("hello", "activated", units=2), "usage.units_wrong"),
    ("an unknown kind", event("hello", "upgraded"), "usage.malformed"),
    ("no time zone", event("hello", at="2026-11-01T08:00:00"), "usage.malformed"),
    ("no units", event("hello", units=0), "usage.malformed"),
    ("too many units", event("hello", units=10_001), "usage.malformed"),
    ("an unknown field", event("hello", amount=3), "usage.malformed"),
    ("a NUL", event("hello", note="a\x00b"), "usage.malformed"),
    ("a number as kind", event("hello", 7), "usage.malformed"),
)


def test_one_bad_event_never_hurts_the_others(stack: Stack) -> None:
    """Everything that can be wrong, all in one batch with a good event before and after."""
    right = voucher(stack)
    first, last = event(right), event(right)
    answers = tell(stack, first, *[bad for _, bad, _ in BAD], "no event", None, last)
    assert [one["verdict"] for one in (answers[0], answers[-1])] == ["taken", "taken"]
    assert [one["code"] for one in answers[1:-3]] == [code for _, _, code in BAD], answers
    assert {one["verdict"] for one in answers[1:-1]} == {"refused"}
    assert [one["event_id"] for one in answers[1:-3]] == [bad["event_id"] for _, bad, _ in BAD]
    assert stack.channel.get(f"/entitlements/{right}")["ended_why"] == "used_up"
    kept = stack.operator.every("/usage_reports", verdict="refused", partner=stack.partner_id)
    assert {code for _, _, code in BAD} <= {one["code"] for one in kept}
    assert kept[0]["raw"] == "null"


@pytest.mark.parametrize(("what", "bad"), [(what, bad) for what, bad, code in BAD if code == "usage.malformed"])
def test_a_body_without_one_readable_event_is_refused_whole(stack: Stack, what: str, bad: dict[str, Any]) -> None:
    before = stack.counts()
    problem = stack.partner.refused("POST", "/usage", json={"events": [bad, bad]})
    assert (problem.status, problem.code) == (400, "request.invalid")
    assert problem.body["errors"][0]["pointer"].startswith("/events/0")
    assert stack.counts() == before


def test_batches_are_bounded(stack: Stack) -> None:
    right = voucher(stack)
    many = [event(right, "activated") for _ in range(500)]
    assert len(tell(stack, *many)) == 500
    for events in ([], [*many, event(right)], [*many, {"bad": 1}]):
        assert stack.partner.refused("POST", "/usage", json={"events": events}).status == 400


def test_repeated_late_and_reused_numbers(stack: Stack) -> None:
    right = voucher(stack)
    used = event(right, at="2026-11-02T00:00:00Z")
    late = event(right, "activated")
    assert [one["verdict"] for one in tell(stack, used, late, used)] == ["taken", "late", "repeated"]
    [again] = tell(stack, {**used, "units": 2})
    assert (again["verdict"], again["code"]) == ("refused", "usage.event_reused")
    assert stack.channel.get(f"/entitlements/{right}")["units_left"] == 1
    body, headers = {"events": [event(right)]}, {"Idempotency-Key": f"usage-{next(_numbers)}"}
    first = stack.partner.post("/usage", body, **headers)
    assert stack.partner.post("/usage", body, **headers) == first  # the answer again, not "repeated"


def test_a_strangers_right_is_not_found(stack: Stack) -> None:
    """By its id, and by the number under which it was bought; what is refused is not listed as theirs."""
    right = voucher(stack)
    stranger = stack.caller(alliance.key_of(stack, "partners", stack.partners["stranger"]))
    [answer] = tell(stack, event(right), caller=stranger)
    assert (answer["verdict"], answer["code"], answer["entitlement"]) == ("refused", "entitlement.not_found", None)
    assert stack.channel.get(f"/entitlements/{right}")["units_left"] == 2
    assert stack.operator.every("/drifts", partner=stack.partners["stranger"]) == []


def test_drifts_are_listed_found_counted_and_settled(stack: Stack) -> None:
    numbers = [f"DRIFT-{next(_numbers)}" for _ in range(3)]
    tell(stack, *[event(supplier_number=number) for number in numbers])
    operator = stack.operator
    page = operator.get("/drifts", limit=2, search="drift-", state="open")
    rest = operator.get("/drifts", limit=2, search="drift-", state="open", cursor=page["next_cursor"])
    assert [one["reference"] for one in page["data"] + rest["data"]] == [
        f"supplier_number:{number}" for number in reversed(numbers)
    ]
    drift = page["data"][0]
    assert (drift["class"], drift["partner"], drift["ours"]) == ("theirs_unknown_to_us", stack.partner_id, "unknown")
    assert operator.get(f"/drifts/{drift['id']}") == drift
    counts = operator.get("/drift_counts", partner=stack.partner_id)["data"]
    known = {(one["class"], one["state"]): one["count"] for one in counts}
    assert known["theirs_unknown_to_us", "open"] >= 3
    path = f"/drifts/{drift['id']}/settle"
    assert operator.refused("POST", path, json={"decision": "follow"}).code == "usage.right_needed"
    assert operator.refused("POST", path, json={"decision": "follow", "entitlement": "x"}).status == 404
    assert operator.post(path, {"decision": "note", "note": "asked"})["state"] == "open"
    done = operator.post(path, {"decision": "keep", "note": "not ours"})
    assert (done["state"], done["how"], done["note"], done["by"][:13]) == (
        "accepted",
        "kept",
        "not ours",
        "operator:opr_",
    )
    assert operator.refused("POST", path, json={"decision": "keep"}).code == "usage.drift_settled"
    right = voucher(stack)
    done = operator.post(f"/drifts/{rest['data'][0]['id']}/settle", {"decision": "follow", "entitlement": right})
    assert (done["how"], done["entitlement"]) == ("linked", right)
    assert stack.channel.get(f"/entitlements/{right}")["units_left"] == 1


def test_freshness_is_seen_by_channels_and_operators(stack: Stack) -> None:
    """Nobody promises anything; then the partner does, and is silent, heard, and stale."""
    right = voucher(stack)

    def fresh() -> tuple[str, str]:
        [listed] = [one for one in stack.channel.every("/entitlements", buyer="usage") if one["id"] == right]
        seen = stack.channel.get(f"/entitlements/{right}")
        assert listed["provider"] == seen["provider"] == stack.operator.get(f"/entitlements/{right}")["provider"]
        return seen["provider"]["state"], seen["provider"]["fresh"]

    assert fresh() == (None, "not_expected")
    made = stack.operator.post("/status_sources", {"partner": stack.partner_id, "protocol": "push", "fresh_s": 3600})
    try:
        assert fresh() == (None, "never_heard")
        tell(stack, event(right, "activated"))
        assert fresh() == ("activated", "yes")
        stack.rows("update entitlement.entitlements set provider_heard_at = provider_heard_at - interval '2 h'"
                   " where provider_heard_at is not null returning 1")  # fmt: skip
        assert fresh() == ("activated", "stale")
    finally:
        stack.operator.patch(f"/status_sources/{made['id']}", {"state": "off"})
    assert fresh() == ("activated", "not_expected")
    assert stack.operator.refused("POST", f"/entitlements/{right}/sync").code == "usage.not_polled"


def test_sources_are_made_once_and_never_show_their_key(stack: Stack) -> None:
    operator, partner = stack.operator, stack.partners["stranger"]
    polled = {"partner": partner, "protocol": "partner_rights", "base_url": "https://p.example/", "key": "secret-key"}
    for wrong, code in (
        ({**polled, "protocol": "nonsense"}, "usage.protocol_unknown"),
        ({**polled, "protocol": "push"}, "usage.address_needed"),
        ({"partner": partner, "protocol": "partner_rights"}, "usage.address_needed"),
        ({**polled, "partner": "prt_01jd0000000000000000000000"}, "partner.not_found"),
    ):
        assert operator.refused("POST", "/status_sources", json=wrong).code == code
    made = operator.post("/status_sources", polled)
    assert (made["base_url"], made["state"], made["problem"]) == ("https://p.example", "on", None)
    assert operator.refused("POST", "/status_sources", json=polled).code == "usage.source_taken"
    path = f"/status_sources/{made['id']}"
    operator.patch(path, {"interval_s": 60, "state": "off", "key": "another-secret"})
    assert operator.post(f"{path}/poll", {"from_start": True})["state"] == "off"
    seen = operator.get(path)
    assert (seen["interval_s"], seen["fresh_s"]) == (60, 86_400)
    assert "secret" not in str(seen) + str(operator.every("/status_sources", search="p.example"))


def test_policies_are_put_and_listed(stack: Stack) -> None:
    operator, partner = stack.operator, stack.partners["stranger"]
    operator.send("PUT", "/usage_policies", json={"partner": partner, "cancelled": "follow"})
    operator.send("PUT", "/usage_policies", json={"partner": partner, "benefit": "lounge", "used": "list"})
    again = operator.send("PUT", "/usage_policies", json={"partner": partner, "benefit": "lounge", "used": "follow"})
    found = operator.every("/usage_policies", partner=partner)
    assert [(one["benefit"], one["used"], one["cancelled"]) for one in found] == [
        ("lounge", "follow", "careful"), (None, "careful", "follow"),
    ]  # fmt: skip
    assert operator.every("/usage_policies", partner=partner, search="LOUN") == [again]
