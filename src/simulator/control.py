"""The control API: how tests and people steer the simulated world. No password: it listens on the loopback only."""

from collections import Counter
from typing import Any

import msgspec

from simulator import page, views
from simulator.asgi import Answer, Request, as_html, as_json, not_found
from simulator.desk import Desk
from simulator.dialects import SPEECHES
from simulator.dialects.partner import right, time_ms
from simulator.dialects.speech import Problem, fen
from simulator.model import FaultRule, Product, Receiver, RightState, Supplier
from simulator.receiver import listing
from simulator.world import Shop, World

LIMIT, LIMIT_MAX = 100, 10_000
TAKEN_NAMES = ("control", "till", "receiver", "partner")


class SupplierWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    dialect: str | None = None
    credentials: dict[str, str] | None = None
    balance: str | float | int | None = None
    balance_fen: int | None = None
    callback_url: str | None = None
    callback_gap_ms: int | None = None
    callback_resends: int | None = None
    work_ms: int | None = None
    dedupe: bool | None = None
    seed: int | None = None
    bad_prefix: str | None = None
    fail_suffix: str | None = None
    calls_per_s: int | None = None
    partner_key: str | None = None
    products: list[dict[str, Any]] | None = None


class RightWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    outer: str | list[str]
    state: RightState
    changed_at: str | None = None  # None: now


class Failing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    status: int
    times: int | None = None


class ReceiverWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    secret: str | None = None
    fail: Failing | msgspec.UnsetType | None = msgspec.UNSET


class Wrong(Exception):
    """The wish cannot be granted; answered with 400."""


