"""A small alliance made through the contexts' own actions: what the flows' tests buy and use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from tests.provision.stock.world import put_keys

from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Validity
from heyi.offer import catalog, partner
from heyi.offer.catalog.model import Component, Document, Properties
from heyi.order.checkout import Asked
from heyi.settle import ledger

PHONE = AccountField("phone", "手机号", r"1\d{10}")
KEYS = 40


@dataclass(frozen=True)
class World:
    """Ids of what was made. `bundle` is a five-part bundle for 99.00: two card keys, a voucher, a link, a top-up."""

    partner: UUID
    channel: UUID
    supplier: UUID
    bundle: str
    benefits: dict[str, UUID]

    def asks(self, number: str, buyer: str = "u-1", **more: object) -> Asked:
        """An order of the bundle. The fingerprint stands for the whole question."""
        asked = Asked(
            self.channel, number, buyer, self.bundle, 1, b"0" * 16, accounts={"phone": "13800138000"},
            personal={"id": buyer},
        )  # fmt: skip
        return replace(asked, **more)  # type: ignore[arg-type]


async def make_world(tools: Tools, *, name: str = "w", deposit_minor: int = 1_000_000, keys: int = KEYS,
                     sold_out: str = "wait") -> World:  # fmt: skip
    """Everything needed to sell, under codes that begin with `name`."""
    now = tools.clock.now()
    supplier = new_id(millis(now))
    async with tools.db.transaction() as tx:
        maker = await partner.make_party(tx, "partner", code=f"{name}-partner", title="星河视频", now=now)
        channel = await partner.make_party(tx, "channel", code=f"{name}-channel", title="渠道一", now=now)
        benefits: dict[str, UUID] = {}
        for code, kind, more in (
            ("coffee", "card_key", {}),
            ("tea", "card_key", {}),
            ("lounge", "voucher", {"units": 2, "validity": Validity(days=90)}),
            ("course", "link", {"link": "https://learn.example/r"}),
            ("video", "top_up", {"fields": (PHONE,)}),
        ):
            made = await catalog.benefits.make(
                tx, code=f"{name}-{code}", partner_id=maker.id, kind=kind, title=code, market_price=Money(3000, "CNY"),
                properties=Properties(**more), now=now,  # type: ignore[arg-type]
            )  # fmt: skip
            benefits[code] = made.id
            source = {"card_key": "stock", "top_up": "supplier"}.get(kind, "own")
            await catalog.benefits.add_offer(
                tx, made.id, source=source, supplier_id=supplier if source == "supplier" else None, product_no="1001",
                cost=Money(1000, "CNY"), now=now,
            )  # fmt: skip
        bundle = await catalog.bundles.make(tx, code=f"{name}-joint", title="联合年卡", now=now)
        components = tuple(Component(code, f"{name}-{code}", weight=20) for code in benefits)
        document = Document(9900, "CNY", components, sold_out=sold_out)
        version = await catalog.bundles.draft(tx, bundle.id, document, now=now)
        await catalog.bundles.publish(tx, bundle.id, version.version, now=now)
        if deposit_minor:
            await ledger.top_up(tx, channel.id, Money(deposit_minor, "CNY"), key="first", memo="deposit", now=now)
    for code in ("coffee", "tea"):
        await put_keys(tools, benefits[code], [f"{name}-{code}-{n:06}" for n in range(keys)])
    return World(maker.id, channel.id, supplier, f"{name}-joint", benefits)


async def books(tools: Tools) -> dict[tuple[str, str], int]:
    """The trial balance; fails when it does not add up to zero or a deposit has drifted."""
    async with tools.db.transaction() as tx:
        sums, drifted = await ledger.audit(tx)
    assert not drifted
    assert sum(sums.values()) == 0
    return sums
