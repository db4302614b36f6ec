"""`heyi drift` and `heyi source` against a heyi that runs: what an operator would type."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest
from tests.app import cli_support


@pytest.fixture(scope="module")
def line(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli_support.Line]:
    with cli_support.serving(database_url, tmp_path_factory.mktemp("cli") / "home") as running:
        operator = {"Authorization": f"Bearer {running.env['HEYI_OPERATOR_KEY']}"}
        url = running.env["HEYI_URL"]
        made = httpx2.post(f"{url}/v1/operator/partners", json={"code": "cafe", "title": "咖啡"}, headers=operator)
        path = f"{url}/v1/operator/partners/{made.json()['id']}/access_keys"
        running.env["PARTNER_KEY"] = httpx2.post(path, json={}, headers=operator).json()["key"]
        yield running


def report(line: cli_support.Line, number: str) -> None:
    told = {"event_id": number, "kind": "used", "at": "2026-01-01T00:00:00Z", "outer_number": number}
    key = {"Authorization": f"Bearer {line.env['PARTNER_KEY']}"}
    httpx2.post(f"{line.env['HEYI_URL']}/v1/usage", json={"events": [told]}, headers=key).raise_for_status()


def test_a_drift_is_found_read_and_settled(line: cli_support.Line) -> None:
    for number in ("CLI-1", "CLI-2"):
        report(line, number)
    [_, first] = line.json("drift", "list", "--partner", "cafe")
    assert (first["class"], first["reference"]) == ("theirs_unknown_to_us", "outer_number:CLI-1")
    assert "outer_number:CLI-1" in line("drift", "list", "--search", "cli-1").stdout
    shown = line.json("drift", "show", first["id"])
    assert [one["event_id"] for one in shown["reports"]] == ["CLI-1"]
    done = line("drift", "settle", first["id"], "follow")
    assert (done.exit_code, "usage.right_needed" in done.output) == (1, True)
    assert line.json("drift", "settle", first["id"], "keep", "--note", "not ours")["state"] == "accepted"
    assert [one["reference"] for one in line.json("drift", "list")] == ["outer_number:CLI-2"]
    assert [(one["state"], one["count"]) for one in line.json("drift", "count")] == [("accepted", 1), ("open", 1)]
    assert "not ours" in line("drift", "show", first["id"]).stdout
    wanted = ("drift", "settle-all", "keep", "--partner", "cafe", "--class", "theirs_unknown_to_us")
    seen = line.json(*wanted)
    assert (seen["open"], seen["settled"]) == (1, 0)
    report(line, "CLI-3")
    assert "2 would be settled" in line(*wanted).output
    assert "1 of 1 settled" in line(*wanted, "--until", seen["newest"], "--note", "none of ours").output
    assert [one["reference"] for one in line.json("drift", "list")] == ["outer_number:CLI-3"]
    told = line.json("source", "reports", "--partner", "cafe", "--verdict", "refused")
    assert [(one["event_id"], one["code"]) for one in told] == [
        (number, "entitlement.not_found") for number in ("CLI-3", "CLI-2", "CLI-1")
    ]  # fmt: skip
    assert [one["event_id"] for one in line.json("source", "reports", "--search", "CLI-1")] == ["CLI-1"]
    assert "CLI-2" in line("source", "reports").stdout
    for words in (("drift", "count"), ("drift", "list", "--state", "all")):
        assert line(*words).exit_code == 0, words


def test_a_source_is_added_switched_polled_and_has_a_policy(line: cli_support.Line) -> None:
    made = line.json("source", "add", "cafe", "partner_rights", "--url", "https://p.example", "--key", "hidden-word")
    assert "hidden-word" not in json.dumps(made)
    assert line.json("source", "switch", "cafe", "off")["state"] == "off"
    edited = line.json("source", "edit", "cafe", "--interval", "600", "--url", "https://q.example", "--key", "other")
    assert (edited["interval_s"], edited["base_url"], edited["fresh_s"]) == (600, "https://q.example", made["fresh_s"])
    assert line("source", "edit", "cafe", "--interval", "0").exit_code == 1
    assert "cafe" in line("source", "list").stdout
    assert line("source", "poll", "cafe", "--from-start").exit_code == 0
    assert line.json("source", "policy", "cafe") == []
    line.json("source", "policy", "cafe", "--cancelled", "follow")
    [both] = line.json("source", "policy", "cafe", "--used", "list")
    assert (both["cancelled"], both["used"], both["expired"]) == ("follow", "list", "careful")
    assert "no partner" in line("source", "poll", "nobody").output
    assert line("source", "sync", "ent_01jd0000000000000000000000").exit_code == 1
