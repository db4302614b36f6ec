"""What conditions of a flow may look at: the order, the item itself, and the order's other components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
        Field("order.paid_at", Type.TIME, "支付时间", "the payment"),
        Field("item.accounts", Type.SET, "已提供的账号", "the accounts given"),
        Field("now", Type.TIME, "此时", "that moment"),
    )
}
Statement = tuple[str, str]  # Chinese and English, with a place for the component's title
# What may be asked of a component: type, name, and the denial of a statement. Of a component with several items, one of
# them is enough for the first three; `ended` and `failed` mean all.
COMPONENT: Mapping[str, tuple[Type, Statement, Statement | None]] = {
    "delivered": (Type.BOOLEAN, ("「{}」已交付", "{} is delivered"), ("「{}」未交付", "{} is not delivered")),
    "activated": (Type.BOOLEAN, ("「{}」已激活", "{} is activated"), ("「{}」未激活", "{} is not activated")),
    "redeemed": (Type.BOOLEAN, ("「{}」已核销", "{} is redeemed"), ("「{}」未核销", "{} is not redeemed")),
    "ended": (Type.BOOLEAN, ("「{}」已结束", "{} has ended"), ("「{}」未结束", "{} has not ended")),
    "failed": (
        Type.BOOLEAN,
        ("「{}」交付失败", "the delivery of {} has failed"),
        ("「{}」没有交付失败", "the delivery of {} has not failed"),
    ),
    "delivered_at": (Type.TIME, ("「{}」的交付时间", "the delivery of {}"), None),
    "activated_at": (Type.TIME, ("「{}」的激活时间", "the activation of {}"), None),
}


class FlowFields(Catalogue):
    """The catalogue for a version whose components have these titles by code (None: of any), and whose amounts are in
    this currency (None: in any).
    """

    def __init__(self, titles: Mapping[str, str] | None, zone: ZoneInfo, currency: str | None = None) -> None:
        fields = {**FIELDS, "order.amount": replace(FIELDS["order.amount"], currency=currency)}
        super().__init__(fields, zone)
        self.titles = titles

    def find(self, name: str) -> Field | None:
        head, _, rest = name.partition(".")
        if head != "component":
            return super().find(name)
        code, _, what = rest.rpartition(".")
        if what not in COMPONENT or (self.titles is not None and code not in self.titles):
            return None
        return component_field(code, what, (self.titles or {}).get(code, code))

    def all(self) -> list[Field]:
        """Every field there is; of any component none, when there are no titles."""
        own = [component_field(code, what, title) for code, title in (self.titles or {}).items() for what in COMPONENT]
        return [*self.fields.values(), *own]


def component_field(code: str, what: str, title: str) -> Field:
    """What may be asked of a component, called by its title."""
    type, said, denied = COMPONENT[what]
    zh, en = (text.replace("{}", title) for text in said)
    denial = None if denied is None else (denied[0].replace("{}", title), denied[1].replace("{}", title))
    return Field(f"component.{code}.{what}", type, zh, en, denial=denial)


@dataclass(frozen=True, slots=True)
class Seen:
    """One item of an order as the others see it: what became of it, and when. After it has ended or failed nothing
    more happens to it.
    """

    component: str
    delivered_at: datetime | None = None
    activated_at: datetime | None = None
    redeemed_at: datetime | None = None
    ended_at: datetime | None = None
    failed_at: datetime | None = None


def of_components(items: Iterable[Seen]) -> dict[str, object]:
    """The fields of an order's components. A time that is not there yet is left out.

    Of a component's items the first one delivered, activated or redeemed counts, and the last one ended or failed, when
    all are; `over_at`: since when nothing more happens to any of them.
    """
    by_component: dict[str, list[Seen]] = {}
    for item in items:
        by_component.setdefault(item.component, []).append(item)
    facts: dict[str, object] = {}
    for code, seen in by_component.items():
        times = {
            "delivered": _first([one.delivered_at for one in seen]),
            "activated": _first([one.activated_at for one in seen]),
            "redeemed": _first([one.redeemed_at for one in seen]),
            "ended": _last([one.ended_at for one in seen]),
            "failed": _last([one.failed_at for one in seen]),
            "over": _last([one.ended_at or one.failed_at for one in seen]),
        }
        for what, at in times.items():
            facts[f"component.{code}.{what}"] = at is not None
            if at is not None:
                facts[f"component.{code}.{what}_at"] = at
    return facts


def _first(times: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


def _last(times: Iterable[datetime | None]) -> datetime | None:
    """Once there is a time for all of them."""
    known = list(times)
    return max([at for at in known if at is not None]) if None not in known else None
