"""Who may do what: every route with every kind of key.

The list of routes is the application's own. A route without a guard must stand in PUBLIC, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from litestar.routes import HTTPRoute
from tests import alliance
from tests.stack import Stack, until

from heyi.app.web import make_litestar
from heyi.doors.access import REMEMBERED_S, allow
from heyi.infra.tools import Tools
from heyi.kernel.ids import new_id, to_text
from heyi.offer.partner.model import SCOPES

PUBLIC = {
    "/healthz": "load balancers ask it; it tells nothing",
    "/metrics": "numbers without names; keep the port inside",
    "/docs": "the public reference",
    "/openapi.json": "the public reference",
    "/openapi.json/openapi.json": "the framework's second name for it",
    "/openapi.json/{path}": "the framework's own page for nothing",
    "/callbacks/{token}": "suppliers have no keys: the token in the address names the account, and they sign",
}
# Others' standards have keys and signatures of their own: tests/doors/test_supply.py calls each of them wrongly.
SIGNED = ("/supply/goofish/{mch_id}/goofish/", "/api/v1/upstream/")
ID = re.compile(r"{(\w+)}")
KINDS = ("channel", "partner", "operator")


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    guards: tuple[object, ...]
    body: bool

    @property
    def guard(self) -> allow | None:
        found = [guard for guard in self.guards if isinstance(guard, allow)]
        return found[0] if found else None

    def address(self) -> str:
        """The path with ids of things that do not exist."""
        prefixes = {"order_id": "ord", "entitlement_id": "ent", "redemption_id": "rdm", "endpoint_id": "whk",
                    "delivery_id": "dlv", "partner_id": "prt", "channel_id": "chn", "benefit_id": "ben",
                    "bundle_id": "bnd", "offer_id": "ofr", "supplier_id": "sup", "task_id": "tsk", "batch_id": "bat",
                    "import_id": "imp", "warning_id": "wrn", "key_id": "acc", "supply_key_id": "spk",
                    "drift_id": "drf", "source_id": "src", "change_id": "pch",
                    "sync_id": "syn", "call_id": "cll", "callback_id": "cbk", "attempt_id": "att"}  # fmt: skip
        return ID.sub(lambda found: to_text(prefixes.get(found[1], "xxx"), new_id(1)) if found[1] != "version" else "1",
                      self.path)  # fmt: skip


@pytest.fixture(scope="module")
async def routes(tools: Tools) -> list[Route]:
    app = make_litestar(tools)
    return [
        Route(method, route.path_format, tuple(handler.resolve_guards()), handler.parsed_data_field is not None)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if method != "OPTIONS"
    ]


@pytest.fixture(scope="module")
def keys(stack: Stack) -> dict[str, str]:
    """A key of every sort: by kind, revoked by kind, of a suspended holder, and without each scope."""
    operator = stack.operator
    made = {"channel": stack.channel.key or "", "partner": stack.partner.key or "", "operator": stack.operator_key}
    places = {
        "channel": f"/channels/{stack.channel_id}/access_keys",
        "partner": f"/partners/{stack.partner_id}/access_keys",
        "operator": "/access_keys",
    }
    for kind in KINDS:
        revoked = operator.post(places[kind], {"label": f"revoked {kind}"})
        operator.post(f"/access_keys/{revoked['id']}/revoke")
        made[f"revoked {kind}"] = revoked["key"]
        for scope in SCOPES[kind]:
            rest = sorted(SCOPES[kind] - {scope})
            made[f"{kind} without {scope}"] = operator.post(places[kind], {"label": f"no {scope}", "scopes": rest})[
                "key"
            ]
    poor = stack.channels["poor"]
    made["suspended channel"] = alliance.key_of(stack, "channels", poor)
    operator.patch(f"/channels/{poor}", {"state": "suspended"})
    return made


def _answers(stack: Stack, route: Route, keys: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    """(whose key, status, code) for this route."""
    tried = {"nobody": None, "garbage": "hk_chn_garbage", "not ours": "Zm9v" * 40, **keys}
    # An unknown field: whoever gets in is refused before anything happens.
    body = {"json": {"no such field": 1}} if route.body else {}
    for who, key in tried.items():
        headers = {"Authorization": f"Bearer {key}" if key else ""}
        answer = stack.operator.raw(route.method, route.address(), headers=headers, **body)
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        yield who, answer.status_code, told.get("code", "") if isinstance(told, dict) else ""


def test_a_route_without_a_guard_is_public_on_purpose(routes: list[Route]) -> None:
    unguarded = {route.path for route in routes if route.guard is None and not route.path.startswith(SIGNED)}
    assert unguarded == set(PUBLIC), "give it guards=[allow(…)], or the reason why everybody may call it"


def test_the_standards_of_others_answer_nobody_unsigned(stack: Stack, routes: list[Route]) -> None:
    """Neither without a key nor with one of ours: they have keys and words of their own."""
    signed = [route for route in routes if route.path.startswith(SIGNED)]
    assert len(signed) > 15
    for route in signed:
        for key in (None, stack.channel.key, stack.operator_key):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            path = ID.sub("123456789012", route.path)
            answer = httpx2.request(route.method, stack.url + path, headers=headers, trust_env=False)
            told = answer.json()
            assert (answer.status_code, told.get("code"), told.get("error_code")) in (
                (200, 401, None), (401, None, "missing_auth_headers")
            ), route.path  # fmt: skip


def test_every_route_with_every_kind_of_key(stack: Stack, routes: list[Route], keys: dict[str, str]) -> None:
    before, wrong, met = stack.counts(), [], 0
    for route in routes:
        guard = route.guard
        if guard is None:
            continue
        for who, status, code in _answers(stack, route, keys):
            met += 1
            bad_key = who in ("nobody", "garbage", "not ours") or who.startswith(("revoked", "suspended"))
            kind, _, missing = who.partition(" without ")
            if bad_key:
                fits = (status, code) == (401, "access.unauthenticated")
            elif kind not in guard.kinds or missing == guard.scope:
                fits = (status, code) == (403, "access.forbidden")
            else:
                fits = status not in (401, 403) and status < 500
            if not fits:
                wrong.append(f"{route.method} {route.path} with the key of {who}: {status} {code}")
    assert not wrong, "\n".join(wrong)
    assert met > 1000
    # Refused tills are kept on purpose.
    after = stack.counts()
    assert {name: rows for name, rows in after.items() if rows != before[name]}.keys() <= {"redemption.refusals"}


def test_who_may_not_connect_sends_no_credentials_elsewhere(stack: Stack) -> None:
    """With all scopes but operator:connect: an account is renamed, but its address, credentials and profile stay."""
    scopes = sorted(SCOPES["operator"] - {"operator:connect"})
    clerk = stack.caller(stack.operator.post("/access_keys", {"label": "clerk", "scopes": scopes})["key"])
    supplier = stack.operator.get("/suppliers", search="kasushou")["data"][0]
    path = f"/operator/suppliers/{supplier['id']}"
    for change in ({"base_url": "https://elsewhere.example"}, {"credentials": {"user_id": "1", "key": "x"}}):
        told = clerk.raw("PATCH", path, json={"title": "mine", **change})
        assert (told.status_code, told.json()["code"]) == (403, "access.forbidden")
        assert "operator:connect" in told.text
    assert stack.operator.get(f"/suppliers/{supplier['id']}") == supplier
    assert clerk.raw("PATCH", path, json={"title": supplier["title"]}).status_code == 200
    for verb in ("publish", "back"):
        body = {"version": 1, "why": "x"}
        assert clerk.raw("POST", f"/operator/profiles/kasushou/{verb}", json=body).status_code == 403
    document = httpx2.get(f"{stack.url}/openapi.json", trust_env=False).json()
    operation = document["paths"]["/v1/operator/suppliers/{supplier_id}"]["patch"]
    assert operation["x-scope-of-parts"] == dict.fromkeys(("base_url", "credentials"), "operator:connect")


def test_who_may_not_book_money_books_none(stack: Stack) -> None:
    """With all scopes but operator:finance: balances are read and asked for, and nothing about them is changed."""
    scopes = sorted(SCOPES["operator"] - {"operator:finance"})
    clerk = stack.caller(stack.operator.post("/access_keys", {"label": "desk", "scopes": scopes})["key"])
    supplier = stack.operator.get("/suppliers", search="kasushou")["data"][0]["id"]
    account, deposit = f"/operator/suppliers/{supplier}", f"/operator/channels/{stack.channel_id}/deposit"
    booked = {"amount": {"amount_minor": 1, "currency": "CNY"}, "key": "mine", "memo": "mine"}
    before = stack.counts()
    for method, path, body in (
        ("POST", deposit, booked), ("PATCH", deposit, {"floor_minor": -1}), ("POST", f"{account}/top_ups", booked),
        ("POST", f"{account}/adjustments", booked), ("PATCH", f"{account}/balance", {"pays": "postpaid"}),
        ("POST", f"{account}/corrections", {"entry": "lge_01k742sg00eq9aqqfvrzv91hqh", "memo": "mine"}),
    ):  # fmt: skip
        told = clerk.raw(method, path, json=body)
        assert (told.status_code, told.json()["code"]) == (403, "access.forbidden"), path
        assert "operator:finance" in told.text
    assert stack.counts()["ledger.entries"] == before["ledger.entries"]
    for path in (deposit, f"{account}/balance", "/operator/ledger/audit"):
        assert clerk.raw("GET", path).status_code == 200, path
    assert clerk.raw("POST", f"{account}/balance/looks").status_code == 200


def test_a_revoked_key_stops_within_seconds(stack: Stack) -> None:
    """A process remembers a key for a few seconds; then it must look again."""
    made = stack.operator.post(f"/channels/{stack.channel_id}/access_keys", {"label": "to be revoked"})
    caller = stack.caller(made["key"])
    assert caller.get("/balance")
    stack.operator.post(f"/access_keys/{made['id']}/revoke")
    until(lambda: caller.raw("GET", "/balance").status_code == 401, REMEMBERED_S + 2)


def test_strangers_objects_are_not_there(stack: Stack) -> None:
    """Another channel's order and right, another partner's redemption, another holder's endpoint: 404, and no hint."""
    order = stack.order("five", buyer="secret-buyer")
    right = next(item["entitlement"] for item in order["items"] if item["kind"] == "voucher")
    card = next(item["entitlement"] for item in order["items"] if item["kind"] == "card_key")
    code = stack.channel.post(f"/entitlements/{right}/code")["code"]
    prepared = stack.partner.post("/redemptions/prepare", {"code": code, "till": "t", "request_no": "strangers-1"})
    endpoint = stack.channel.post("/webhook_endpoints", {"url": f"{stack.simulator_url}/receiver/x"})
    other = stack.caller(alliance.key_of(stack, "channels", stack.channels["other"]))
    stranger = stack.caller(alliance.key_of(stack, "partners", stack.partners["stranger"]))

    for caller, method, path in (
        (other, "GET", f"/orders/{order['id']}"),
        (other, "GET", f"/orders/{order['id']}/timeline"),
        (other, "POST", f"/orders/{order['id']}/reveal"),
        (other, "GET", f"/entitlements/{right}"),
        (other, "POST", f"/entitlements/{right}/code"),
        (other, "POST", f"/entitlements/{card}/reveal"),
        (other, "POST", f"/entitlements/{card}/activate"),
        (stranger, "GET", f"/redemptions/{prepared['id']}"),
        (stranger, "POST", f"/redemptions/{prepared['id']}/confirm"),
        (stranger, "POST", f"/redemptions/{prepared['id']}/release"),
        (stranger, "POST", f"/redemptions/{prepared['id']}/reverse"),
        (other, "GET", f"/webhook_endpoints/{endpoint['id']}"),
        (other, "PATCH", f"/webhook_endpoints/{endpoint['id']}"),
        (other, "DELETE", f"/webhook_endpoints/{endpoint['id']}"),
        (other, "POST", f"/webhook_endpoints/{endpoint['id']}/rotate"),
        (other, "GET", f"/webhook_endpoints/{endpoint['id']}/deliveries"),
        (stranger, "GET", f"/webhook_endpoints/{endpoint['id']}"),
    ):
        body = {"json": {}} if method in ("PATCH", "POST") else {}
        problem = caller.refused(method, path, **body)
        assert problem.status == 404, f"{method} {path}: {problem}"
    assert other.every("/orders") == []
    assert other.every("/entitlements", buyer="secret-buyer") == []
    assert stranger.every("/redemptions") == []
    assert other.every("/webhook_endpoints") == []
    # A code shown to a till of another partner redeems nothing, and does not burn the code for the right one.
    voucher = stack.order("five", buyer="u-9")["items"]
    code = stack.channel.post(f"/entitlements/{next(i['entitlement'] for i in voucher if i['kind'] == 'voucher')}/code")
    asked = {"code": code["code"], "till": "t", "request_no": "strangers-2"}
    assert stranger.refused("POST", "/redemptions/prepare", json=asked).status in (403, 404, 409, 422)
    assert stack.partner.post("/redemptions/prepare", asked)["state"] == "prepared"
    assert stack.now(order)["status"]["payment"] == "paid"
