"""The courier: tells the client about finished orders, again and again until the agreed word comes back."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from simulator.model import Order, State, Supplier
from simulator.poster import Poster
from simulator.world import Shop, World, clock_ms, now_ms

ANSWER_KEPT = 200
TIMEOUT_S = 10.0


class Message(msgspec.Struct):
    """A callback as it goes over the wire."""

    body: bytes
    headers: dict[str, str] = {}
    type: str = "application/json; charset=utf-8"
    query: str = ""  # joined to the address


class Tongue(Protocol):
    """The part of a dialect that speaks first."""

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message: ...

    def acknowledged(self, answer: str) -> bool: ...


class Courier:
    def __init__(self, world: World, poster: Poster, tongues: Mapping[str, Tongue]) -> None:
        self._world, self._poster, self._tongues = world, poster, tongues
        self._telling: set[str] = set()

    def announce(self, shop: Shop, order: Order) -> None:
        if order.plan.no_callback or not order.callback_url:
            return
        order.callback_sent_round = 0
        order.callback_acked = False
        order.callback_due_ms = now_ms()
        self.resume(shop, order)

    def resume(self, shop: Shop, order: Order) -> None:
        self._world.at(order.callback_due_ms, lambda: self._world.run(self._tell(shop, order)))

    async def settle(self, shop: Shop, order: Order) -> None:
        """Tell it now and wait for the answer: for a callback that overtakes the answer to its own order."""
        await self._tell(shop, order)

    async def _tell(self, shop: Shop, order: Order) -> None:
        if shop.orders.get(order.number) is not order or not order.callback_due_ms or order.number in self._telling:
            return  # a reset, or it is told already, or just now
        self._telling.add(order.number)
        told, at_ms = order.state, clock_ms(shop.supplier)
        try:
            acked = await self._send(shop, order, told, at_ms)
            if order.plan.twice:
                await self._send(shop, order, told, at_ms)
            if order.plan.out_of_order and told is State.DONE:
                await self._send(shop, order, State(order.plan.out_of_order), order.taken_ms)
        finally:
            self._telling.discard(order.number)
        if order.state is not told:
            self.resume(shop, order)  # it changed while we spoke, and that must be told as well
        else:
            # Due until here, so that a callback cut off by a shutdown is sent again after it.
            order.callback_due_ms, order.callback_acked = 0, acked
            if not acked:
                self._again(shop, order)
        shop.save(order)

    def _again(self, shop: Shop, order: Order) -> None:
        supplier = shop.supplier
        order.callback_sent_round += 1
        if order.callback_sent_round <= supplier.callback_resends:
            order.callback_due_ms = now_ms() + supplier.callback_gap_ms * order.callback_sent_round
            self.resume(shop, order)

    async def _send(self, shop: Shop, order: Order, state: State, at_ms: int) -> bool:
        supplier = shop.supplier
        tongue = self._tongues[supplier.dialect]
        message = tongue.callback(supplier, order, state, at_ms)
        url = order.callback_url
        if message.query:
            url += ("&" if "?" in url else "?") + message.query
        order.callbacks_sent += 1
        try:
            status, answer = await self._poster.post(url, message.body, TIMEOUT_S, message.type, message.headers)
        except (OSError, TimeoutError, ValueError) as problem:
            order.callback_answer = f"{type(problem).__name__}: {problem}"[:ANSWER_KEPT]
            return False
        text = answer.decode("utf-8", "replace").strip()
        order.callback_answer = f"{status} {text}"[:ANSWER_KEPT]
        return status == 200 and tongue.acknowledged(text)
