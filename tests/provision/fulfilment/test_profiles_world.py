"""Each shipped profile against the simulator that speaks its dialect, written from the same documents by other hands:
the whole menu of faults, callbacks as they are really sent, and looks."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from tests.learned import learned
from tests.provision.fulfilment.shops import secret_of

from heyi.infra.http import Heard as Exchange
from heyi.infra.http import Http
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Accepted, Answer, Cure, Declined, Delivered, Failed, NotFound, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.suppliers import SHIPPED, Callback, Heard, Order, Refusal, engine, profile
from heyi.provision.fulfilment.suppliers.speech import Balance, Product, ProductPage
from simulator.dialects import SPEECHES

CODES = sorted(set(SHIPPED) & set(SPEECHES))
ONCE = {"dujiao_next", "agiso"}  # asked by sending the purchase again: their simulators take a number once
DEAF = {"acg_faka"}  # an order whose answer was lost cannot be asked about
NO_GUARD = {"chengquan", "shangteng", "dujiao_next", "acg_faka", "agiso", "fulu"}  # no safe price in the request
TIMEOUT_S = 1.5  # a busy machine answers within it

# (rules, account, what it must end as). `lost`: the answer to the purchase never came.
TOP = "13800138000"
MENU: list[tuple[str, dict[str, Any], str]] = [
    ("plain", {}, "delivered"),
    ("delay", {"fault": "delay", "delay_ms": 50}, "delivered"),
    ("before", {"fault": "timeout_before_accept", "times": 1}, "never"),
    ("broken-before", {"fault": "error_500_before_accept", "times": 1}, "never"),
    ("after", {"fault": "timeout_after_accept", "times": 1}, "lost"),
    ("broken-after", {"fault": "error_500_after_accept", "times": 1}, "lost"),
    ("unreadable", {"fault": "unreadable_body", "times": 1}, "lost"),
    ("garbled", {"fault": "garbled_charset", "times": 1}, "any"),
    ("drip", {"fault": "slow_drip", "delay_ms": 60, "times": 1}, "delivered"),
    ("code", {"fault": "wrong_status", "what": "code", "times": 1}, "lost"),
    ("status", {"fault": "wrong_status", "what": "status", "times": 1}, "any"),
    ("asked-code", {"fault": "wrong_status", "what": "code", "times": 1, "on": "query"}, "delivered"),
    ("asked-status", {"fault": "wrong_status", "what": "status", "times": 1, "on": "query"}, "delivered"),
    ("asked-error", {"fault": "query_error", "times": 2, "on": "query"}, "delivered"),
    ("asked-page", {"fault": "unreadable_body", "times": 2, "on": "query"}, "delivered"),
    ("hasty", {"fault": "query_rate_limited", "limit": 0, "window_ms": 60_000, "times": 3}, "delivered"),
    (
        "hasty-http",
        {"fault": "query_rate_limited", "limit": 0, "window_ms": 60_000, "times": 2, "what": "http"},
        "delivered",
    ),
    ("hidden", {"fault": "query_not_found_for_ms", "delay_ms": 250}, "delivered"),
    ("sold-out", {"fault": "sold_out"}, "declined"),
    ("poor", {"fault": "balance_empty"}, "declined"),
    ("declined", {"fault": "decline"}, "declined"),
    ("dearer", {"fault": "price_rise"}, "price"),
    ("price-lied", {"fault": "price_lies", "percent": 50}, "price"),
    ("stock-lied", {"fault": "stock_lies"}, "declined"),
    ("failed", {"fault": "fail_after_accept"}, "failed"),
    ("lied", {"fault": "lie_failed_then_success", "delay_ms": 250}, "late"),
    ("stuck", {"fault": "stuck"}, "open"),
    ("partial", {"fault": "partial_cards"}, "open"),
]


@dataclass
class Counter:
    """A supplier of the simulator, our account there, and the profile that speaks for it."""

    url: str
    name: str
    account: Account
    http: Http
    kinds: tuple[str, ...]
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))  # time runs out for nobody who waits

    def faults(self, *rules: dict[str, Any]) -> None:
        httpx2.put(f"{self.url}/control/suppliers/{self.name}/faults", json=list(rules)).raise_for_status()

    def delivered(self) -> dict[str, int]:
        told: dict[str, int] = httpx2.get(f"{self.url}/control/suppliers/{self.name}/deliveries").json()["by_outer"]
        return told

    async def say(self, verb: str, order: Order) -> Answer:
        speak = self.account.connector.submit if verb == "submit" else self.account.connector.query
        order = replace(order, at=datetime.now(UTC))
        heard: list[Exchange] = []
        async with self.turns:
            return await self.http.hold(speak(self.account, order), timeout_s=TIMEOUT_S, heard=heard)

    async def ask_until(self, order: Order, *wanted: type[Answer], within_s: float = 3.0) -> Answer:
        """Asked again and again, as the worker does, until one of these answers comes; else the last one."""
        end = asyncio.get_running_loop().time() + within_s
        while True:
            answer = await self.say("query", order)
            if isinstance(answer, Accepted) and answer.supplier_number:
                order = replace(order, supplier_number=answer.supplier_number)
            if isinstance(answer, wanted) or asyncio.get_running_loop().time() > end:
                return answer
            await asyncio.sleep(0.03)


_names = itertools.count(1)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http() as http:
        yield http


def counter(
    url: str, code: str, http: Http, callback_url: str = "", *, shipped: bool = False, **settings: Any
) -> Counter:
    """`shipped`: spoken with as it is delivered, before anything was learned."""
    name = f"{code.replace('_', '-')}-world-{next(_names)}"
    known = learned(code)
    if code in ONCE:
        known["counts_once"] = True
    dialect = engine.compile(SHIPPED[code] if shipped else profile.read(known))
    values = ["10001", secret_of(name)]
    made = {
        "dialect": code, "work_ms": 30, "callback_url": callback_url, "callback_resends": 0, "calls_per_s": 0,
        "credentials": dict(zip(SPEECHES[code].credentials, values, strict=True)),
        "products": [
            {"id": "1001", "name": "视频会员月卡", "price_fen": 1500, "pattern": r"^1\d{10}$"},
            {"id": "1101", "name": "外卖红包卡密", "kind": "card", "price_fen": 480, "stock": 1000},
        ],
        **settings,
    }  # fmt: skip
    httpx2.put(f"{url}/control/suppliers/{name}", json=made).raise_for_status()
    account = Account(
        new_id(1), name, code, f"{url}/{name}",
        dict(zip([one.name for one in dialect.credentials], values, strict=True)), callback_url, 400, 0, 0, dialect,
    )  # fmt: skip
    return Counter(url, name, account, http, dialect.kinds)


def order_of(kind: str, word: str, account: str = TOP) -> Order:
    outer = f"{word.replace('-', '')[:14]:0<14}{next(_names):012d}-1"
    given = (("phone", account),) if kind == "top_up" else ()
    number, cost = ("1001", 1500) if kind == "top_up" else ("1101", 480)
    return Order(
        outer, kind, Request(title="视频会员", product_no=number, accounts=given, cost_minor=cost), datetime.now(UTC)
    )


@pytest.mark.parametrize("shipped", [False, True])
@pytest.mark.parametrize("code", CODES)
async def test_a_profile_stands_every_fault(simulator_url: str, http: Http, code: str, shipped: bool) -> None:
    """Nothing is bought twice, nothing is called delivered that was not, and no silence is taken for a no. As shipped,
    what no document tells stays unknown: then a person is needed, and nothing else is different."""
    shop = counter(simulator_url, code, http, shipped=shipped)
    runs = [
        (word, rule, end, order_of(kind, word))
        for kind in shop.kinds
        for word, rule, end in MENU
        if kind == "card_key" or word != "partial"
    ]
    shop.faults(*({"hold_ms": 4000, **rule, "outer": order.outer_number} for _, rule, _, order in runs if rule))
    ends = ["open" if shipped and word not in ("plain", "hidden") else end for word, _, end, _ in runs]
    seen = await asyncio.gather(*(run(shop, code, end, one[-1]) for end, one in zip(ends, runs, strict=True)))
    delivered = shop.delivered()
    for (word, _, end, order), (first, last) in zip(runs, seen, strict=True):
        made = delivered.get(order.outer_number, 0)
        where = f"{code} {order.kind} {word}: first {first}, last {last}, delivered {made}"
        assert made <= 1, where
        if isinstance(last, Delivered):
            assert made == 1, where
            assert len(last.cards) == (order.kind == "card_key"), where
        if isinstance(last, Declined | NotFound):
            assert made == 0 or end == "late", where
        if not shipped or word in ("plain", "hidden"):
            check(code, end, first, last, made, where)


async def run(shop: Counter, code: str, end: str, order: Order) -> tuple[Answer, Answer]:
    first = await shop.say("submit", order)
    number = first.supplier_number if isinstance(first, Accepted) else None
    order = replace(order, supplier_number=number or "", may_repeat=True, sent_at=order.at)
    if isinstance(first, Delivered) or (isinstance(first, Declined) and end != "late"):
        return first, first
    if end == "open":
        return first, await shop.ask_until(order, Delivered, Failed, within_s=0.3)
    if end == "never":
        return first, await shop.ask_until(order, Delivered, Failed, NotFound, Declined, within_s=0.5)
    if end == "late":
        early = await shop.ask_until(order, Failed, Declined, within_s=0.3)
        late = await shop.ask_until(replace(order, may_repeat=code in ONCE), Delivered, within_s=1.5)
        return early if isinstance(first, Accepted) else first, late
    wait_s = 0.5 if code in DEAF else 3.0
    return first, await shop.ask_until(order, Delivered, Failed, Declined, within_s=wait_s)


def check(code: str, end: str, first: Answer, last: Answer, made: int, where: str) -> None:
    if code in DEAF and not isinstance(first, Accepted | Delivered | Declined):
        assert isinstance(last, Unknown), where  # their number was in the answer that was lost
        return
    match end:
        case "delivered" | "any":
            assert isinstance(last, Delivered), where
        case "lost":
            # Where an answer to a purchase shows no state, a strange state in it cannot be seen.
            assert isinstance(first, Unknown | Accepted), where
            assert isinstance(last, Delivered), where
        case "never":
            assert isinstance(first, Unknown), where
            assert isinstance(last, Delivered if code in ONCE else NotFound), where
        case "declined":
            assert isinstance(first, Declined), where
        case "price":
            guarded = code not in NO_GUARD
            assert isinstance(last, Declined if guarded else Delivered), where
            assert not guarded or first == last, where
        case "failed":
            assert isinstance(last, Failed | Declined), where
        case "late":
            assert isinstance(last, Delivered) or made == 0 or code in DEAF, where
        case "open":
            assert isinstance(last, Accepted | Unknown), where


@pytest.mark.parametrize("code", ["kasushou", "kayixin", "fulu", "fanchen", "yiqida", "dujiao_next", "agiso"])
async def test_lists_that_lie(simulator_url: str, http: Http, code: str) -> None:
    """What the list says of stock and price promises nothing: the purchase is refused, or tells what it really cost."""
    shop = counter(simulator_url, code, http)
    kind = shop.kinds[-1]
    number, cost = ("1001", 1500) if kind == "top_up" else ("1101", 480)
    stock, price = order_of(kind, "stock"), order_of(kind, "price")
    shop.faults(
        {"fault": "stock_lies", "outer": stock.outer_number},
        {"fault": "price_lies", "percent": 50, "outer": price.outer_number},
    )
    look = shop.account.connector.products
    if look is not None:
        page = await http.look(look(shop.account, datetime.now(UTC), 1), timeout_s=1, heard=[])
        assert isinstance(page, ProductPage)
        (shown,) = [one for one in page.products if one.product_no == number]
        assert (shown.price_minor, shown.on_sale, shown.stock is None or shown.stock > 0) == (cost, True, True)
    refused = await shop.say("submit", stock)
    assert isinstance(refused, Declined), refused
    assert refused.cure is Cure.OTHER_OFFER
    first, last = await run(shop, code, "price", price)
    guarded = code not in NO_GUARD
    assert isinstance(last, Declined if guarded else Delivered), (first, last)
    if isinstance(last, Delivered):
        assert last.cost_minor in (None, cost * 3 // 2), "what it really cost, or nothing"
    assert shop.delivered() == ({} if guarded else {price.outer_number: 1})


@pytest.mark.parametrize("code", [code for code in CODES if any("card_key" in s.kinds for s in SHIPPED[code].submit)])
async def test_a_card_that_was_sold_before_is_read_as_it_is(simulator_url: str, http: Http, code: str) -> None:
    """A profile cannot know; it must not buy again, change it or lose it. The vault sees that it has it already."""
    shop = counter(simulator_url, code, http)
    ends = []
    for word, rules in (("one", []), ("two", [{"fault": "duplicate_card"}])):
        shop.faults(*rules)
        _, last = await run(shop, code, "delivered", order_of("card_key", word))
        assert isinstance(last, Delivered), last
        ends.append(last.cards)
    assert len(ends[0]) == 1
    assert ends[0] == ends[1]
    assert sorted(shop.delivered().values()) == [1, 1]


@pytest.mark.parametrize("code", ["kasushou", "fulu", "kayixin", "yiqida", "mifeng", "chengquan"])
async def test_a_supplier_that_never_calls_back_is_asked(simulator_url: str, http: Http, code: str) -> None:
    """With its answers dripping in and queries turned away at first, it ends delivered, once, and nothing was heard."""
    caught: dict[str, list[Callback]] = {}
    async with listening(caught, code) as address:
        shop = counter(simulator_url, code, http, f"{address}/callbacks/token")
        kind = shop.kinds[0]
        order = order_of(kind, "silent")
        shop.faults(
            {"fault": "no_callback"},
            {"fault": "slow_drip", "delay_ms": 60, "on": "any"},
            {"fault": "query_rate_limited", "limit": 0, "window_ms": 60_000, "times": 2},
        )
        first = await shop.say("submit", order)
        assert isinstance(first, Accepted), first
        order = replace(order, supplier_number=first.supplier_number or "")
        for _ in range(2):
            hasty = await shop.say("query", order)
            assert isinstance(hasty, Unknown), "too many questions say nothing about the order"
        last = await shop.ask_until(order, Delivered, Failed, Declined, NotFound)
        assert isinstance(last, Delivered), last
        assert shop.delivered() == {order.outer_number: 1}
    assert caught == {}


@pytest.mark.parametrize(
    "code", [code for code in CODES if "top_up" in {k for s in SHIPPED[code].submit for k in s.kinds}]
)
async def test_a_wrong_account_goes_back_to_the_buyer(simulator_url: str, http: Http, code: str) -> None:
    shop = counter(simulator_url, code, http)
    answer = await shop.say("submit", order_of("top_up", "bad", "bad-account"))
    assert isinstance(answer, Declined), answer
    told_apart = code != "dujiao_next"  # there it is one code with every bad request
    assert answer.cure is (Cure.ASK_BUYER if told_apart else Cure.PERSON), answer


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("fault", ["ip_refused", "clock_skew", "wrong_key"])
async def test_a_closed_door_is_never_a_delivery(simulator_url: str, http: Http, code: str, fault: str) -> None:
    shop = counter(simulator_url, code, http)
    if fault == "wrong_key":
        *_, last = shop.account.credentials
        shop.account = replace(shop.account, credentials={**shop.account.credentials, last: "wrong"})
    else:
        shop.faults({"fault": fault, "delay_ms": 3_600_000})
    order = order_of(shop.kinds[-1], fault[:5])
    answer = await shop.say("submit", order)
    if fault == "clock_skew" and code in ("fanchen", "fanchen_xml", "acg_faka"):
        return  # they look at no clock
    assert isinstance(answer, Declined | Unknown), answer
    assert not isinstance(answer, Declined) or answer.cure is not Cure.ASK_BUYER
    again = await shop.say("query", replace(order, supplier_number="1"))
    unsigned = fault == "wrong_key" and code == "fanchen_xml"  # queries are not signed there
    assert isinstance(again, NotFound if unsigned else Unknown), again
    assert shop.delivered() == {}


CALLERS = [code for code in CODES if SHIPPED[code].callback is not None]


@pytest.mark.parametrize("code", CALLERS)
async def test_callbacks_as_they_are_sent(simulator_url: str, http: Http, code: str) -> None:
    """Signed by the simulator's own code, received raw, judged by the profile, acknowledged as it says."""
    caught: dict[str, list[Callback]] = {}
    async with listening(caught, code) as address:
        shop = counter(simulator_url, code, http, f"{address}/callbacks/token")
        trusted = ("plain", "callback_twice", "callback_out_of_order", "callback_before_answer")
        words = (*trusted, "callback_unsigned", "callback_tampered")
        orders = {word: order_of("top_up", word[-12:]) for word in words}
        shop.faults(*({"fault": word, "outer": o.outer_number} for word, o in orders.items() if word != "plain"))
        shown = {}
        for word, order in orders.items():
            before = {path: len(found) for path, found in caught.items()}
            await shop.say("submit", order)
            end = asyncio.get_running_loop().time() + 5
            least = 2 if word in ("callback_twice", "callback_out_of_order") else 1
            while len(new := caught.get("all", [])[before.get("all", 0) :]) < least:
                assert asyncio.get_running_loop().time() < end, f"{code}: no callback for {word}"
                await asyncio.sleep(0.02)
            shown[word] = new
    parse = shop.account.connector.parse_callback
    for word, callbacks in shown.items():
        for callback in callbacks:
            wanted = Heard(orders[word].outer_number) if word in trusted else Refusal("unsigned")
            assert parse(shop.account, callback, datetime.now(UTC)) == wanted, (word, callback)
            if word == "plain":
                fields = [one.name for one in shop.account.connector.credentials]
                stranger = replace(shop.account, credentials={**shop.account.credentials, fields[-1]: "other"})
                assert parse(stranger, callback, datetime.now(UTC)) == Refusal("unsigned")
                assert not isinstance(parse(shop.account, replace(callback, body=b"{}"), datetime.now(UTC)), Heard)
    listed = httpx2.get(f"{simulator_url}/control/suppliers/{shop.name}/orders", params={"limit": 100}).json()["data"]
    assert all(one["callback_acked"] for one in listed), "the profile's ack is not theirs"


