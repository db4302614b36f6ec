"""A supplier's door: reads the signed request, lets the faults strike where they should, answers."""

import asyncio

from simulator.asgi import Answer, Request, as_json
from simulator.callbacks import Courier
from simulator.desk import Desk, Faults
from simulator.dialects.speech import Asking, Problem, Speech
from simulator.model import Call, FaultRule, Order
from simulator.world import Shop, World, now_ms

DELAY_MS = 1_000
DRIP_MS = 2_000
BROKEN_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>网关错误</h1></body></html>".encode()
HTML = b"text/html; charset=utf-8"
# What dialects call the supplier's own number:
OWN_NUMBERS = ("ordersn", "order_id", "tradeNo", "orderNumber", "orderNo", "orderno")
TURNED_AWAY = {403: "IP 不在白名单内", 429: "请求过于频繁，请稍后再试"}


class SupplierDoor:
    def __init__(self, world: World, desk: Desk, courier: Courier) -> None:
        self._world, self._desk, self._courier = world, desk, courier

    async def answer(self, shop: Shop, request: Request, speech: Speech) -> Answer:
        call = Call(now_ms(), request.path, request.headers, request.body)
        shop.calls.append(call)
        shop.serving += 1
        shop.serving_max = max(shop.serving, shop.serving_max)
        try:
            answer = await self._serve(shop, speech, request, call)
        finally:
            shop.serving -= 1
        call.status, call.answer = answer.status, answer.body
        return answer

    async def _serve(self, shop: Shop, speech: Speech, request: Request, call: Call) -> Answer:
        if request.method not in speech.methods:
            return as_json({"error": f"only {' and '.join(speech.methods)}"}, 405)
        try:
            asking = speech.read(shop.supplier, request)
        except Problem as problem:
            return speech.refuse(shop.supplier, problem)
        call.endpoint = asking.endpoint
        received = shop.supplier.received
        received[asking.endpoint] = received.get(asking.endpoint, 0) + 1
        shop.save_supplier()
        limit = shop.supplier.calls_per_s
        if limit and not shop.within("calls", limit, 1_000):
            return _turned_away(shop, speech, 429, speech.too_fast, None)
        faults: Faults = {}
        if shop.supplier.faults:
            product, outer = _subject(shop, asking)
            faults = shop.draw(asking.step, product or None, outer or None)
            call.faults = list(faults)
        if hasty := faults.get("query_rate_limited"):
            return _turned_away(shop, speech, 429, speech.too_fast, hasty)
        if listed := faults.get("ip_refused"):
            return _turned_away(shop, speech, 403, speech.ip_refused, listed)
        return await self._strike(shop, speech, request, asking, faults)

    async def _strike(self, shop: Shop, speech: Speech, request: Request, asking: Asking, faults: Faults) -> Answer:
        if delay := faults.get("delay"):
            await asyncio.sleep((DELAY_MS if delay.delay_ms is None else delay.delay_ms) / 1000)
        if hold := faults.get("timeout_before_accept"):
            return await self._hold(request, hold)
        if "error_500_before_accept" in faults or "query_error" in faults:
            return Answer(500, BROKEN_PAGE, HTML)
        answer = await self._handle(shop, speech, asking, faults)
        if hold := faults.get("timeout_after_accept"):
            return await self._hold(request, hold)
        if "error_500_after_accept" in faults:
            return Answer(500, BROKEN_PAGE, HTML)
        if "unreadable_body" in faults:
            return Answer(200, BROKEN_PAGE, HTML)
        if "garbled_charset" in faults:
            # GBK bytes under a header that says UTF-8, as behind many a Chinese proxy; or the other way round.
            other = "gbk" if speech.charset == "utf-8" else "utf-8"
            answer.body = answer.body.decode(speech.charset).encode(other, "replace")
        if drip := faults.get("slow_drip"):
            answer.drip_ms = DRIP_MS if drip.delay_ms is None else drip.delay_ms
        return answer

    async def _handle(self, shop: Shop, speech: Speech, asking: Asking, faults: Faults) -> Answer:
        try:
            answer, order = speech.handle(self._desk, shop, asking, faults)
        except Problem as problem:
            return speech.refuse(shop.supplier, problem)
        if order is not None and "callback_before_answer" in faults:
            await self._courier.settle(shop, order)
        return answer

    async def _hold(self, request: Request, rule: FaultRule) -> Answer:
        """Say nothing until the client gives up, the rule's hold is over, or the process is asked to end."""
        gone = asyncio.ensure_future(request.receive())
        closing = asyncio.ensure_future(self._world.closing.wait())
        waiting: set[asyncio.Future[object]] = {gone, closing}  # type: ignore[arg-type]
        await asyncio.wait(waiting, timeout=rule.hold_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        return Answer(504, BROKEN_PAGE, HTML)


def _turned_away(shop: Shop, speech: Speech, status: int, code: int | str | None, rule: FaultRule | None) -> Answer:
    """In the dialect's own words where it has them, or by the bare status of the machine in front of it."""
    text, counts = TURNED_AWAY[status], shop.supplier.turned_away
    counts[str(status)] = counts.get(str(status), 0) + 1
    if code is None or (rule and rule.what == "http"):
        page = f"<html><head><title>{status}</title></head><body><h1>{text}</h1></body></html>"
        return Answer(status, page.encode(), HTML)
    return speech.refuse(shop.supplier, Problem(code, text))


def _by_own_number(shop: Shop, asking: Asking) -> Order | None:
    named = next((str(asking.body[name]) for name in OWN_NUMBERS if name in asking.body), "")
    return shop.orders.get(named) or (shop.by_made.get(int(named)) if named.isdecimal() else None)


def _subject(shop: Shop, asking: Asking) -> tuple[str, str]:
    """Product and outer number that a rule may aim at; a query names neither the product nor always our number."""
    if asking.step != "query":
        return asking.product, asking.outer
    known = shop.by_outer.get(asking.outer)
    order = known[-1] if known else _by_own_number(shop, asking)
    return (order.product, order.outer) if order else ("", asking.outer)
