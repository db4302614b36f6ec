"""The standards by which others buy from us, without any wire: signatures as documented, and what is said of what."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.kernel.parts import AccountField
from heyi.offer.partner.errors import SupplyAccountMissing
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards import (
    STANDARDS,
    Bought,
    Bundled,
    Card,
    Given,
    Goods,
    Handed,
    Report,
    accounts_of,
    bought_of,
    dujiao_next,
    goofish,
    stock_of,
    tells,
)

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
# The values of 闲管家's document. Its text names mch_id 100 and signs with 1001: what is signed counts.
EXAMPLE = SupplyAccess(UUID(int=1), UUID(int=2), "goofish", "1001", "o9wl81dncmvby3ijpq7eur456zhgtaxs",
                       "677859093659717", "wK63PxlOBaY9NoqMksLeZySzGIW25ifA")  # fmt: skip


def test_goofish_signs_as_its_document_shows() -> None:
    body = b'{"goods_type":1,"goods_no":"12344532"}'
    assert hashlib.md5(body).hexdigest() == "9b8030f5097d5ed123405b003dd247c5"  # as printed there
    joined = (
        "677859093659717,wK63PxlOBaY9NoqMksLeZySzGIW25ifA,9b8030f5097d5ed123405b003dd247c5,1724414553,1001,"
        "o9wl81dncmvby3ijpq7eur456zhgtaxs"
    )
    assert goofish.signature(EXAMPLE, "1724414553", body) == hashlib.md5(joined.encode()).hexdigest()
    assert goofish.signature(EXAMPLE, "1724414553", body) == "fda5954f48ab32b3b271c84450440ead"


def test_dujiao_next_signs_as_its_document_shows() -> None:
    # Computed with openssl from the document's own example: METHOD\nPATH\nTIMESTAMP\nmd5(body).
    made = dujiao_next.signature(
        "your_api_secret", "POST", "/api/v1/upstream/orders", "1772323200", b'{"sku_id":1,"quantity":1}'
    )
    assert made == "b12b8c0b70dc850720d59c05e6e065b04da64d0815997c53cd430c776689e6e4"
    # Without a body: the digest of nothing, as printed in the document.
    assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"
    assert dujiao_next.signature("s", "GET", "/api/v1/upstream/products", "1772323200", b"") == (
        "3249129b3a3b7eedfdd40764f86ebfc04f771166c6740925b9c3bf8d552a2b77"
    )
    # With a nonce the newer string is signed, and the nonce is a part of it.
    assert dujiao_next.signature("s", "GET", "/p", "1", b"", "a") == (
        "5137bc4ccd28f09fc8ff72832f78794bc8de7a414ae0395753cbc8b6575b24b5"
    )


def _bundle(*kinds: str, fields: tuple[str, ...] = (), **more: Any) -> Bundled:
    parts = tuple(Given(f"{kind}-{place}", kind, True, True) for place, kind in enumerate(kinds))
    asked = tuple(AccountField(name, name, r"\d+") for name in fields)
    made = Bundled(UUID(int=9), "joint", "联名", 1, Money(9900, "CNY"), AT, False, parts, asked, None)
    return replace(made, **more)


SAID = [
    # what it is, how 闲管家 says it, how dujiao-next says it
    (_bundle("card_key", "link"), "cards", "cards"),
    (_bundle("top_up", fields=("phone",)), "account", "account"),
    (_bundle("top_up", "service", fields=("qq", "game_area")), "account", "account"),
    (_bundle("top_up", "top_up", fields=("phone", "ear")), "supply.accounts", "account"),
    (_bundle("top_up", fields=("game_area",)), "supply.accounts", "account"),
    (_bundle("top_up", "card_key", fields=("phone",)), "supply.mixed", "account"),
    (_bundle("card_key", "voucher"), "supply.voucher", "supply.voucher"),
    (_bundle("card_key", "physical"), "supply.physical", "supply.physical"),
    (_bundle("card_key", "service"), "supply.nothing", "supply.nothing"),
    (_bundle("card_key", choices=True), "supply.choice", "supply.choice"),
    (_bundle("card_key", parts=(Given("x", "card_key", False, True),)), "supply.later", "supply.later"),
    (_bundle("card_key", parts=(Given("x", "card_key", True, False),)), "supply.unserved", "supply.unserved"),
    (_bundle("card_key", price=Money(9900, "USD")), "supply.currency", "cards"),
]


@pytest.mark.parametrize(("bundle", "in_goofish", "in_dujiao"), SAID)
def test_a_bundle_is_said_honestly_or_not_at_all(bundle: Bundled, in_goofish: str, in_dujiao: str) -> None:
    for name, wanted in (("goofish", in_goofish), ("dujiao_next", in_dujiao)):
        answer = STANDARDS[name].sellable(bundle)
        assert (answer.code if isinstance(answer, Refused) else answer.kind) == wanted, name


def test_accounts_go_by_the_standards_own_field_names() -> None:
    goods = goofish.sellable(_bundle("top_up", fields=("qq", "game_area")))
    assert isinstance(goods, Goods)
    assert accounts_of(goods, {"account": "10001", "game_area": "A"}) == {"qq": "10001", "game_area": "A"}
    assert isinstance(accounts_of(goods, {"account": "10001"}), SupplyAccountMissing)
    assert [one["code"] for one in goofish.goods(goods)["template"]] == ["account", "game_area"]


def test_who_asks_about_a_top_up_hears_whose_account_was_filled() -> None:
    report = replace(_report("delivered", kind="account"), accounts={"qq": "10001", "game_area": "A"})
    assert goofish.detail(report)["biz_content"] == {"account": "10001", "game_area": "A"}
    assert "10001" not in repr(report)
    assert "biz_content" not in goofish.detail(_report("delivered"))


def test_stock_is_that_of_the_scarcest_part() -> None:
    coffee, tea = UUID(int=1), UUID(int=2)
    assert stock_of({}, {}) is None
    assert stock_of({coffee: 2, tea: 1}, {coffee: 5, tea: 9}) == 2
    assert stock_of({coffee: 1, tea: 1}, {coffee: 5}) == 0


def _report(*states: str, kind: str = "cards", handed: tuple[Handed, ...] = (), standard: str = "goofish") -> Report:
    items = tuple((f"权益{place}", state) for place, state in enumerate(states))
    bought = Bought(standard, "k", kind, "联名", 7, "https://shop.example/notify")
    return Report("T1", "ord_x", 101, "joint", bought, 1, Money(9900, "CNY"), AT, AT, items, handed)


@pytest.mark.parametrize(
    ("states", "state", "in_goofish", "in_dujiao"),
    [
        (("delivering", "scheduled"), "doing", 10, "fulfilling"),
        (("delivered", "waiting_for_stock"), "doing", 10, "partially_delivered"),
        (("failed", "delivering"), "doing", 10, "fulfilling"),
        (("delivered", "delivered"), "done", 20, "delivered"),
        (("delivered", "failed"), "partial", 30, "delivered"),
        (("delivered", "cancelled"), "partial", 30, "delivered"),
        (("failed", "cancelled"), "failed", 30, "canceled"),
    ],
)
def test_success_is_said_only_when_everything_came(
    states: tuple[str, ...], state: str, in_goofish: int, in_dujiao: str
) -> None:
    report = _report(*states)
    assert (report.state, goofish.placed(report)["order_status"]) == (state, in_goofish)
    assert dujiao_next.placed(report)["status"] == in_dujiao


def test_what_is_missing_is_said_by_name() -> None:
    cards = (Handed("权益0", (Card("权益0", "no-1", "pw-1"),)),)
    partial = _report("delivered", "failed", handed=cards)
    told = goofish.placed(partial)
    assert "未交付：权益1" in told["remark"]
    assert "card_items" not in told  # a failed order carries no cards
    assert "已交付 1/2" in told["remark"]
    text = dujiao_next.detail(partial)["fulfillment"]
    # A site acts on no other word: in any other state it would drop the cards that came.
    assert text["status"] == dujiao_next.detail(partial)["status"] == "delivered"
    assert "no-1----pw-1" in text["payload"]
    assert "未交付：权益1" in text["payload"]
    assert text["delivery_data"]["missing"] == ["权益1"]


def test_cards_are_numbers_and_passwords_and_links_are_passwords() -> None:
    handed = (
        Handed("咖啡", (Card("咖啡", "no-1", "pw-1"), Card("咖啡", "only"))),
        Handed("课程", (Card("课程", link="https://learn.example/r/1"),)),
    )
    told = json.loads(goofish.body(_report("delivered", "delivered", "delivered", handed=handed)))
    assert told["card_items"] == [
        {"card_no": "no-1", "card_pwd": "pw-1"}, {"card_pwd": "only"}, {"card_pwd": "https://learn.example/r/1"},
    ]  # fmt: skip
    assert told["remark"].endswith("咖啡、咖啡、课程")  # several things: which is which
    payload = dujiao_next.detail(_report("delivered", handed=handed))["fulfillment"]["payload"]
    assert payload.splitlines() == ["咖啡: no-1----pw-1", "咖啡: only", "课程: https://learn.example/r/1"]
    single = dujiao_next.detail(_report("delivered", handed=handed[:1]))["fulfillment"]["payload"]
    assert single.splitlines() == ["no-1----pw-1", "only"]


def test_notifications_are_signed_in_the_standards_own_place() -> None:
    body = goofish.body(_report("delivered"))
    call = goofish.call(EXAMPLE, "https://open.goofish.pro/notify/tok?x=1", body, AT)
    stamp = str(int(AT.timestamp()))
    sign = goofish.signature(EXAMPLE, stamp, body)
    assert call.url == f"https://open.goofish.pro/notify/tok?x=1&mch_id=1001&timestamp={stamp}&sign={sign}"
    access = SupplyAccess(UUID(int=1), UUID(int=2), "dujiao_next", "the-key", "s")
    # Computed with openssl; sites verify with this one path, wherever they were called.
    right = "b81ba5a40e0f336feeb1d730940edf95242f0009bd6e4aa7a2baf187358322a3"
    for path in ("/api/v1/upstream/callback?x=1", "/shop/api/v1/upstream/callback", "/hooks/7f3a", ""):
        call = dujiao_next.call(access, f"https://a.example{path}", b"{}", AT)
        assert call.url == f"https://a.example{path}"
        assert (call.headers["dujiao-next-signature"], call.headers["dujiao-next-api-key"]) == (right, "the-key")
    assert "s" not in repr(access).split("=")


@pytest.mark.parametrize(
    ("standard", "answer", "heard"),
    [
        ("goofish", b'{"code":0,"msg":"OK"}', True),
        ("goofish", b'{"code":1,"msg":"no"}', False),
        ("goofish", b'{"code":false}', False),
        ("goofish", b"OK", False),
        ("goofish", b"[0]", False),
        ("goofish", b'{"code":"\xff"}', False),
        ("goofish", b"[" * 100_000, False),
        ("dujiao_next", b'{"ok":true,"message":"received"}', True),
        ("dujiao_next", b'{"ok":false}', False),
        ("dujiao_next", b'{"ok":1}', False),
        ("dujiao_next", b"", False),
        ("dujiao_next", b'{"ok":"\xff"}', False),
    ],
)
def test_only_the_standards_own_word_is_an_acknowledgement(standard: str, answer: bytes, heard: bool) -> None:
    assert STANDARDS[standard].acknowledged(answer) is heard


def test_an_orders_metadata_remembers_how_it_was_bought() -> None:
    bought = Bought("goofish", "1001", "cards", "联名", 7, "https://x.example/n")
    assert bought_of(bought.metadata) == bought
    strange = Bought("unheard-of", "k", "cards", "t").metadata, Bought("goofish", "k", "something", "t").metadata
    for other in (None, {}, {"supply": "mine"}, {"supply": {"standard": 1}}, {"campaign": "x"}, *strange):
        assert bought_of(other) is None


def test_who_has_the_answer_already_is_not_notified_unless_it_said_too_little() -> None:
    later = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
    of = {name: Bought(name, "k", "cards", "t") for name in STANDARDS}
    assert not tells(of["goofish"], AT, AT)
    assert tells(of["goofish"], AT, later)
    assert tells(of["dujiao_next"], AT, AT)
