"""The alliance that journeys and chaos buy from, made through the operator API over HTTP, as an operator would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.learned import learned

from heyi.app.cli.apply import Applying
from heyi.app.cli.client import Client

if TYPE_CHECKING:
    from tests.stack import Stack

PHONE = {"name": "phone", "label": "手机号", "pattern": r"\w[\w-]{2,39}"}  # wide: the supplier refuses what is wrong
SUPPLIERS = {
    "kasushou": {"user_id": "10001", "key": "simulator-kasushou-key"},
    "fulu": {"app_key": "simulator-fulu-app", "secret": "simulator-fulu-secret-0123456789"},
}
DEPOSIT = "1000000.00 CNY"
OPENING = "10000000.00 CNY"  # what the simulator's suppliers begin with
STOCKED = ("coffee", "tea")  # card keys that are there from the beginning


def _benefit(code: str, kind: str, source: str = "own", product: str = "", **properties: Any) -> dict[str, Any]:
    offer: dict[str, Any] = {"source": source, "cost": "16.00 CNY"}
    if source in SUPPLIERS:
        offer |= {"source": "supplier", "supplier": source, "product_no": product}
    return {"code": code, "partner": "galaxy", "kind": kind, "title": f"权益 {code}", "market_price": "30.00 CNY",
            "how_to_use": f"请使用 {code}", "offers": [offer], **properties}  # fmt: skip


def _part(code: str, delivery: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"code": code, "benefit": code, "weight": 20, "delivery": delivery or {"when": "now"}, **more}


def _bundle(code: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"code": code, "title": f"套餐 {code}", "price": "99.00 CNY", "components": list(parts), **more}


AFTER = {"when": "after", "within_days": 7}
DOCUMENT: dict[str, Any] = {
    "partners": [{"code": "galaxy", "title": "星河"}, {"code": "stranger", "title": "路人"}],
    "channels": [
        {"code": "shop", "title": "小店", "deposit": DEPOSIT},
        {"code": "poor", "title": "穷店", "deposit": "100.00 CNY"},
        {"code": "other", "title": "别家", "deposit": "1000.00 CNY"},
    ],
    "benefits": [
        _benefit("coffee", "card_key", "stock"),
        _benefit("tea", "card_key", "stock"),
        _benefit("rare", "card_key", "stock"),
        _benefit("gold", "card_key", "stock"),
        _benefit("silver", "card_key", "stock"),
        _benefit("takeaway", "card_key", "kasushou", "1101"),
        _benefit("lounge", "voucher", units=2, validity={"days": 90}),
        _benefit("course", "link", link="https://learn.example/r/{entitlement}"),
        _benefit("ebook", "link", link="https://read.example/{entitlement}"),
        _benefit("video", "top_up", "kasushou", "1001", fields=[PHONE], validity={"days": 31}),
        _benefit("music", "top_up", "fulu", "20002", fields=[PHONE], validity={"days": 31}),
        _benefit("mug", "physical"),
        _benefit("driver", "service"),
    ],
    "bundles": [
        _bundle("five", _part("coffee"), _part("tea"), _part("lounge"), _part("course"), _part("video")),
        _bundle("top-up", _part("video")),
        _bundle("two-phones", _part("video", accounts={"phone": "phone"}), _part("music", accounts={"phone": "ear"})),
        _bundle("monthly", _part("video", {"when": "monthly", "times": 3}), _part("coffee")),
        _bundle(
            "follow", _part("lounge"), _part("coffee"),
            _part("tea", {**AFTER, "component": "coffee", "event": "activated", "otherwise": "cancel"}),
            _part("course", {**AFTER, "component": "lounge", "event": "redeemed", "otherwise": "deliver"}),
        ),
        _bundle("hands", _part("mug"), _part("driver")),
        _bundle("rare", _part("rare")),
        _bundle("gold", _part("gold")),
        _bundle("silver", _part("silver"), sold_out="refuse"),
        _bundle("link", _part("course")),
        # Nothing but cards and links, one of them from a supplier: what other systems can sell.
        _bundle("cards", _part("coffee"), _part("tea"), _part("course"), _part("ebook"), _part("takeaway")),
        _bundle("choice", _part("coffee"), groups=[
            {"code": "snack", "title": "任选二", "pick": 2, "weight": 50, "options": [
                {"code": "tea", "benefit": "tea"}, {"code": "course", "benefit": "course"},
                {"code": "lounge", "benefit": "lounge"}, {"code": "ear", "benefit": "music"},
            ]},
        ]),
        # What chaos buys: everything that can go wrong at once.
        _bundle("storm", _part("coffee"), _part("rare"), _part("lounge"), _part("video"),
                _part("music", accounts={"phone": "ear"}), _part("takeaway")),
        _bundle("later", _part("lounge"), _part("video", {"when": "after_days", "days": 3}),
                _part("music", {**AFTER, "component": "lounge", "event": "redeemed", "otherwise": "deliver"},
                      accounts={"phone": "ear"})),
    ],
}  # fmt: skip


def make(stack: Stack, *, keys: int, timeout_ms: int = 1500, typical_ms: int = 100, slots: int = 50) -> None:
    """Apply the document, point the suppliers' callbacks to us, make keys for channel and partner, import card keys."""
    suppliers = [
        {"code": code, "title": code, "dialect": code, "base_url": f"{stack.simulator_url}/{code}",
         "credentials": credentials, "timeout_ms": timeout_ms, "typical_ms": typical_ms,
         "slots": slots, "top_up": OPENING}
        for code, credentials in SUPPLIERS.items()
    ]  # fmt: skip
    with Client(stack.url, stack.operator_key) as api:
        Applying(api, lambda _: None).apply({"profiles": [learned("fulu")], "suppliers": suppliers, **DOCUMENT})
    operator = stack.operator
    for one in operator.every("/suppliers"):
        stack.world.put(f"suppliers/{one['code']}", {"callback_url": one["callback_url"], "callback_gap_ms": 500})
    channels = {one["code"]: one["id"] for one in operator.every("/channels")}
    partners = {one["code"]: one["id"] for one in operator.every("/partners")}
    stack.channels, stack.partners = channels, partners
    stack.channel_id, stack.partner_id = channels["shop"], partners["galaxy"]
    stack.channel = stack.caller(key_of(stack, "channels", channels["shop"]))
    stack.partner = stack.caller(key_of(stack, "partners", partners["galaxy"]))
    for benefit in STOCKED:
        import_keys(stack, benefit, [f"{benefit}-{number:06}" for number in range(keys)])


def key_of(stack: Stack, kind: str, holder: str, **more: Any) -> str:
    """A new access key; kind is channels or partners."""
    made: str = stack.operator.post(f"/{kind}/{holder}/access_keys", {"label": f"k{next(stack.numbers)}", **more})[
        "key"
    ]
    return made


def import_keys(stack: Stack, benefit: str, codes: Sequence[str]) -> Any:
    """Import card keys through the API, each with a secret of its own; answers the import's end."""
    told = {"benefit": benefit, "batch": f"{benefit}-{next(stack.numbers)}",
            "cost": {"amount_minor": 1200, "currency": "CNY"}}  # fmt: skip
    announced = stack.operator.post("/key_imports", told)
    file = "code,secret\n" + "".join(f"{code},{secret_of(code)}\n" for code in codes)
    path = f"/key_imports/{announced['id']}/file"
    done = stack.operator.send("PUT", path, content=file.encode(), headers={"Content-Type": "text/csv"})
    assert done["state"] == "done", done
    return done


def secret_of(code: str) -> str:
    """The secret beside a code: a text that occurs nowhere else, so that tests can look for it."""
    return f"SECRET{code}SECRET"
