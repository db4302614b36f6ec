"""The courier: tells the client about finished orders, again and again until the agreed word comes back."""

from collections.abc import Callable

from simulator.model import Order, State, Supplier
from simulator.poster import Poster
from simulator.world import Shop, World, now_ms

ACKS = {"kasushou": "ok", "fulu": "SUCCESS"}
ANSWER_KEPT = 200
TIMEOUT_S = 10.0

Compose = Callable[[Supplier, Order, State, int], bytes]  # supplier, order, state to tell, time of the message


class Courier:
    def __init__(self, world: World, poster: Poster, composers: dict[str, Compose]) -> None:
        self._world, self._poster, self._composers = world, poster, composers
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
        told, at_ms = order.state, now_ms()
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
        body = self._composers[supplier.dialect](supplier, order, state, at_ms)
        order.callbacks_sent += 1
        try:
            status, answer = await self._poster.post(order.callback_url, body, TIMEOUT_S)
        except (OSError, TimeoutError, ValueError) as problem:
            order.callback_answer = f"{type(problem).__name__}: {problem}"[:ANSWER_KEPT]
            return False
        text = answer.decode("utf-8", "replace").strip()
        order.callback_answer = f"{status} {text}"[:ANSWER_KEPT]
        return status == 200 and text == ACKS[supplier.dialect]
