"""A till, a buyer and a voucher, for the tests of redeem and expire."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from tests.provision.entitlement.making import Validity, Wallet, part

from heyi.flows import redeem
from heyi.infra.tools import Tools
from heyi.provision import redemption
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Asked, Redemption
from heyi.settle import ledger

_numbers = count(1)


@dataclass
class Shop:
    """One partner, one buyer, and what they do. Every code shown is fresh: the clock moves on by a step."""

    tools: Tools
    partner_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.wallet = Wallet(self.tools)

    async def voucher(self, units: int = 3, *, days: int | None = None, **more: object) -> Right:
        validity = Validity(days=days)
        return await self.wallet.grant(part(partner_id=self.partner_id, units=units, validity=validity, **more))

    async def code(self, right: Right) -> str:
        self.forward(seconds=30)
        return (await redeem.show_code(self.tools, right.channel_id, right.id)).text

    def asked(self, code: str, *, units: int = 1, till: str = "till-1", request_no: str | None = None) -> Asked:
        return Asked(self.partner_id, code, units, till, request_no or f"R{next(_numbers)}")

    async def prepare(self, right: Right, units: int = 1) -> Redemption:
        return (await redeem.prepare(self.tools, self.asked(await self.code(right), units=units)))[0]

    async def redeem(self, right: Right, units: int = 1) -> Redemption:
        made = await self.prepare(right, units)
        self.forward(seconds=1)  # facts are told in the order of their moments
        return (await redeem.confirm(self.tools, self.partner_id, made.id))[0]

    async def see(self, right: Right) -> Right:
        return await self.wallet.see(right.id)

    async def units(self, right: Right) -> tuple[int, int, int]:
        """(left, reserved, used)."""
        now = await self.see(right)
        return now.units_left, now.units_reserved, now.units_used

    def forward(self, **by: float) -> None:
        self.tools.clock.forward(timedelta(**by))  # type: ignore[attr-defined]

    async def books(self, right: Right) -> dict[str, int]:
        """What the right's order earned and cost so far, in fen; the entries balance."""
        async with self.tools.db.reading() as tx:
            lines = await ledger.lines_of_order(tx, right.order_id)
        sums: dict[str, int] = {}
        for line in lines:
            sums[line.account] = sums.get(line.account, 0) + line.amount_minor
        assert sum(sums.values()) == 0
        payable = sums.get(f"payable:{self.partner_id}", 0)
        return {"earned": -sums.get("earned", 0), "cost": sums.get("cost", 0), "payable": -payable}

    async def facts(self, right: Right) -> list[str]:
        """The names of the right's facts, in the order of writing, without those of the order."""
        return [row.name for row in await self._rows("infra.facts", "entitlement_id", right.id)]

    async def refusals(self) -> list[tuple[str, str]]:
        """(word, reason) of every refused attempt of this partner, oldest first."""
        rows = await self._rows("redemption.refusals", "partner_id", self.partner_id)
        return [(row.verb, row.reason) for row in rows]

    async def list(self, **filters: Any) -> list[Redemption]:
        async with self.tools.db.reading() as tx:
            return await redemption.search(tx, partner_id=self.partner_id, limit=10_000, **filters)

    async def _rows(self, table: str, column: str, id: UUID) -> list[Any]:
        async with self.tools.db.reading() as tx:
            return await tx.rows(f"select * from {table} where {column} = %(id)s order by at, id", id=id)  # type: ignore[arg-type]  # noqa: S608
