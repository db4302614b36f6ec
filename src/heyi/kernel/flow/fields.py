"""What conditions of a flow may look at: the order, the item itself, and the order's other components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from heyi.kernel.condition import Catalogue, Field, Type

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("order.channel", Type.TEXT, "渠道", "the channel"),
        Field("order.bundle", Type.TEXT, "套餐", "the bundle"),
        Field("order.version", Type.INTEGER, "版本", "the version"),
        Field("order.amount", Type.MONEY, "订单金额", "the order's amount"),
        Field("order.quantity", Type.INTEGER, "购买数量", "the quantity"),
        Field("order.paid_at", Type.TIME, "支付时间", "the time of payment"),
        Field("item.accounts", Type.SET, "已提供的账号", "the set of accounts given"),
        Field("now", Type.TIME, "当前时间", "the time then"),
    )
}
# Of a component with several items: one of them is enough for the first three, `ended` and `failed` mean all.
COMPONENT: Mapping[str, tuple[Type, str, str]] = {
    "delivered": (Type.BOOLEAN, "「{}」已交付", "{} is delivered"),
    "activated": (Type.BOOLEAN, "「{}」已激活", "{} is activated"),
    "redeemed": (Type.BOOLEAN, "「{}」已核销", "{} is redeemed"),
    "ended": (Type.BOOLEAN, "「{}」已结束", "{} has ended"),
    "failed": (Type.BOOLEAN, "「{}」交付失败", "{} could not be delivered"),
    "delivered_at": (Type.TIME, "「{}」的交付时间", "the time at which {} was delivered"),
    "activated_at": (Type.TIME, "「{}」的激活时间", "the time at which {} was activated"),
}


class FlowFields(Catalogue):
    """The catalogue for a version whose components have these titles by code; None: of any (it was checked before)."""

    def __init__(self, titles: Mapping[str, str] | None, zone: ZoneInfo) -> None:
        super().__init__(FIELDS, zone)
        self.titles = titles

    def find(self, name: str) -> Field | None:
        head, _, rest = name.partition(".")
        if head != "component":
            return super().find(name)
        code, _, what = rest.rpartition(".")
        if what not in COMPONENT or (self.titles is not None and code not in self.titles):
            return None
        type, zh, en = COMPONENT[what]
        title = (self.titles or {}).get(code, code)
        return Field(name, type, zh.format(title), en.format(title))


@dataclass(frozen=True, slots=True)
class Seen:
    """One item of an order as the others see it. `over`: nothing will happen to it any more."""

    component: str
    delivered_at: datetime | None = None
    activated_at: datetime | None = None
    redeemed: bool = False
    ended: bool = False
    failed: bool = False
    over: bool = False


def of_components(items: Iterable[Seen]) -> dict[str, object]:
    """The fields of an order's components. A time that is not there yet is left out."""
    by_component: dict[str, list[Seen]] = {}
    for item in items:
        by_component.setdefault(item.component, []).append(item)
    facts: dict[str, object] = {}
    for code, seen in by_component.items():
        here = f"component.{code}."
        delivered = [one.delivered_at for one in seen if one.delivered_at is not None]
        activated = [one.activated_at for one in seen if one.activated_at is not None]
        facts |= {
            f"{here}delivered": bool(delivered),
            f"{here}activated": bool(activated),
            f"{here}redeemed": any(one.redeemed for one in seen),
            f"{here}ended": all(one.ended for one in seen),
            f"{here}failed": all(one.failed for one in seen),
            f"{here}over": all(one.over for one in seen),
        }
        if delivered:
            facts[f"{here}delivered_at"] = min(delivered)
        if activated:
            facts[f"{here}activated_at"] = min(activated)
    return facts
