"""Benefits and versions for the catalog's tests, made with as few words as possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField, Offer, Part
from heyi.offer.catalog import Filled, Sale, Wish, fill
from heyi.offer.catalog.checks import publish_faults, snapshot
from heyi.offer.catalog.compiled import Place, bind, compile_version
from heyi.offer.catalog.delivery import expand
from heyi.offer.catalog.model import SOURCES, Benefit, Component, Document, Group, Properties

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime.fromisoformat("2026-11-22T12:00:00+08:00")
CHANNEL = UUID(int=7)
PHONE = AccountField("phone", "手机号", r"1\d{10}")
PROPERTIES = {
    "top_up": Properties(fields=(PHONE,)),
    "voucher": Properties(units=2),
    "link": Properties(link="https://example.com/{entitlement}"),
}


def benefit(code: str, kind: str = "card_key", **changes: Any) -> Benefit:
    properties = replace(PROPERTIES.get(kind, Properties()), **changes)
    return Benefit(uuid4(), code, UUID(int=1), kind, code.title(), Money(1500, "CNY"), properties)


def component(code: str, *, weight: int | None = 1, when: dict[str, Any] | None = None, **more: Any) -> Component:
    return Component(code, more.pop("benefit", code), weight=weight, delivery=expand(when), **more)


def group(code: str, pick: int, options: Sequence[str], *, weight: int | None = 1) -> Group:
    return Group(code, code.title(), pick, tuple(component(o, weight=None) for o in options), weight=weight)


def document(*components: Component, groups: Sequence[Group] = (), price: int = 9900, **more: Any) -> Document:
    return Document(price, "CNY", components, tuple(groups), **more)


def faults_of(made: Document, benefits: Sequence[Benefit], sources: dict[str, set[str]] | None = None) -> set[Any]:
    """(code, pointer) of every fault; by default each benefit has offers of all fitting sources."""
    known = {b.code: b for b in benefits}
    have = {b.id: (sources or {}).get(b.code, set(SOURCES[b.kind])) for b in benefits}
    return {(f.code, f.pointer) for f in publish_faults(made, known, have, now=NOW)}


def sale_of(made: Document, benefits: Sequence[Benefit], *, price_minor: int | None = None) -> Sale:
    """The published version of this document, on sale for CHANNEL as "bundle"."""
    assert not faults_of(made, benefits)
    compiled = compile_version(UUID(int=9), "bundle", 1, snapshot(made, {b.code: b for b in benefits}))
    offers = {
        b.id: Place(Offer(uuid4(), SOURCES[b.kind][0], None, "", Money(100, "CNY")), None, None) for b in benefits
    }
    return Sale({("bundle", None, CHANNEL): bind(compiled, price_minor, offers)})


def wish(**more: Any) -> Wish:
    asked: dict[str, Any] = {"quantity": 1, "accounts": {}, "choices": {}, "expected": None}
    return Wish("bundle", None, CHANNEL, **{**asked, **more})


def filled(sale: Sale, at: datetime = NOW, **more: Any) -> Filled:
    answer = fill(sale, wish(**more), now=at, zone=ZONE)
    assert isinstance(answer, Filled), answer
    return answer


def refused(sale: Sale, **more: Any) -> list[tuple[str, str | None]]:
    """(code, pointer) of every refusal."""
    answer = fill(sale, wish(**more), now=NOW, zone=ZONE)
    assert not isinstance(answer, Filled)
    return [(f.code, f.pointer) for f in getattr(answer, "faults", [answer])]


def amounts(parts: Sequence[Part]) -> list[int]:
    return [part.share.amount_minor for part in parts]
