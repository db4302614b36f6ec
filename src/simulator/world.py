"""Everything that exists, in memory, with its store beside it."""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from simulator import defaults
from simulator.model import Call, FaultRule, Order, Received, Receiver, RightState, State, Step, Supplier
from simulator.store import Store

CALLS_KEPT = 1000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def clock_ms(supplier: Supplier) -> int:
    """The time on this supplier's wall, which a `clock_skew` puts off by its delay_ms."""
    return now_ms() + sum(rule.delay_ms or 0 for rule in supplier.faults if rule.fault == "clock_skew")


class Shop:
    """One supplier with its orders."""

    def __init__(self, supplier: Supplier, store: Store) -> None:
        self.supplier = supplier
        self.orders: dict[str, Order] = {}
        self.by_outer: dict[str, list[Order]] = {}
        self.by_made: dict[int, Order] = {}
        self.delivered: Counter[str] = Counter()
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.gone = False  # swept away by a reset while requests and callbacks of its were still under way
        self._marked_ms = 0
        self.counted: dict[str, deque[int]] = {}  # when the calls of a limit came
        self.serving = self.serving_max = 0  # calls at once: now, and at most since the process began
        self._store = store
        self.reseed()

    def reseed(self) -> None:
        self._random = random.Random(self.supplier.seed)
        for _ in range(self.supplier.drawn):
            self._random.random()

    def add(self, order: Order) -> None:
        self.orders[order.number] = self.by_made[order.made] = order
        self._marked_ms = max(self._marked_ms, order.right_ms)
        self.by_outer.setdefault(order.outer, []).append(order)
        if order.delivered:
            self.delivered[order.outer] += order.delivered

    def mark(self, order: Order, state: RightState, at_ms: int | None = None) -> None:
        """What became of a right at the partner. A change of now has a time that no other change has."""
        if at_ms is None:
            at_ms = self._marked_ms = max(now_ms(), self._marked_ms + 1)
        order.right, order.right_ms = state, at_ms

    def save(self, order: Order) -> None:
        if not self.gone:
            self._store.mark("order", f"{self.supplier.name}/{order.number}", order)

    def save_supplier(self) -> None:
        if not self.gone:
            self._store.mark("supplier", self.supplier.name, self.supplier)

    def draw(self, step: Step, product: str | None, outer: str | None) -> dict[str, FaultRule]:
        """The faults that strike this request, each rule drawn on its own; the first rule of a kind wins."""
        struck: dict[str, FaultRule] = {}
        for rule in self.supplier.faults:
            if rule.fault in struck or not _aims_at(rule, step) or not rule.live(product, outer):
                continue
            if rule.fault == "query_rate_limited" and self.within(rule.fault, rule.limit, rule.window_ms):
                continue
            if rule.rate < 1.0:
                self.supplier.drawn += 1
                if self._random.random() >= rule.rate:
                    continue
            rule.used += 1
            struck[rule.fault] = rule
        return struck

    def within(self, name: str, limit: int, window_ms: int) -> bool:
        """Whether the limit allows one more call now; what it refuses does not count against it."""
        now, calls = now_ms(), self.counted.setdefault(name, deque())
        while calls and calls[0] <= now - window_ms:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True


class World:
    def __init__(self, file: Path | None) -> None:
        self.store = Store(file)
        self.shops: dict[str, Shop] = {}
        self.receivers: dict[str, Receiver] = {}
        self.received: list[Received] = []
        self.closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._load()

    def _load(self) -> None:
        for name, body in self.store.read("supplier"):
            self.shops[name] = Shop(msgspec.json.decode(body, type=Supplier), self.store)
        for key, body in self.store.read("order"):
            self.shops[key.split("/")[0]].add(msgspec.json.decode(body, type=Order))
        for name, body in self.store.read("receiver"):
            self.receivers[name] = msgspec.json.decode(body, type=Receiver)
        self.received = [msgspec.json.decode(body, type=Received) for _, body in self.store.read("received")]
        self.received.sort(key=lambda one: one.sequence)
        if not self.shops:
            self.add_defaults()

    def add_defaults(self) -> None:
        for supplier in defaults.suppliers():
            self.put_supplier(supplier)

    def put_supplier(self, supplier: Supplier) -> Shop:
        shop = self.shops.get(supplier.name)
        if shop is None:
            shop = self.shops[supplier.name] = Shop(supplier, self.store)
        else:
            shop.supplier = supplier
        shop.save_supplier()
        return shop

    def remove_supplier(self, name: str) -> None:
        shop = self.shops.pop(name)
        shop.gone = True
        for number in shop.orders:
            self.store.forget("order", f"{name}/{number}")
        shop.orders.clear()
        self.store.forget("supplier", name)

    def reset(self, keep_products: bool) -> None:
        """An empty world with the default suppliers; or the suppliers as they are, without orders and faults."""
        suppliers = [shop.supplier for shop in self.shops.values()]
        for shop in self.shops.values():
            shop.gone = True
            shop.orders.clear()  # timers of these orders are still set; finding nothing, they do nothing
        self.store.wipe()
        self.shops.clear()
        self.received.clear()
        if not keep_products:
            self.receivers.clear()
            self.add_defaults()
            return
        for receiver in self.receivers.values():
            self.store.mark("receiver", receiver.name, receiver)
        for supplier in suppliers:
            supplier.faults, supplier.received, supplier.turned_away = [], {}, {}
            supplier.made = supplier.drawn = 0
            self.put_supplier(supplier)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work in the background and hold on to it: the loop itself keeps only a weak reference."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def at(self, when_ms: int, action: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(max(0, when_ms - now_ms()) / 1000, action)

    async def close(self) -> None:
        self.closing.set()
        for task in self._tasks:
            task.cancel()
        await self.store.flush()
        self.store.close()


def _aims_at(rule: FaultRule, step: Step) -> bool:
    match rule.fault:
        case "ip_refused":
            return True
        case "clock_skew":
            return False  # it stands in the clock itself
        case "query_error" | "query_rate_limited":
            return step == "query"
    return rule.on == step or (rule.on == "any" and step != "look")


def is_open(order: Order) -> bool:
    return order.state in (State.UNTREATED, State.PROCESSING)
