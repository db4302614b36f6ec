"""Rights for tests: parts as the catalog would make them, granted in a database or made up in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import lane_for, new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Due, Offer, Part, Validity
from heyi.provision import entitlement
from heyi.provision.entitlement import Arrival, Grant, Right
from heyi.provision.entitlement.model import Properties

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PHONE = AccountField("phone", "手机号", r"1\d{10}")
QQ = AccountField("qq", "QQ号", r"\d{5,11}")


def cny(fen: int) -> Money:
    return Money(fen, "CNY")


def part(
    kind: str = "voucher", *, partner_id: UUID | None = None, share: int = 1000, cost: int = 600, **more: object
) -> Part:
    """A part of this kind; vouchers earn by use, as the catalog sets it."""
    more.setdefault("earn_on", "use" if kind == "voucher" else "delivery")
    offer = Offer(uuid4(), "own", None, "", cny(cost))
    return Part(
        "slot", "core", uuid4(), f"some-{kind}", "某权益", kind, partner_id or uuid4(), cny(share), Due("now"), offer,
        **more,
    )  # type: ignore[arg-type]  # fmt: skip


@dataclass
class Wallet:
    """A buyer of a channel, and what was granted to him in the module's database."""

    tools: Tools
    channel_id: UUID = field(default_factory=uuid4)
    buyer: str = "u-1"

    def plan(self, part: Part, item_state: str = "delivered", **more: object) -> Grant:
        lane, now_ms = lane_for(self.channel_id, self.buyer), millis(self.tools.clock.now())
        order, item = new_id(now_ms, lane), new_id(now_ms, lane)
        return Grant(lane, new_id(now_ms, lane), self.channel_id, self.buyer, order, item, part, item_state, **more)  # type: ignore[arg-type]

    async def grant(self, part: Part, item_state: str = "delivered", **more: object) -> Right:
        return (await self.grant_all([self.plan(part, item_state, **more)]))[0]

    async def grant_link(self, link: str = "https://learn.example/{entitlement}") -> Right:
        return await self.grant(part("link", link=link))

    async def grant_all(self, grants: Sequence[Grant]) -> list[Right]:
        async with self.tools.db.transaction() as tx, tx.pipeline():
            await entitlement.grant(tx, grants, now=self.tools.clock.now())
        return [await self.see(one.id) for one in grants]

    async def see(self, id: UUID) -> Right:
        async with self.tools.db.reading() as tx:
            return await entitlement.find(tx, id, now=self.tools.clock.now())

    async def arrive(self, right: Right) -> None:
        """Its delivery has happened."""
        async with self.tools.db.transaction() as tx:
            await entitlement.arrive(tx, [Arrival(right.lane, right.id)], now=self.tools.clock.now())

    async def hold(self, right: Right, reason: str = "dispute") -> None:
        """Nothing sets holds yet, so the test does."""
        async with self.tools.db.transaction() as tx:
            await tx.run(
                "insert into entitlement.holds (lane, id, entitlement_id, reason, since, by)"
                " values (%(lane)s, %(id)s, %(right)s, %(reason)s, %(now)s, 'test')",
                lane=right.lane, id=uuid4(), right=right.id, reason=reason, now=self.tools.clock.now(),
            )  # fmt: skip


def a_right(
    state: str = "active", kind: str = "voucher", *, units: int = 1, left: int | None = None, **more: object
) -> Right:
    """A right in memory, without a database."""
    kept = {name: more.pop(name) for name in list(more) if name in Properties.__struct_fields__}
    fields: dict[str, object] = {
        "ended_why": None, "units_reserved": 0, "valid_from": NOW, "valid_to": None, "provider_state": None,
        "provider_heard_at": None, "created_at": NOW, "activated_at": None, "ended_at": None, **more,
    }  # fmt: skip
    properties = Properties(**{"share": cny(1000), "cost": cny(600), **kept})  # type: ignore[arg-type]
    return Right(
        uuid4(), uuid4(), "u-1", uuid4(), uuid4(), "slot", "some", "某权益", kind, uuid4(), state,
        units_total=units, units_left=units if left is None else left, properties=properties, **fields,
    )  # type: ignore[arg-type,misc]  # fmt: skip


__all__ = ["DAY", "NOW", "PHONE", "QQ", "Validity", "Wallet", "a_right", "cny", "part"]