@pytest.mark.parametrize("code", CODES)
async def test_looks(simulator_url: str, http: Http, code: str) -> None:
    """What we have left and what they sell, as far as their interface tells it."""
    shop = counter(simulator_url, code, http, balance="123.45")
    dialect, heard = shop.account.connector, list[Exchange]()
    now = datetime.now(UTC)
    balance = await http.look(dialect.balance(shop.account, now), timeout_s=1, heard=heard)
    assert balance is not None
    if SHIPPED[code].balance is None:
        assert (balance.fen, bool(balance.why), heard) == (None, True, [])
    else:
        assert balance == Balance(12345), heard
    wrong = replace(shop.account, credentials=dict.fromkeys(shop.account.credentials, "wrong"))
    refused = await http.look(dialect.balance(wrong, now), timeout_s=1, heard=heard)
    assert isinstance(refused, Balance)
    assert refused.fen is None
    assert refused.why
    if dialect.products is not None:
        page = await http.look(dialect.products(shop.account, now, 1), timeout_s=1, heard=heard)
        assert isinstance(page, ProductPage)
        assert (page.problem, page.next_page) == ("", None), heard[-1]
        known = {one.product_no: one for one in page.products}
        number, title, price = (
            ("1101", "外卖红包卡密", 480) if "card_key" in shop.kinds else ("1001", "视频会员月卡", 1500)
        )
        assert (known[number].price_minor, known[number].title) == (price, title), page
        assert known[number].kind in (shop.kinds[-1], "")
        assert known[number].on_sale
        broken = await http.look(dialect.products(wrong, now, 1), timeout_s=1, heard=heard)
        assert isinstance(broken, ProductPage)
        assert broken.problem
        assert broken.products == ()
    if dialect.product is not None:
        one = await http.look(dialect.product(shop.account, now, "1001"), timeout_s=1, heard=heard)
        assert isinstance(one, Product), (one, heard[-1])
        assert (one.product_no, one.price_minor) == ("1001", 1500)
        gone = await http.look(dialect.product(shop.account, now, "9999"), timeout_s=1, heard=heard)
        assert isinstance(gone, str)


class listening:
    """A small HTTP server that keeps what it hears raw, and answers with the dialect's ack."""

    def __init__(self, caught: dict[str, list[Callback]], code: str) -> None:
        self.caught, self.ack = caught, engine.compile(SHIPPED[code]).ack

    async def __aenter__(self) -> str:
        self.server = await asyncio.start_server(self.hear, "127.0.0.1", 0)
        host, port = self.server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        _, _, query = first.split(" ")[1].partition("?")
        self.caught.setdefault("all", []).append(Callback(headers, query, body))
        told = self.ack.body.encode()
        writer.write(
            f"HTTP/1.1 {self.ack.status} OK\r\nContent-Type: {self.ack.content_type}\r\n"
            f"Content-Length: {len(told)}\r\nConnection: close\r\n\r\n".encode()
            + told
        )
        await writer.drain()
        writer.close()


def test_what_the_simulator_speaks_has_a_profile() -> None:
    assert set(SPEECHES) - {"partner"} <= set(SHIPPED), "a dialect without a profile"
    assert json.dumps(CODES)
