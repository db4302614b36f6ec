"""The partner's view of its rights: `GET /partner/{name}/rights?since=&limit=&outer=`, the simulator's own protocol.

No supplier's document stands behind it; it is the smallest thing that can be polled. The key comes in the header
X-Partner-Key. The answer is `{"rights": [{"outer_no", "order_no", "product", "state", "changed_at"}], "more"}`,
oldest change first. `since` is a time as `changed_at` gives it and excludes itself: no two changes of one partner have
the same time, so the last `changed_at` that was read is the next `since`. States: delivered, activated, used, expired,
cancelled. `outer` (several with commas) asks about single rights, and what it leaves out is not known. 400 for a bad
`since` or `limit`, 401 for a wrong key; a rule with `on: look` strikes here as well.
"""

import hmac
from datetime import UTC, datetime

import msgspec

from simulator.asgi import Answer, Request, as_json
from simulator.desk import Desk, Faults
from simulator.dialects.speech import Asking, Json, Problem, Speech
from simulator.model import Order, Supplier
from simulator.world import Shop

LIMIT, LIMIT_MAX = 200, 1_000


class Partner(Speech):
    methods = ("GET",)

    def read(self, supplier: Supplier, request: Request) -> Asking:
        key = request.header("x-partner-key")
        if not supplier.partner_key or not hmac.compare_digest(key.encode(), supplier.partner_key.encode()):
            raise Problem(401, "the key in X-Partner-Key is not this partner's")
        if [part for part in request.path.split("/") if part][2:] != ["rights"]:
            raise Problem(404, f"{request.path} not found")
        limit = request.query("limit", str(LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= LIMIT_MAX:
            raise Problem(400, f"limit is a number from 1 to {LIMIT_MAX}")
        since = request.query("since")
        outers = [one for one in request.query("outer").split(",") if one]
        wish = {"since": time_ms(since) if since else -1, "limit": int(limit), "outers": outers}
        return Asking("partner.rights", "look", "", "", wish)

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]:
        since, limit, outers = asking.body["since"], asking.body["limit"], asking.body["outers"]
        orders = [one for outer in outers for one in shop.by_outer.get(outer, [])] if outers else shop.orders.values()
        known = (one for one in orders if one.right not in (None, "missing") and one.right_ms > since)
        changed = sorted(known, key=lambda one: one.right_ms)
        return as_json({"rights": [right(one) for one in changed[:limit]], "more": len(changed) > limit}), None

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer:
        return as_json({"error": problem.text}, int(problem.code))


def right(order: Order) -> Json:
    return {
        "outer_no": order.outer,
        "order_no": order.number,
        "product": order.product,
        "state": order.right,
        "changed_at": datetime.fromtimestamp(order.right_ms / 1000, UTC).isoformat(timespec="milliseconds"),
    }


def time_ms(text: str) -> int:
    try:
        # A plus sign that was not escaped arrives as a space.
        at = msgspec.convert(text.strip().replace(" ", "+"), datetime, strict=False)
    except msgspec.ValidationError as problem:
        raise Problem(400, "a time is written as 2026-01-01T00:00:00.000+00:00") from problem
    if at.tzinfo is None:
        raise Problem(400, "a time needs its offset")
    return round(at.timestamp() * 1000)
