"""Pure: what a supplier's word about a product changes, and for whom.

What an operator set is never touched here: a difference becomes a finding, and a person decides. A finding is made once
for each value: what was dismissed is not found again until the supplier says something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.provision.fulfilment.suppliers.speech import Product

NEW, PRICE, PRICE_MISSING, TITLE = "new", "price", "price_missing", "title"
STATUS, FIELDS, GONE = "status", "fields", "gone"
KINDS = (NEW, PRICE, PRICE_MISSING, TITLE, STATUS, FIELDS, GONE)
NUMBER_MAX, TITLE_MAX, FIELDS_MAX = 64, 200, 20
MINOR_MAX, STOCK_MAX = 10**15, 10**12
_CURRENCY = re.compile(r"[A-Z]{3}")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A product as its supplier shows it, made safe to keep. `price_minor` None: it has none; `zero`: it says 0."""

    product_no: str
    title: str
    kind: str
    price_minor: int | None
    currency: str
    stock: int | None
    on_sale: bool
    fields: tuple[Json, ...] = ()
    zero: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """An offer of ours that names the product, and since when."""

    offer_id: UUID
    cost_minor: int
    currency: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """A change that waits for a person."""

    id: UUID
    before: Json | None
    after: Json | None
    held: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a product before. `listed`: a list or a look has shown it. `price_said`: the last price that
    was put before people for an offer and not overtaken, and when. `heard_in`: the run that showed it last."""

    title: str = ""
    price_minor: int | None = None
    currency: str = "CNY"
    on_sale: bool | None = None
    fields: tuple[Json, ...] = ()
    unpriced: bool = False
    listed: bool = False
    gone: bool = False
    open: Mapping[str, Open] = field(default_factory=dict)
    price_said: tuple[Json | None, datetime] | None = None
    heard_in: UUID | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put before people; `named`: an offer of ours names the product, others are news."""

    product_no: str
    kind: str
    named: bool
    title: str
    before: Json | None
    after: Json | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What is to be found, which open changes are overtaken, and the open price change that still stands."""

    findings: tuple[Finding, ...] = ()
    overtaken: tuple[UUID, ...] = ()
    standing: Open | None = None


def tidy(told: object) -> Heard | None:
    """A product that can be kept; None when it has no usable number. Connectors may be strangers' code."""
    try:
        return _tidied(told)
    except (TypeError, ValueError, AttributeError):
        return None


def _tidied(told: object) -> Heard | None:
    if not isinstance(told, Product) or not isinstance(told.product_no, str):
        return None
    number = told.product_no
    if not 0 < len(number) <= NUMBER_MAX or not number.isprintable():
        return None
    price = _whole(told.price_minor, MINOR_MAX)
    currency = told.currency if _CURRENCY.fullmatch(str(told.currency)) else ""
    fields = tuple([_field(one) for one in told.fields[:FIELDS_MAX]])
    return Heard(
        number, clean(told.title), clean(told.kind), price if price and currency else None, currency or "CNY",
        _whole(told.stock, STOCK_MAX), bool(told.on_sale), fields, zero=price == 0,
    )  # fmt: skip


def compare(known: Known | None, heard: Heard, named: Sequence[Named], *, first: bool) -> Compared:
    """What is different. `first`: this is the supplier's first list, with which everything begins."""
    was = known or Known()
    if not named:
        return _made(was, heard, False, _news(was, heard, first=first), ())
    found: list[tuple[str, Json | None, Json | None]] = []
    moot: list[str] = []
    if was.gone and GONE not in was.open:
        found.append((NEW, None, shown(heard)))
    if was.listed:
        found += _said(was, heard)
    moot += [
        kind for kind in (TITLE, STATUS, FIELDS) if kind in was.open and _now(kind, heard) == was.open[kind].before
    ]
    found = [one for one in found if one[0] not in moot]
    standing = None
    if heard.price_minor is None:
        if not was.unpriced and (was.price_minor is not None or heard.zero):
            found.append((PRICE_MISSING, _price(was.price_minor, was.currency), None))
    else:
        moot.append(PRICE_MISSING)
        price, standing = _priced(was, heard, named)
        found += price
        if not price and standing is None:
            moot.append(PRICE)
    return _made(was, heard, True, found, moot, standing)


def _news(was: Known, heard: Heard, *, first: bool) -> list[tuple[str, Json | None, Json | None]]:
    if not was.listed or was.gone:
        return [] if first else [(NEW, None, shown(heard))]
    found = [one for one in _said(was, heard) if one[0] == STATUS]
    before, after = _price(was.price_minor, was.currency), _price(heard.price_minor, heard.currency)
    if before is not None and after is not None and before != after:
        found.append((PRICE, before, after))
    return found


def _said(was: Known, heard: Heard) -> list[tuple[str, Json | None, Json | None]]:
    before: dict[str, Json] = {
        TITLE: {"title": was.title},
        STATUS: {"on_sale": was.on_sale},
        FIELDS: {"fields": list(was.fields)},
    }
    return [(kind, old, new) for kind, old in before.items() if old != (new := _now(kind, heard))]


def _now(kind: str, heard: Heard) -> Json:
    if kind == TITLE:
        return {"title": heard.title}
    return {"on_sale": heard.on_sale} if kind == STATUS else {"fields": list(heard.fields)}


def _priced(
    was: Known, heard: Heard, named: Sequence[Named]
) -> tuple[list[tuple[str, Json | None, Json | None]], Open | None]:
    """A price that is another than an offer's cost is found once; it stands as long as that is so, and the supplier has
    said nothing else since."""
    now, before = _price(heard.price_minor, heard.currency), _price(was.price_minor, was.currency)
    other = [one for one in named if (one.cost_minor, one.currency) != (heard.price_minor, heard.currency)]
    if not other:
        return [], None
    if was.price_said is not None:
        said, at = was.price_said
        if said == now == before and all(one.since <= at for one in other):
            open = was.open.get(PRICE)
            return [], open if open is not None and open.after == now else None
    if before is None or before == now:
        before = _price(other[0].cost_minor, other[0].currency)
    return [(PRICE, before, now)], None


def _made(
    was: Known, heard: Heard, named: bool, found: Sequence[tuple[str, Json | None, Json | None]],
    moot: Sequence[str], standing: Open | None = None,
) -> Compared:  # fmt: skip
    findings = tuple([Finding(heard.product_no, kind, named, heard.title, *values) for kind, *values in found])
    over = {*moot, *(one.kind for one in findings), GONE}
    return Compared(findings, tuple([one.id for kind, one in was.open.items() if kind in over]), standing)


def shown(heard: Heard) -> Json:
    """A product in a few words, for people."""
    return {"title": heard.title, "on_sale": heard.on_sale, **(_price(heard.price_minor, heard.currency) or {})}


def _price(minor: int | None, currency: str) -> Json | None:
    return None if minor is None else {"price_minor": minor, "currency": currency}


def _whole(value: object, most: int) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if good and isinstance(value, int) else None


def clean(text: object) -> str:
    """One line that can be kept and shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text or "")).split())[:TITLE_MAX]


def _field(one: Any) -> Json:
    return {
        "name": clean(one.name), "title": clean(one.title), "required": bool(one.required),
        "pattern": clean(one.pattern), "options": [clean(option) for option in one.options[:100]],
    }  # fmt: skip
