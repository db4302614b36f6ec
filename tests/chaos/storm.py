"""A seeded storm: hundreds of orders against suppliers that misbehave, while web and worker processes are killed.

The plan (who buys what, which faults rule when, who is killed when) is drawn from the seed; the machine's own timing is
not, so a seed repeats the weather and not every drop.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
from tests import alliance
from tests.chaos import suppliers
from tests.stack import Stack

FRESH_KEYS, RARE_KEYS_LATE = 0.5, 0.6  # of the orders: keys there at the start, keys of the rare kind that come later
BUYERS_AT_ONCE = 8
KILLED_AS_CHILDREN = 0.1
ORDERS_PER_S = 18.0  # slower than heyi could, so that a storm has time to kill
TRIES_MAX = 200
CLIENT_TIMEOUT_S = 20.0
MIX = (("storm3", 60), ("top-up", 15), ("two-phones", 10), ("five", 10), ("later", 5))


@dataclass
class Told:
    """What happened, for the report and the checks."""

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)  # answers by channel_order_no
    tries: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    revealed: dict[str, set[str]] = field(default_factory=dict)  # every code that a right ever showed
    redeemed: int = 0
    errors: list[str] = field(default_factory=list)


class Storm:
    """One round over a running stack. `orders` are placed from several threads, everything else happens beside them."""

    def __init__(self, stack: Stack, *, seed: int, orders: int, gap_s: float = 0.8, name: str = "c") -> None:
        self.stack, self.seed, self.orders, self.gap_s, self.name = stack, seed, orders, gap_s, name
        self.lasts_s = orders / ORDERS_PER_S
        self.told = Told()
        self._over = threading.Event()
        self._mutex = threading.Lock()

    def run(self) -> Told:
        """Let it rage until every order was accepted; the processes are all up again when this returns."""
        self._started = time.monotonic()
        beside = [self._weather, self._reaper, self._deliveries_of_stock, self._buyers_use_things]
        with ThreadPoolExecutor(len(beside) + BUYERS_AT_ONCE) as crew:
            others = [crew.submit(self._guarded, work) for work in beside]
            placing = [crew.submit(self._guarded, lambda n=n: self._place(n)) for n in range(self.orders)]  # type: ignore[misc]
            for one in placing:
                one.result()
            self._over.set()
            for one in others:
                one.result()
        for name in self.stack.processes:
            self.stack.await_ready(name)
        for supplier in suppliers.SUPPLIERS:
            self.stack.world.faults(supplier)
        return self.told

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            with self._mutex:
                self.told.errors.append(f"{type(error).__name__}: {error}")

    # -- buyers --------------------------------------------------------------------------------------------------------

    def _place(self, number: int) -> None:
        """One order; sent again under its number until it is answered, as every careful channel does."""
        self._over.wait(self._started + number * self.lasts_s / self.orders - time.monotonic())
        draw = random.Random(f"{self.seed}/order/{number}")
        bundle = draw.choices([name for name, _ in MIX], [weight for _, weight in MIX])[0]
        phone = f"139{draw.randrange(10**7):07}1"
        # Some accounts are refused before acceptance, some fail after it.
        video = draw.choices([phone, "bad-account", f"138{draw.randrange(10**4):04}0000"], [90, 5, 5])[0]
        body = self.stack.order_body(
            bundle, f"buyer-{draw.randrange(50)}", number=f"{self.name}-{number:05}",
            accounts={"phone": video, "ear": phone} if draw.random() < 0.95 else {"ear": phone},
        )  # fmt: skip
        if bundle in ("top-up", "five"):
            body["accounts"].pop("ear")
        order = self._until_answered(number, "/v1/orders", body)
        with self._mutex:
            self.told.accepted[body["channel_order_no"]] = order

    def _until_answered(self, number: int, path: str, body: object) -> dict[str, Any]:
        """Each try goes to another process, as behind a load balancer."""
        headers = {"Authorization": f"Bearer {self.stack.channel.key}"}
        with httpx2.Client(headers=headers, timeout=CLIENT_TIMEOUT_S, trust_env=False, verify=False) as http:
            for attempt in range(TRIES_MAX):
                try:
                    answer = http.post(self.stack.urls[(number + attempt) % len(self.stack.urls)] + path, json=body)
                except httpx2.TransportError as error:
                    self._count(type(error).__name__)
                    self._over.wait(min(0.05 * 2**attempt, 0.5))
                    continue
                self._count(str(answer.status_code))
                if answer.status_code < 400:
                    told: dict[str, Any] = answer.json()
                    return told
                if answer.status_code < 500:
                    raise AssertionError(f"{path} {body}: {answer.status_code} {answer.text[:300]}")
                self.told.errors.append(f"{answer.status_code} {answer.text[:300]}")
                self._over.wait(0.2)
        raise AssertionError(f"{path} was not answered in {TRIES_MAX} tries")

    def _count(self, what: str) -> None:
        with self._mutex:
            self.told.tries[what] += 1

    def _buyers_use_things(self) -> None:
        """Keys are read and vouchers shown at tills, in the middle of everything."""
        draw, seen = random.Random(f"{self.seed}/use"), set[str]()
        while not self._over.wait(0.05):
            with self._mutex:
                orders = [order for number, order in self.told.accepted.items() if number not in seen]
            if not orders:
                continue
            order = draw.choice(orders)
            seen.add(order["channel_order_no"])
            for item in order["items"]:
                if item["kind"] == "card_key" and item["state"] == "delivered" and draw.random() < 0.7:
                    self.reveal(item["entitlement"])
                if item["kind"] == "voucher" and draw.random() < 0.7:
                    self._redeem(item["entitlement"])

    def reveal(self, right: str) -> None:
        """Read a right's key and remember what was shown."""
        try:
            shown = self.stack.channel.raw("POST", f"/entitlements/{right}/reveal")
        except httpx2.TransportError:
            return
        if shown.status_code == 200:
            with self._mutex:
                self.told.revealed.setdefault(right, set()).add(shown.json()["code"])

    def _redeem(self, right: str) -> None:
        try:
            code = self.stack.channel.raw("POST", f"/entitlements/{right}/code")
            if code.status_code != 200:
                return
            till = {"base_url": self.stack.url, "key": self.stack.partner.key, "code": code.json()["code"], "till": "t",
                    "request_no": f"till-{right}"[:64]}  # fmt: skip
            with httpx2.Client(timeout=CLIENT_TIMEOUT_S, trust_env=False, verify=False) as http:
                told = http.post(f"{self.stack.simulator_url}/till/scan", json=till).json()
        except httpx2.TransportError:
            return
        self.told.redeemed += bool(told["redeemed"])

    # -- the weather ---------------------------------------------------------------------------------------------------

    def _weather(self) -> None:
        """Every second another mixture of faults rules at each supplier."""
        draw, tick = random.Random(f"{self.seed}/weather"), 0
        while not self._over.is_set():
            for supplier in suppliers.SUPPLIERS:
                rules = suppliers.weather(supplier, tick, draw)
                self.told.faults.update(rule["fault"] for rule in rules)
                self.stack.world.faults(supplier, *rules)
            tick += 1
            self._over.wait(1.0)

    def _reaper(self) -> None:
        """SIGKILL at random; started again a little later. The simulator and the database are not ours to kill.

        Most get to their feet first; some are killed while they are still starting.
        """
        draw = random.Random(f"{self.seed}/reaper")
        ours = sorted(name for name in self.stack.processes if name != "simulator")
        while not self._over.is_set():
            for name in draw.sample(ours, k=len(ours)):
                if self._over.wait(draw.uniform(0.3, 2) * self.gap_s):
                    return
                if draw.random() > KILLED_AS_CHILDREN and not self.stack.is_up(name):
                    continue
                self.stack.kill(name)
                self.told.kills[name] += 1
                self._over.wait(draw.uniform(0, 0.5))
                self.stack.start(name, wait=False)

    def _deliveries_of_stock(self) -> None:
        """The rare kind is not there at first: two lots come while orders wait for it."""
        wanted = int(self.orders * RARE_KEYS_LATE)
        for lot in range(2):
            while not self._over.is_set() and len(self.told.accepted) < self.orders * (lot + 1) // 4:
                self._over.wait(0.05)
            codes = [f"{self.name}-rare-{lot}-{number}" for number in range(wanted // 2)]
            self._import("rare", codes)

    def _import(self, benefit: str, codes: list[str]) -> None:
        """An upload that broke is sent again, from its first byte."""
        for _ in range(TRIES_MAX):
            try:
                alliance.import_keys(self.stack, benefit, codes)
                return
            except httpx2.TransportError:
                time.sleep(0.3)  # the web is starting again
        raise AssertionError("the keys could not be imported")
