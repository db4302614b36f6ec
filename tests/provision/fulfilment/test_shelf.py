"""What a product's supplier says becomes a finding once; whatever a stranger's connector makes can be kept or left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heyi.provision.fulfilment import shelf
from heyi.provision.fulfilment.shelf import Heard, Known, Named, Open, compare, tidy
from heyi.provision.fulfilment.suppliers.speech import Field, Product

AT = datetime(2026, 11, 22, tzinfo=UTC)
HEARD = Heard("1001", "视频", "top_up", 1500, "CNY", 10, True)
KNOWN = Known("视频", 1500, "CNY", True, (), listed=True)
MINE = Named(UUID(int=1), 1500, "CNY", AT)


def price(minor: int | None, currency: str = "CNY") -> Heard:
    return Heard("1001", "视频", "top_up", minor, currency, 10, True, zero=minor is None)


def kinds(known: Known | None, heard: Heard, *named: Named, first: bool = False) -> list[str]:
    return [one.kind for one in compare(known, heard, named, first=first).findings]


@pytest.mark.parametrize(
    ("known", "heard", "named", "first", "expected"),
    [
        (None, HEARD, (), True, []),  # the first list is no news
        (None, HEARD, (), False, ["new"]),
        (None, HEARD, (MINE,), False, []),  # who named it knows it
        (None, price(1600), (MINE,), True, ["price"]),
        (KNOWN, HEARD, (MINE,), False, []),
        (KNOWN, price(1600), (MINE,), False, ["price"]),
        (KNOWN, price(1600), (), False, ["price"]),
        (KNOWN, price(1500, "USD"), (MINE,), False, ["price"]),
        (KNOWN, price(None), (MINE,), False, ["price_missing"]),
        (KNOWN, price(None), (), False, []),
        (None, price(None), (MINE,), True, ["price_missing"]),
        (Known("视频", 1500, unpriced=True, on_sale=True, listed=True), price(None), (MINE,), False, []),
        (Known("旧", 1500, on_sale=False, listed=True), HEARD, (MINE,), False, ["title", "status"]),
        (Known("旧", 1500, on_sale=False, listed=True), HEARD, (), False, ["status"]),
        (Known("视频", 1500, on_sale=True, listed=True, gone=True), HEARD, (MINE,), False, ["new"]),
    ],
)  # fmt: skip
def test_what_is_found(
    known: Known | None, heard: Heard, named: tuple[Named, ...], first: bool, expected: list[str]
) -> None:
    assert kinds(known, heard, *named, first=first) == expected


def test_a_price_is_found_once_and_again_for_an_offer_that_was_made_since() -> None:
    said = ({"price_minor": 1600, "currency": "CNY"}, AT + timedelta(hours=1))
    seen = Known("视频", 1600, "CNY", True, (), listed=True, price_said=said)
    assert kinds(seen, price(1600), MINE) == []
    assert kinds(seen, price(1700), MINE) == ["price"]
    later = Named(UUID(int=2), 1500, "CNY", AT + timedelta(hours=2))
    (again,) = compare(seen, price(1600), (MINE, later), first=False).findings
    assert (again.kind, again.before) == ("price", {"price_minor": 1500, "currency": "CNY"})


def test_what_came_back_to_where_it_was_is_nothing_to_decide() -> None:
    waits = {
        "title": Open(UUID(int=1), {"title": "视频"}, {"title": "短剧"}),
        "price": Open(UUID(int=2), {"price_minor": 1500, "currency": "CNY"}, {"price_minor": 9, "currency": "CNY"}),
        "gone": Open(UUID(int=3), None, None),
    }
    back = compare(Known("短剧", 9, "CNY", True, (), listed=True, open=waits), HEARD, (MINE,), first=False)
    assert (back.findings, set(back.overtaken)) == ((), {UUID(int=1), UUID(int=2), UUID(int=3)})


ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=300), st.binary(max_size=5))


@settings(max_examples=200, deadline=None)
@given(
    number=ANY, title=ANY, minor=ANY, currency=ANY, stock=ANY, on_sale=ANY, name=ANY, options=st.lists(ANY, max_size=3)
)
def test_strange_products_are_made_safe_or_left(**odd: object) -> None:
    """No control characters, no bounds broken, no zero for a price: what cannot be kept is left."""
    told = Product(
        odd["number"], odd["title"], "", odd["minor"], odd["currency"], odd["stock"], odd["on_sale"],  # type: ignore[arg-type]
        (Field(odd["name"], odd["name"], True, "", tuple(odd["options"])),),  # type: ignore[arg-type]
    )  # fmt: skip
    kept = tidy(told)
    if kept is None:
        return
    assert 0 < len(kept.product_no) <= shelf.NUMBER_MAX
    assert kept.product_no.isprintable()
    assert len(kept.title) <= shelf.TITLE_MAX
    assert kept.title.isprintable()
    assert kept.price_minor is None or 0 < kept.price_minor <= shelf.MINOR_MAX
    assert kept.stock is None or 0 <= kept.stock <= shelf.STOCK_MAX
    assert kept.fields[0]["name"].isprintable()
    compare(None, kept, (), first=False)


def test_what_is_no_product_is_left() -> None:
    assert tidy({"product_no": "1"}) is None
    assert tidy(None) is None
    assert tidy(Product("1", "x", fields=7)) is None  # type: ignore[arg-type]
    assert tidy(Product("1", "x", fields=(None,))) is None  # type: ignore[arg-type]
