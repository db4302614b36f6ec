"""An operator builds a bundle through the API, as the demo does, and a channel looks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from tests.offer.doors import Speaker, speaking_as_operator

from heyi.infra.tools import Tools
from heyi.kernel.condition import OPERATORS
from heyi.kernel.flow.fields import COMPONENT, FIELDS
from heyi.kernel.ids import to_text

CNY = {"amount_minor": 1500, "currency": "CNY"}
PHONE = {"name": "phone", "label": "手机号", "pattern": "1\\d{10}"}
STRANGER = to_text("sup", UUID(int=1))
BENEFITS: dict[str, tuple[str, dict[str, Any], str]] = {
    "film": ("card_key", {}, "stock"),
    "video": ("top_up", {"fields": [PHONE]}, "supplier"),
    "music": ("top_up", {"fields": [PHONE]}, "supplier"),
    "lounge": ("voucher", {"units": 2, "validity": {"days": 365}}, "own"),
    "coffee": ("link", {"link": "https://coffee.example/{entitlement}"}, "own"),
    "tea": ("link", {"link": "https://tea.example/x"}, "own"),
}


@pytest.fixture(scope="module")
async def operator(tools: Tools) -> AsyncIterator[Speaker]:
    async with speaking_as_operator(tools) as speaker:
        partner = await speaker.ok("POST", "/v1/operator/partners", {"code": "acme", "title": "Acme"})
        supplier = await speaker.ok(
            "POST", "/v1/operator/suppliers",
            {"code": "kas", "title": "供货商", "dialect": "kasushou", "base_url": "http://127.0.0.1:1",
             "credentials": {"user_id": "1", "key": "k"}},
        )  # fmt: skip
        for code, (kind, properties, source) in BENEFITS.items():
            made = await speaker.ok(
                "POST", "/v1/operator/benefits",
                {"code": code, "partner": partner["id"], "kind": kind, "title": code.title(), "market_price": CNY,
                 "properties": properties},
            )  # fmt: skip
            offer = {"source": source, "cost": CNY, "product_no": "P1"}
            await speaker.ok(
                "POST", f"/v1/operator/benefits/{made['id']}/offers",
                {**offer, "supplier": supplier["id"]} if source == "supplier" else offer,
            )  # fmt: skip
        yield speaker


@pytest.fixture(scope="module")
async def channel(operator: Speaker) -> Speaker:
    made = await operator.ok("POST", "/v1/operator/channels", {"code": "app", "title": "App"})
    key = await operator.ok("POST", f"/v1/operator/channels/{made['id']}/access_keys", {})
    assert key["holder"] == made["id"]
    return operator.as_key(key["key"])


def version() -> dict[str, Any]:
    return {
        "price": {"amount_minor": 9900, "currency": "CNY"},
        "components": [
            {"code": "film", "benefit": "film", "weight": 30},
            {"code": "video", "benefit": "video", "weight": 30, "role": "frequent",
             "delivery": {"when": "monthly", "times": 12}, "accounts": {"phone": "video-phone"}},
            {"code": "music", "benefit": "music", "weight": 20, "accounts": {"phone": "music-phone"},
             "delivery": {"when": "after", "component": "lounge", "event": "redeemed", "within_days": 30,
                          "otherwise": "deliver"}},
            {"code": "lounge", "benefit": "lounge", "weight": 10, "role": "surprise",
             "delivery": {"start": "a", "nodes": {"a": {"do": "wait", "for": "date", "at": "2027-01-01T00:00:00+08:00",
                                                        "then": "b"}, "b": {"do": "deliver"}}}},
        ],
        "groups": [{"code": "drink", "title": "A drink", "pick": 1, "weight": 10, "options": [
            {"code": "coffee", "benefit": "coffee"}, {"code": "tea", "benefit": "tea"}]}],
    }  # fmt: skip


async def make_bundle(operator: Speaker, code: str, body: dict[str, Any]) -> str:
    bundle = await operator.ok("POST", "/v1/operator/bundles", {"code": code, "title": code.title()})
    drafted = await operator.ok("POST", f"/v1/operator/bundles/{bundle['id']}/versions", body)
    assert (drafted["version"], drafted["state"]) == (1, "draft")
    return str(bundle["id"])


async def test_a_bundle_from_the_draft_to_the_channel(operator: Speaker, channel: Speaker):
    id = await make_bundle(operator, "joint-annual", version())
    assert (await channel("GET", "/v1/bundles/joint-annual"))[0] == 404
    published = await operator.ok("POST", f"/v1/operator/bundles/{id}/versions/1/publish")
    assert published["state"] == "published"
    assert published["components"][1]["delivery"]["nodes"]["first"] == {"do": "split", "times": 12, "then": "deliver"}
    seen = await channel.ok("GET", "/v1/bundles/joint-annual")
    assert seen == await channel.ok("GET", f"/v1/bundles/{id}")
    assert seen in (await channel.ok("GET", "/v1/bundles"))["data"]
    assert (seen["version"], seen["price"]["amount_minor"]) == (1, 9900)
    parts = {part["code"]: part for part in seen["components"]}
    assert list(parts) == ["film", "video", "music", "lounge", "coffee", "tea"]
    assert parts["video"]["accounts"] == [{**PHONE, "name": "video-phone"}]
    assert parts["tea"]["choice_group"] == {"code": "drink", "title": "A drink", "pick": 1, "later": None}
    assert {code: part["delivery"]["words"]["en"] for code, part in parts.items()} == {
        "film": "at once after payment", "video": "monthly, 12 times, the first at once after payment",
        "music": "after Lounge is redeemed (within 30 days, else given then)", "lounge": "from 2027-01-01 00:00",
        "coffee": "at once after payment", "tea": "at once after payment",
    }  # fmt: skip
    assert parts["lounge"]["delivery"]["words"]["zh"] == "2027-01-01 00:00 起发放"


async def test_publishing_names_every_fault_in_one_problem(operator: Speaker):
    body = version()
    body["components"][0]["quantity"] = 0
    body["components"][2]["accounts"] = {"phone": "video-phone", "qq": "x"}
    body["groups"][0]["pick"] = 3
    id = await make_bundle(operator, "faulty", body)
    status, problem = await operator("POST", f"/v1/operator/bundles/{id}/versions/1/publish")
    assert (status, problem["code"]) == (422, "request.faults")
    assert {(e["code"], e["pointer"]) for e in problem["errors"]} == {
        ("version.out_of_bounds", "/components/0/quantity"),
        ("version.account_field_unknown", "/components/2/accounts/qq"),
        ("version.choice_impossible", "/groups/0/pick"),
    }
    assert (await operator("POST", f"/v1/operator/bundles/{id}/versions/2/publish"))[0] == 404


async def test_what_no_condition_can_compare_is_refused_when_it_is_saved(operator: Speaker, channel: Speaker):
    body = version()
    activated = {"field": "component.film.activated"}
    strange = {"op": "eq", "args": [{"op": "not", "args": [activated]}, True]}
    ways = {"then": "d", "else": "d", "unknown": "d"}
    nodes = {"a": {"do": "condition", "if": strange, **ways}, "d": {"do": "deliver"}}
    body["components"][1]["delivery"] = {"start": "a", "nodes": nodes}
    bundle = await operator.ok("POST", "/v1/operator/bundles", {"code": "strange", "title": "Strange"})
    status, problem = await operator("POST", f"/v1/operator/bundles/{bundle['id']}/versions", body)
    assert (status, [(e["code"], e["pointer"]) for e in problem["errors"]]) == (
        422, [("condition.type", "/components/1/delivery/nodes/a/if/args/0")],
    )  # fmt: skip
    assert (await channel("GET", "/v1/bundles"))[0] == 200


async def test_an_editor_can_ask_what_conditions_are_written_with(operator: Speaker, channel: Speaker):
    """Every operator and every field is listed, page by page, found by a word, and typed as the checks have it."""
    listed = await operator.ok("GET", "/v1/operator/condition_operators?limit=200")
    operators = {one["op"]: one for one in listed["data"]}
    assert list(operators) == list(OPERATORS)
    assert (operators["between"]["arguments"], operators["and"]["arguments"]) == (3, None)
    assert operators["elapsed"]["gives"] == "duration"
    pages, cursor = [], ""
    while cursor is not None:
        page = await operator.ok("GET", f"/v1/operator/condition_operators?limit=5&cursor={cursor}")
        pages, cursor = [*pages, *page["data"]], page["next_cursor"]
    assert pages == listed["data"]
    found = (await operator.ok("GET", "/v1/operator/condition_operators?search=STARTS"))["data"]
    assert [one["op"] for one in found] == ["starts_with"]
    for bad in ("condition_operators?cursor=nope", "condition_fields?cursor=%25"):
        assert (await operator("GET", f"/v1/operator/{bad}"))[0] == 400
    id = await make_bundle(operator, "asked-of", version())
    await operator.ok("POST", f"/v1/operator/bundles/{id}/versions/1/publish")
    fields, cursor = [], ""
    while cursor is not None:
        page = await operator.ok("GET", f"/v1/operator/condition_fields?bundle={id}&limit=7&cursor={cursor}")
        fields, cursor = [*fields, *page["data"]], page["next_cursor"]
    by_name = {one["field"]: one for one in fields}
    assert len(by_name) == len(fields) == len(FIELDS) + 6 * len(COMPONENT)
    assert by_name["order.amount"]["currency"] == "CNY"
    assert by_name["component.tea.activated"]["title"]["en"] == "Tea is activated"
    assert by_name["component.tea.activated"]["denial"]["zh"] == "「Tea」未激活"
    assert "within" in by_name["now"]["operators"]
    anybodys = (await operator.ok("GET", "/v1/operator/condition_fields?search=CODE&limit=200"))["data"]
    assert {one["field"] for one in anybodys} == {f"component.CODE.{what}" for what in COMPONENT}
    assert (await operator("GET", f"/v1/operator/condition_fields?bundle={id}&version=9"))[0] == 404
    assert (await channel("GET", "/v1/operator/condition_fields"))[0] == 403


async def test_window_price_and_withdrawal(operator: Speaker, channel: Speaker):
    id = await make_bundle(operator, "seasonal", version())
    path = f"/v1/operator/bundles/{id}"
    await operator.ok("POST", f"{path}/versions/1/publish")
    mine = (await operator.ok("GET", "/v1/operator/channels"))["data"][0]["id"]
    assert await operator.ok("PUT", f"{path}/prices/{mine}", {"price_minor": 8800}) == [
        {"channel": mine, "price_minor": 8800}
    ]
    assert (await channel.ok("GET", "/v1/bundles/seasonal"))["price"]["amount_minor"] == 8800
    assert await operator.ok("DELETE", f"{path}/prices/{mine}") == []
    window = {"sale_from": "2026-12-01T00:00:00+08:00", "sale_to": "2027-01-01T00:00:00+08:00"}
    await operator.ok("PUT", f"{path}/sale_window", window)
    assert (await channel.ok("GET", "/v1/bundles/seasonal"))["sale_from"] == "2026-11-30T16:00:00Z"
    for scope in (path, f"{path}/versions/1"):
        await operator.ok("POST", f"{scope}/withdraw")
        assert (await channel("GET", "/v1/bundles/seasonal"))[0] == 404
        assert (await operator("POST", f"{scope}/withdraw"))[1]["code"] == "catalog.wrong_state"
        await operator.ok("POST", f"{scope}/put_on_sale")
        assert (await channel("GET", "/v1/bundles/seasonal"))[0] == 200
    listed = await operator.ok("GET", "/v1/operator/bundles?search=SEASON&state=on_sale")
    assert [b["code"] for b in listed["data"]] == ["seasonal"]
    assert [v["version"] for v in await operator.ok("GET", f"{path}/versions")] == [1]


async def test_keys_are_shown_once_rotated_and_revoked(operator: Speaker, channel: Speaker):
    made = await operator.ok("POST", "/v1/operator/channels", {"code": "shop", "title": "Shop"})
    path = f"/v1/operator/channels/{made['id']}/access_keys"
    key = await operator.ok("POST", path, {"label": "live", "scopes": ["bundles:read"]})
    listed = (await operator.ok("GET", path))["data"]
    assert [k["masked"] for k in listed] == [f"hk_chn_****{key['key'][-4:]}"]
    assert key["key"] not in str(listed)
    new = await operator.ok("POST", f"/v1/operator/access_keys/{key['id']}/rotate", {"overlap_s": 60})
    for each in (key, new):
        assert (await channel.as_key(each["key"])("GET", "/v1/bundles"))[0] == 200
    status, problem = await operator("POST", f"/v1/operator/access_keys/{new['id']}/rotate", {})
    assert (status, problem["code"]) == (409, "access_key.two_live")
    assert (await operator("POST", f"/v1/operator/access_keys/{key['id']}/revoke"))[0] == 204
    assert (await operator("POST", f"/v1/operator/access_keys/{key['id']}/revoke"))[0] == 404
    other = await operator.ok("POST", "/v1/operator/access_keys", {"label": "ann", "scopes": ["operator:read"]})
    ann = operator.as_key(other["key"])
    assert (await ann("GET", "/v1/operator/partners"))[0] == 200
    assert (await ann("POST", "/v1/operator/partners", {"code": "x", "title": "x"}))[0] == 403
    assert (await channel("GET", "/v1/operator/partners"))[0] == 403


async def test_changes_are_patches(operator: Speaker):
    (acme,) = (await operator.ok("GET", "/v1/operator/partners?search=acme"))["data"]
    changed = await operator.ok("PATCH", f"/v1/operator/partners/{acme['id']}", {"contact": {"phone": "1"}})
    assert changed == {**acme, "contact": {"phone": "1"}}
    (tea,) = (await operator.ok("GET", f"/v1/operator/benefits?search=tea&kind=link&partner={acme['id']}"))["data"]
    changed = await operator.ok("PATCH", f"/v1/operator/benefits/{tea['id']}", {"title": "Oolong"})
    assert changed == {**tea, "title": "Oolong"}
    (offer,) = await operator.ok("GET", f"/v1/operator/benefits/{tea['id']}/offers")
    held = await operator.ok("PATCH", f"/v1/operator/offers/{offer['id']}", {"state": "held", "priority": 5})
    assert held == {**offer, "state": "held", "priority": 5}
    await operator.ok("PATCH", f"/v1/operator/offers/{offer['id']}", {"state": "active"})
    gone = await operator.ok("POST", "/v1/operator/benefits", {
        "code": "gone", "partner": acme["id"], "kind": "card_key", "title": "x", "market_price": CNY,
    })  # fmt: skip
    assert (await operator.ok("POST", f"/v1/operator/benefits/{gone['id']}/withdraw"))["state"] == "withdrawn"


P, B, V = "/v1/operator/partners", "/v1/operator/benefits", "/v1/operator/bundles"
ACME = to_text("prt", UUID(int=2))
NOBODY = to_text("chn", UUID(int=3))


def a_benefit(**more: Any) -> dict[str, Any]:
    return {"code": "z", "partner": ACME, "kind": "card_key", "title": "z", "market_price": CNY, **more}


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "pointer"),
    [
        ("POST", P, {"code": "Upper Case", "title": "x"}, 400, "/code"),
        ("POST", P, {"code": "x"}, 400, "/title"),
        ("POST", P, {"code": "x", "title": "x", "more": 1}, 400, "/more"),
        ("POST", P, {"code": "x", "title": "a\u0000b"}, 400, "/title"),
        ("POST", P, {"code": "acme", "title": "x"}, 409, "/code"),
        ("POST", P, [], 400, None),
        ("GET", f"{P}/prt_x", None, 404, None),
        ("GET", f"{P}?limit=0", None, 400, "/limit"),
        ("GET", f"{P}?cursor=x", None, 400, "/cursor"),
        ("POST", B, a_benefit(), 404, None),
        ("POST", B, a_benefit(kind="magic"), 400, "/kind"),
        ("POST", B, a_benefit(market_price={"amount_minor": -1, "currency": "CNY"}), 400, "/market_price/amount_minor"),
        ("POST", B, a_benefit(properties={"validity": {"until": "2027-01-01T00:00:00"}}), 400,
         "/properties/validity/until"),
        ("POST", B, a_benefit(properties={"validity": {"until": "9999-12-31T23:59:59-12:00"}}), 422,
         "/properties/validity/until"),
        ("PATCH", f"/v1/operator/offers/{ACME.replace('prt', 'ofr')}", {"priority": 1}, 404, None),
        ("POST", f"{V}/{ACME.replace('prt', 'bnd')}/versions", {"price": CNY}, 404, None),
        ("POST", f"{V}/{ACME.replace('prt', 'bnd')}/versions",
         {"price": CNY, "components": [{"code": "a", "benefit": "a", "delivery": {"when": "monthly", "times": 99}}]},
         422, "/components/0/delivery/times"),
        ("POST", f"{V}/{ACME.replace('prt', 'bnd')}/versions",
         {"price": CNY, "components": [{"code": "a", "benefit": "a", "delivery": {"when": "at"}}]},
         422, "/components/0/delivery/at"),
        ("GET", f"{V}/{ACME.replace('prt', 'bnd')}/versions/99999999999999999999", None, 404, None),
        ("PUT", f"{V}/{ACME.replace('prt', 'bnd')}/prices/{NOBODY}", {"price_minor": 1}, 404, None),
        ("POST", f"/v1/operator/channels/{NOBODY}/access_keys", {}, 404, None),
    ],
)  # fmt: skip
async def test_bad_input_is_a_problem_with_a_pointer(operator, verb, path, body, status, pointer):
    got, problem = await operator(verb, path, body)
    assert got == status, problem
    assert (problem.get("errors") or [{"pointer": None}])[0]["pointer"] in (pointer, "" if pointer is None else pointer)


@pytest.mark.parametrize("bundle", ["nope", "bnd_x", "%F0%9F%98%80", "%ED%A0%80", "a" * 300, "A'--"])
async def test_a_strange_bundle_is_not_found(channel: Speaker, bundle: str):
    assert (await channel("GET", f"/v1/bundles/{bundle}"))[0] == 404


async def test_an_offer_names_a_supplier_that_there_is(operator: Speaker) -> None:
    """A mistyped supplier is refused: its tasks would wait for ever."""
    video = (await operator.ok("GET", "/v1/operator/benefits?search=video"))["data"][0]
    offer = {"source": "supplier", "cost": CNY, "product_no": "P1", "supplier": STRANGER}
    status, refused = await operator("POST", f"/v1/operator/benefits/{video['id']}/offers", offer)
    assert (status, refused["code"]) == (404, "supplier.not_found")
