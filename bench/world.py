"""The alliance that is measured: made through the contexts' own actions, never by inserting rows."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bench.report import say
from heyi.flows import buy
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY, LINK, TOP_UP, VOUCHER, AccountField, Validity
from heyi.offer import catalog, partner
from heyi.offer.catalog.model import Component, Document, Properties
from heyi.order.checkout import Asked
from heyi.provision import stock
from heyi.provision.stock.model import Layout
from heyi.settle import ledger

FIVE, CARDS = "bench-five", "bench-cards"
PRICE_MINOR = 9900
DEPOSIT_MINOR = 10**13
PHONE = AccountField("phone", "手机号", r"1\d{10}")
PRODUCT_NO = "1001"  # the simulator's video month
# code, kind, title, source, cost in fen, properties
BENEFITS = (
    ("coffee-card", CARD_KEY, "咖啡兑换卡", "stock", 1200, Properties(Validity(days=90))),
    ("takeaway-card", CARD_KEY, "外卖红包卡", "stock", 480, Properties(Validity(days=30))),
    ("lounge-visit", VOUCHER, "机场贵宾厅单次", "own", 4500, Properties(Validity(days=180), units=1)),
    ("reading-link", LINK, "电子书年卡", "own", 300,
     Properties(Validity(days=365), link="https://books.example/claim?e={entitlement}")),
    ("video-month", TOP_UP, "视频会员月卡", "supplier", 1500, Properties(Validity(days=31), fields=(PHONE,))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """What the load generator and the ceiling must know."""

    channel_id: UUID
    channel_key: str
    benefits: dict[str, UUID]


async def make(tools: Tools, supplier_id: UUID, *, keys_each: int, sold: int) -> World:
    """Partners, benefits, a bundle of five parts and one of two cards, `keys_each` keys of either card, money; and
    then `sold` orders of the two cards, so that the stock is sold down as in life.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        benefits = await _benefits(tx, tools, supplier_id)
        await _bundle(tx, tools, FIVE, tuple([code for code, *_ in BENEFITS]))
        await _bundle(tx, tools, CARDS, ("coffee-card", "takeaway-card"))
        channel = await partner.make_party(tx, "channel", code="bench-app", title="Bench app", now=now)
        key = await partner.make_access_key(tx, "channel", channel.id, label="bench", rate_per_s=100_000, now=now)
        money = Money(DEPOSIT_MINOR, "CNY")
        await ledger.top_up(tx, channel.id, money, key="bench", memo="bench", now=now)
    for code in ("coffee-card", "takeaway-card"):
        say(f"  {keys_each:,} keys of {code}")
        await _keys(tools, benefits[code], code, keys_each)
    say(f"  {sold:,} orders of two cards sold before")
    await _sell(tools, channel.id, sold)
    return World(channel.id, key.secret, benefits)


async def _benefits(tx: Tx, tools: Tools, supplier_id: UUID) -> dict[str, UUID]:
    now = tools.clock.now()
    house = await partner.make_party(tx, "partner", code="bench-partner", title="Bench partner", now=now)
    made = {}
    for code, kind, title, source, cost, properties in BENEFITS:
        benefit = await catalog.benefits.make(
            tx, code=code, partner_id=house.id, kind=kind, title=title, market_price=Money(cost * 2, "CNY"),
            properties=properties, now=now,
        )  # fmt: skip
        await catalog.benefits.add_offer(
            tx, benefit.id, source=source, supplier_id=supplier_id if source == "supplier" else None,
            product_no=PRODUCT_NO if source == "supplier" else "", cost=Money(cost, "CNY"), now=now,
        )  # fmt: skip
        made[code] = benefit.id
    return made


async def _bundle(tx: Tx, tools: Tools, code: str, benefits: tuple[str, ...]) -> None:
    now = tools.clock.now()
    bundle = await catalog.bundles.make(tx, code=code, title=code, now=now)
    parts = tuple([Component(name, name, weight=10 + place) for place, name in enumerate(benefits)])
    version = await catalog.bundles.draft(tx, bundle.id, Document(PRICE_MINOR, "CNY", parts), now=now)
    await catalog.bundles.publish(tx, bundle.id, version.version, now=now)


async def _keys(tools: Tools, benefit_id: UUID, code: str, count: int) -> None:
    """Import a CSV of cards: a number, a password, and one of four expiry dates."""
    now = tools.clock.now()
    layout = Layout("csv", {"code": "code", "secret": "secret", "expires": "expires"})
    async with tools.db.transaction() as tx:
        work = await stock.imports.create(
            tx, tools.sealing, benefit_id=benefit_id, batch=f"bench-{code}", cost=Money(500, "CNY"), layout=layout,
            dry_run=False, now=now,
        )  # fmt: skip

    async def pieces() -> AsyncIterator[bytes]:
        chance = random.Random(code)
        yield b"code,secret,expires\n"
        for start in range(0, count, 5000):
            lines = []
            for n in range(start, min(start + 5000, count)):
                day = now + timedelta(days=400 + 90 * (4 * n // count))
                lines.append(f"{code[:3].upper()}{n:010d},{chance.getrandbits(64):016x},{day:%Y-%m-%d}\n")
            yield "".join(lines).encode()

    async with tools.db.transaction() as tx:
        reader = await stock.imports.begin(tx, tools.sealing, work.id, zone=tools.settings.zone, now=now)
    async for chunk in stock.imports.chunks(reader, pieces(), tools.clock):
        async with tools.db.transaction() as tx:
            work, _ = await stock.imports.add(tx, work, chunk, now=tools.clock.now())
    if work.rows_added != count:
        raise RuntimeError(f"only {work.rows_added} of {count} keys were taken: {work}")


async def _sell(tools: Tools, channel_id: UUID, count: int) -> None:
    for start in range(0, count, 64):
        answers = await buy.buy(tools, [asked(channel_id, CARDS, n) for n in range(start, min(start + 64, count))])
        if refused := [answer for answer in answers if isinstance(answer, Refused)]:
            raise RuntimeError(f"an order was refused: {refused[0]}")


def asked(channel_id: UUID, bundle: str, n: int) -> Asked:
    """An order as the door hands it on."""
    phone = f"138{n % 10_000_000:07d}1"
    accounts = {"phone": phone} if bundle == FIVE else {}
    return Asked(
        channel_id, f"{bundle}-{n:08d}", f"u-{n:08d}", bundle, 1, n.to_bytes(16, "big"), accounts=accounts,
        personal={"id": f"u-{n:08d}", "phone": phone}, metadata={"campaign": "autumn"},
    )  # fmt: skip
