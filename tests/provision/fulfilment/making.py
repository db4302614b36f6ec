"""Small makers for the tests of fulfilment."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Due, Offer, Part
from heyi.provision.fulfilment import Plan

LANE = 7
PHONE = AccountField("phone", "手机号", r"1\d{10}")


def part(
    now: datetime,
    *,
    kind: str = "top_up",
    supplier: UUID | None = None,
    source: str | None = None,
    due: Due | None = None,
    accounts: dict[str, str] | None = None,
    benefit: UUID | None = None,
    **more: Any,
) -> Part:
    """A part as the catalog would make it; a top-up of 视频会员 for 15.00 unless told otherwise."""
    ms = millis(now)
    where = source or ("supplier" if supplier else "stock" if kind == "card_key" else "own")
    return Part(
        component=more.pop("component", "video"),
        role="core",
        benefit_id=benefit or new_id(ms),
        benefit="video-month",
        title="视频会员月卡",
        kind=kind,
        partner_id=new_id(ms),
        share=Money(2000, "CNY"),
        due=due or Due("now"),
        offer=Offer(new_id(ms), where, supplier, more.pop("product_no", "1001"), Money(1500, "CNY")),
        fields=(PHONE,) if kind == "top_up" else (),
        accounts={"phone": "13800138000"} if accounts is None and kind == "top_up" else accounts or {},
        **more,
    )


def plan_of(now: datetime, one: Part, item_state: str = "delivering", *, order: UUID | None = None) -> Plan:
    ms = millis(now)
    return Plan(
        LANE, new_id(ms, LANE), new_id(ms, LANE), order or new_id(ms, LANE), new_id(ms, LANE), one, item_state,
        {"name": "王", "phone": "13800138000", "address": "上海"} if one.kind == "physical" else None,
    )  # fmt: skip