class Control:
    def __init__(self, world: World, desk: Desk) -> None:
        self._world, self._desk = world, desk

    async def answer(self, request: Request, parts: list[str]) -> Answer:
        try:
            return await self._answer(request, parts)
        except (Wrong, Problem, msgspec.DecodeError, ValueError) as problem:
            return as_json({"error": str(problem)}, 400)

    async def _answer(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts:
            case "GET", []:
                return as_html(page.control(self._world))
            case "GET", ["health"]:
                return as_json({"status": "ok", "suppliers": list(self._world.shops)})
            case "POST", ["reset"]:
                wish = msgspec.json.decode(request.body, type=dict[str, bool]) if request.body.strip() else {}
                self._world.reset(wish.get("keep_products", False))
                return as_json({"status": "ok"})
            case "POST", ["flush"]:
                await self._world.store.flush()
                return as_json({"status": "ok"})
            case "GET", ["suppliers"]:
                return as_json({"data": [views.supplier(shop) for shop in self._world.shops.values()]})
            case "PUT", ["suppliers", name]:
                return as_json(views.supplier(self._put_supplier(name, request.body)))
            case "DELETE", ["suppliers", name] if name in self._world.shops:
                self._world.remove_supplier(name)
                return as_json({"status": "ok"})
            case _, ["suppliers", name, *rest]:
                shop = self._world.shops.get(name)
                return self._supplier(request, shop, rest) if shop else not_found(f"supplier {name}")
            case "PUT", ["receivers", name]:
                return as_json(listing(self._world, self._put_receiver(name, request.body), LIMIT))
            case "GET", ["receivers", name]:
                receiver = self._world.receivers.get(name) or Receiver(name=name)
                return as_json(listing(self._world, receiver, _limit(request)))
        return not_found(request.path)

    def _supplier(self, request: Request, shop: Shop, rest: list[str]) -> Answer:
        match request.method, rest:
            case "GET", []:
                return as_json(views.supplier(shop))
            case "PUT", ["products", identity]:
                return as_json(_put_product(shop, identity, request.body))
            case "DELETE", ["products", identity] if identity in shop.supplier.products:
                del shop.supplier.products[identity]
                shop.save_supplier()
                return as_json({"status": "ok"})
            case "PUT", ["rights"]:
                return _put_rights(shop, request.body)
            case "PUT", ["faults"]:
                return self._faults(shop, msgspec.json.decode(request.body, type=list[FaultRule]))
            case "DELETE", ["faults"]:
                return self._faults(shop, [])
            case "GET", ["faults"]:
                return as_json({"data": shop.supplier.faults})
            case "GET", ["orders"]:
                outer, after = request.query("outer"), request.query("after")
                return as_json(views.orders(shop, outer, after, _limit(request)))
            case "GET", ["deliveries"]:
                return as_json(_deliveries(shop, request))
            case "GET", ["calls"]:
                return as_json({"data": views.calls(shop, _limit(request))})
        return not_found(request.path)

    def _faults(self, shop: Shop, rules: list[FaultRule]) -> Answer:
        if any(not 0 <= rule.rate <= 1 for rule in rules):
            raise Wrong("rate is a number from 0 to 1")
        shop.supplier.faults = rules
        shop.save_supplier()
        self._desk.unstick(shop)
        return as_json({"data": rules})

    def _put_supplier(self, name: str, body: bytes) -> Shop:
        wish = msgspec.json.decode(body or b"{}", type=SupplierWish)
        shop = self._world.shops.get(name)
        supplier = shop.supplier if shop else _new_supplier(name, wish)
        if shop and wish.dialect not in (None, supplier.dialect):
            raise Wrong("the dialect of a supplier does not change")
        credentials = {**supplier.credentials, **(wish.credentials or {})}
        named = SPEECHES[supplier.dialect].credentials
        if set(credentials) != set(named):
            raise Wrong(f"credentials of {supplier.dialect} are {', '.join(named)}")
        supplier.credentials = credentials
        balance = wish.balance_fen if wish.balance is None else fen(wish.balance)
        if wish.balance is not None and balance is None:
            raise Wrong("balance is an amount in yuan, or use balance_fen")
        products = None if wish.products is None else [_product(one) for one in wish.products]
        if balance is not None:
            supplier.balance_fen = balance
        if products is not None:
            supplier.products = {product.id: product for product in products}
        for setting in SETTINGS:
            if (value := getattr(wish, setting)) is not None:
                setattr(supplier, setting, value)
        shop = self._world.put_supplier(supplier)
        if wish.seed is not None:
            supplier.drawn = 0
            shop.reseed()
        return shop

    def _put_receiver(self, name: str, body: bytes) -> Receiver:
        wish = msgspec.json.decode(body or b"{}", type=ReceiverWish)
        receiver = self._world.receivers.setdefault(name, Receiver(name=name))
        if wish.secret is not None:
            receiver.secret = wish.secret
        if not isinstance(wish.fail, msgspec.UnsetType):
            receiver.fail_status = wish.fail.status if wish.fail else 0
            receiver.fail_times = wish.fail.times if wish.fail else None
        self._world.store.mark("receiver", name, receiver)
        return receiver


SETTINGS = (
    "callback_url", "callback_gap_ms", "callback_resends", "work_ms", "dedupe", "seed", "bad_prefix", "fail_suffix",
    "calls_per_s", "partner_key",
)  # fmt: skip


def _new_supplier(name: str, wish: SupplierWish) -> Supplier:
    if name in TAKEN_NAMES or not name.replace("-", "").replace("_", "").isalnum():
        raise Wrong("a name is letters, digits, - and _, and not one of the simulator's own paths")
    speech = SPEECHES.get(wish.dialect or "")
    if wish.dialect is None or speech is None:
        raise Wrong(f"a new supplier needs a dialect: {', '.join(SPEECHES)}")
    # Invented, so that a supplier can be made with nothing but its dialect; the answer shows them.
    first, second = speech.credentials
    return Supplier(
        name=name,
        dialect=wish.dialect,
        credentials={first: f"{name}-id", second: f"{name}-secret"},
        dedupe=speech.dedupe,
        calls_per_s=speech.calls_per_s,
        partner_key=f"{name}-partner-key",
    )


def _product(wish: dict[str, Any]) -> Product:
    """A product's price may be given in yuan (`price`) or in fen (`price_fen`)."""
    given = {**wish, "id": str(wish.get("id", ""))}
    given.setdefault("name", given["id"])
    for field in ("price", "face_value"):
        if field in given and (amount := fen(given.pop(field))) is not None:
            given[f"{field}_fen"] = amount
    return msgspec.convert(given, type=Product)


def _put_product(shop: Shop, identity: str, body: bytes) -> Product:
    """What is left out of a known product stays as it is; an unknown one is added."""
    known = shop.supplier.products.get(identity)
    wish = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    product = _product({**(msgspec.to_builtins(known) if known else {}), **wish, "id": identity})
    shop.supplier.products[identity] = product
    shop.save_supplier()
    return product


def _put_rights(shop: Shop, body: bytes) -> Answer:
    """All of them or none: an outer number of which nothing was delivered is not found."""
    wish = msgspec.json.decode(body, type=RightWish)
    outers = [wish.outer] if isinstance(wish.outer, str) else wish.outer
    found = {outer: [one for one in shop.by_outer.get(outer, []) if one.right] for outer in outers}
    if missing := [outer for outer, orders in found.items() if not orders]:
        return not_found(f"a delivered right of {', '.join(missing)}")
    at_ms = time_ms(wish.changed_at) if wish.changed_at else None
    marked = [orders[-1] for orders in found.values()]
    for order in marked:
        shop.mark(order, wish.state, at_ms)
        shop.save(order)
    return as_json({"data": [right(order) for order in marked]})


def _limit(request: Request) -> int:
    return max(1, min(LIMIT_MAX, int(request.query("limit", str(LIMIT)))))


def _deliveries(shop: Shop, request: Request) -> dict[str, object]:
    """How often each outer number was really delivered; by item: the part before the last dash is summed."""
    prefix, by_item = request.query("prefix"), request.query("group_by_item") in ("1", "true")
    counts: Counter[str] = Counter()
    for outer, times in shop.delivered.items():
        if outer.startswith(prefix):
            counts[outer.rpartition("-")[0] or outer if by_item else outer] += times
    over_one = sorted(key for key, times in counts.items() if times > 1)
    return {"total": sum(counts.values()), "by_outer": dict(counts), "over_one": over_one}
