"""The catalog over a real database: publishing, what is on sale, and what operators change."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb
from tests.offer.catalog.making import PROPERTIES, ZONE, Properties, component, document, group

from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog import Filled, Wish, errors
from heyi.offer.catalog.model import Document

CNY = Money(1500, "CNY")
_numbers = itertools.count(1)


@dataclass
class Shop:
    """A bundle on sale, and shortcuts to look at it."""

    tools: Tools
    bundle_id: UUID
    code: str
    benefits: dict[str, UUID]
    offers: dict[str, UUID]

    async def ask(self, **more: object) -> Filled | Refused:
        asked: dict[str, object] = {
            "bundle": self.code, "version": None, "channel_id": UUID(int=1), "quantity": 1, "accounts": {},
            "choices": {}, "expected": None, **more,
        }  # fmt: skip
        wish, now = Wish(**asked), self.tools.clock.now()  # type: ignore[arg-type]
        async with self.tools.db.transaction() as tx:
            sale = await catalog.on_sale(tx, [wish], now=now)
        return catalog.fill(sale, wish, now=now, zone=ZONE)

    async def code_of(self, **more: object) -> str:
        answer = await self.ask(**more)
        return "sold" if isinstance(answer, Filled) else answer.code


async def add_benefit(tx: Tx, tools: Tools, code: str, kind: str = "card_key") -> UUID:
    made = await catalog.benefits.make(
        tx, code=code, partner_id=uuid4(), kind=kind, title=code, market_price=CNY,
        properties=PROPERTIES.get(kind, Properties()), now=tools.clock.now(),
    )  # fmt: skip
    return made.id


async def add_offer(tx: Tx, tools: Tools, benefit: UUID, source: str, **more: object) -> UUID:
    made = await catalog.benefits.add_offer(
        tx, benefit, source=source, supplier_id=uuid4() if source == "supplier" else None, product_no="P1",
        cost=Money(100, "CNY"), now=tools.clock.now(), **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return made.id


async def publish(shop: Shop, made: Document) -> int:
    async with shop.tools.db.transaction() as tx:
        now = shop.tools.clock.now()
        drafted = await catalog.bundles.draft(tx, shop.bundle_id, made, now=now)
        return (await catalog.bundles.publish(tx, shop.bundle_id, drafted.version, now=now)).version


@pytest.fixture
async def shop(tools: Tools) -> Shop:
    """A bundle of a card key and a top-up, version 1 on sale at 99.00."""
    number = next(_numbers)
    kinds = {"key": ("card_key", "stock"), "top": ("top_up", "supplier")}
    benefits, offers = {}, {}
    async with tools.db.transaction() as tx:
        for name, (kind, source) in kinds.items():
            benefits[name] = await add_benefit(tx, tools, f"{name}-{number}", kind)
            offers[name] = await add_offer(tx, tools, benefits[name], source)
        bundle = await catalog.bundles.make(tx, code=f"joint-{number}", title="Joint", now=tools.clock.now())
    made = Shop(tools, bundle.id, bundle.code, benefits, offers)
    await publish(made, the_document(number))
    return made


def the_document(number: int, **more: object) -> Document:
    return document(
        component("key", benefit=f"key-{number}"), component("top", benefit=f"top-{number}"), **more  # type: ignore[arg-type]
    )  # fmt: skip


async def test_a_published_version_is_sold_by_code_and_by_id(shop: Shop):
    for name in (shop.code, to_text("bnd", shop.bundle_id)):
        answer = await shop.ask(bundle=name, accounts={"phone": "13800138000"})
        assert isinstance(answer, Filled)
        assert (answer.bundle_id, answer.bundle, answer.version) == (shop.bundle_id, shop.code, 1)
        assert answer.amount == Money(9900, "CNY")
        assert [p.offer.source for p in answer.parts] == ["stock", "supplier"]
        assert [p.offer.id for p in answer.parts] == list(shop.offers.values())


async def test_what_does_not_exist_is_said_so(shop: Shop):
    assert await shop.code_of(bundle="nope") == "bundle.not_found"
    assert await shop.code_of(bundle=to_text("bnd", uuid4())) == "bundle.not_found"
    assert await shop.code_of(version=2) == "bundle.version_not_found"
    async with shop.tools.db.transaction() as tx:
        made = await catalog.bundles.make(tx, code=f"{shop.code}-empty", title="x", now=shop.tools.clock.now())
        await catalog.bundles.draft(tx, made.id, document(component("x")), now=shop.tools.clock.now())
    assert await shop.code_of(bundle=made.code) == "bundle.not_found"
    assert await shop.code_of(bundle=made.code, version=1) == "bundle.version_not_found"


async def test_a_new_version_is_sold_at_once_and_the_old_one_to_those_who_pin_it(shop: Shop):
    number = int(shop.code.split("-")[1])
    assert await publish(shop, the_document(number, price=5000)) == 2
    new, old = await shop.ask(), await shop.ask(version=1)
    assert isinstance(new, Filled)
    assert isinstance(old, Filled)
    assert (new.version, new.amount.amount_minor) == (2, 5000)
    assert (old.version, old.amount.amount_minor) == (1, 9900)


async def test_withdrawing_stops_at_once(shop: Shop):
    async def run(act, *args: object) -> None:
        async with shop.tools.db.transaction() as tx:
            await act(tx, *args)

    await run(catalog.bundles.move_version, shop.bundle_id, 1, "withdraw")
    assert await shop.code_of() == "bundle.not_on_sale"
    assert await shop.code_of(version=1) == "bundle.not_on_sale"
    with pytest.raises(errors.WrongState):
        await run(catalog.bundles.move_version, shop.bundle_id, 1, "withdraw")
    await run(catalog.bundles.move_version, shop.bundle_id, 1, "put_on_sale")
    assert await shop.code_of() == "sold"
    await run(catalog.bundles.move, shop.bundle_id, "withdraw")
    assert await shop.code_of() == "bundle.not_on_sale"
    # A new version does not put a withdrawn bundle back on sale by itself.
    await publish(shop, the_document(int(shop.code.split("-")[1])))
    assert await shop.code_of() == "bundle.not_on_sale"
    await run(catalog.bundles.move, shop.bundle_id, "put_on_sale")
    assert await shop.code_of() == "sold"


async def test_the_sale_window_is_from_until_before(shop: Shop):
    now, hour = shop.tools.clock.now(), timedelta(hours=1)
    for window, expected in [
        ((now, now + hour), "sold"), ((now + hour, None), "bundle.not_on_sale"), ((None, now), "bundle.not_on_sale"),
        ((now - hour, None), "sold"),
    ]:  # fmt: skip
        async with shop.tools.db.transaction() as tx:
            await catalog.bundles.change(tx, shop.bundle_id, window=window)
        assert await shop.code_of() == expected
    async with shop.tools.db.transaction() as tx:
        with pytest.raises(errors.WindowRefused):
            await catalog.bundles.change(tx, shop.bundle_id, window=(now, now))


async def test_a_channel_has_its_own_price(shop: Shop):
    async with shop.tools.db.transaction() as tx:
        await catalog.bundles.set_channel_price(tx, shop.bundle_id, UUID(int=2), 8800)
    theirs, others = await shop.ask(channel_id=UUID(int=2)), await shop.ask()
    assert isinstance(theirs, Filled)
    assert isinstance(others, Filled)
    assert (theirs.amount.amount_minor, others.amount.amount_minor) == (8800, 9900)
    assert sum(p.share.amount_minor for p in theirs.parts) == 8800
    assert await shop.code_of(channel_id=UUID(int=2), expected=Money(9900, "CNY")) == "price.changed"
    async with shop.tools.db.transaction() as tx:
        assert await catalog.bundles.set_channel_price(tx, shop.bundle_id, UUID(int=2), None) == {}
    assert await shop.code_of(channel_id=UUID(int=2), expected=Money(9900, "CNY")) == "sold"


async def test_the_best_active_offer_is_sold(shop: Shop):
    async with shop.tools.db.transaction() as tx:
        better = await add_offer(tx, shop.tools, shop.benefits["top"], "supplier", priority=1)
    answer = await shop.ask()
    assert isinstance(answer, Filled)
    assert answer.parts[1].offer.id == better
    async with shop.tools.db.transaction() as tx:
        await catalog.benefits.change_offer(tx, better, move="hold", now=shop.tools.clock.now())
    answer = await shop.ask()
    assert isinstance(answer, Filled)
    assert answer.parts[1].offer.id == shop.offers["top"]
    async with shop.tools.db.transaction() as tx:
        changed = await catalog.benefits.change_offer(
            tx, shop.offers["top"], cost=Money(777, "CNY"), product_no="P2", now=shop.tools.clock.now()
        )
    answer = await shop.ask()
    assert isinstance(answer, Filled)
    assert (answer.parts[1].offer.cost, answer.parts[1].offer.product_no) == (changed.cost, "P2")
    async with shop.tools.db.transaction() as tx:
        await catalog.benefits.change_offer(tx, shop.offers["top"], move="withdraw", now=shop.tools.clock.now())
        with pytest.raises(errors.WrongState):
            await catalog.benefits.change_offer(tx, shop.offers["top"], move="resume", now=shop.tools.clock.now())
    assert await shop.code_of() == "bundle.no_offer"


async def test_a_published_version_keeps_its_benefits_as_they_were(shop: Shop):
    async with shop.tools.db.transaction() as tx:
        now = shop.tools.clock.now()
        before = await catalog.benefits.read(tx, shop.benefits["key"])
        await catalog.benefits.change(tx, before.id, title="Other", now=now)
        assert (await catalog.benefits.read(tx, before.id)).title == "Other"
    answer = await shop.ask()
    assert isinstance(answer, Filled)
    assert answer.parts[0].title == before.title
    async with shop.tools.db.transaction() as tx:
        await catalog.benefits.withdraw(tx, before.id, now=now)
        with pytest.raises(errors.WrongState):
            await catalog.benefits.change(tx, before.id, title="x", now=now)
    assert await shop.code_of() == "bundle.no_offer"


async def test_publishing_names_every_fault_and_changes_nothing(shop: Shop):
    number = int(shop.code.split("-")[1])
    bad = document(
        component("key", benefit=f"key-{number}", quantity=0), component("x"), groups=[group("g", 2, ["y"])]
    )  # fmt: skip
    with pytest.raises(ManyRefused) as caught:
        await publish(shop, bad)
    assert {(f.code, f.pointer) for f in caught.value.faults} == {
        ("version.out_of_bounds", "/components/0/quantity"), ("version.benefit_unknown", "/components/1/benefit"),
        ("version.choice_impossible", "/groups/0/pick"), ("version.benefit_unknown", "/groups/0/options/0/benefit"),
    }  # fmt: skip
    answer = await shop.ask()
    assert isinstance(answer, Filled)
    assert answer.version == 1


async def test_shorthands_are_expanded_on_saving_and_unreadable_ones_refused(shop: Shop):
    now = shop.tools.clock.now()
    good = document(replace(component("a"), delivery={"when": "monthly", "times": 3}))
    bad = document(replace(component("a"), delivery={"when": "someday"}))
    async with shop.tools.db.transaction() as tx:
        drafted = await catalog.bundles.draft(tx, shop.bundle_id, good, now=now)
        assert drafted.document.components[0].delivery == {
            "start": "first",
            "nodes": {"first": {"do": "split", "times": 3, "then": "deliver"}, "deliver": {"do": "deliver"}},
        }
        assert await catalog.bundles.version(tx, shop.bundle_id, drafted.version) == drafted
        with pytest.raises(errors.WordUnknown) as caught:
            await catalog.bundles.draft(tx, shop.bundle_id, bad, now=now)
    assert caught.value.pointer == "/components/0/delivery/when"


async def test_a_group_that_asks_its_buyer_is_refused_when_it_is_saved(shop: Shop):
    """Nobody could ask for a slot that is nothing yet: a group waits for its buyer where he chooses."""
    asking = {
        "start": "a",
        "nodes": {
            "a": {"do": "wait", "for": "buyer", "then": "b"},
            "b": {"do": "choose", "within_days": 3, "default": ["a"]},
        },
    }
    made = document(groups=[replace(group("g", 1, ["a", "b"]), delivery=asking)])
    async with shop.tools.db.transaction() as tx:
        with pytest.raises(errors.DeliveryUnsupported) as caught:
            await catalog.bundles.draft(tx, shop.bundle_id, made, now=shop.tools.clock.now())
    assert caught.value.pointer == "/groups/0/delivery/nodes/a"


async def test_only_a_draft_is_published(shop: Shop):
    async with shop.tools.db.transaction() as tx:
        with pytest.raises(errors.WrongState):
            await catalog.bundles.publish(tx, shop.bundle_id, 1, now=shop.tools.clock.now())
        with pytest.raises(errors.VersionNotFound):
            await catalog.bundles.publish(tx, shop.bundle_id, 9, now=shop.tools.clock.now())


async def test_codes_are_unique_and_never_look_like_ids(tools: Tools, shop: Shop):
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        for code in (shop.code, to_text("bnd", uuid4())):
            with pytest.raises(errors.CodeTaken):
                await catalog.bundles.make(tx, code=code, title="x", now=now)
        taken = (await catalog.benefits.read(tx, shop.benefits["key"])).code
        with pytest.raises(errors.CodeTaken):
            await add_benefit(tx, tools, taken)


async def test_lists_search_and_page_newest_first(tools: Tools):
    async with tools.db.transaction() as tx:
        for number in range(5):
            await add_benefit(tx, tools, f"paged-{number}_%")
            tools.clock.forward(timedelta(milliseconds=1))  # type: ignore[attr-defined]
        first = await catalog.benefits.search(tx, search="PAGED", most=3)
        rest = await catalog.benefits.search(tx, search="paged-", before=first[-1].id, most=3)
        assert [b.code for b in first + rest] == [f"paged-{n}_%" for n in (4, 3, 2, 1, 0)]
        assert await catalog.benefits.search(tx, search="paged%0") == []
        assert await catalog.benefits.search(tx, kind="voucher", search="paged") == []


async def test_channels_see_what_is_on_sale_or_announced(shop: Shop):
    now, hour = shop.tools.clock.now(), timedelta(hours=1)

    async def seen() -> list[str]:
        async with shop.tools.db.transaction() as tx:
            return [s.code for s in await catalog.list_shown(tx, UUID(int=1), before=None, most=100, now=now)]

    assert shop.code in await seen()
    for window, shows in [((now + hour, None), True), ((None, now), False), ((None, None), True)]:
        async with shop.tools.db.transaction() as tx:
            await catalog.bundles.change(tx, shop.bundle_id, window=window)
        assert (shop.code in await seen()) is shows


async def test_a_version_that_cannot_be_walked_is_not_sold_and_hides_no_other(shop: Shop):
    """As if an older release had let a condition through that this one does not understand."""
    nodes = {
        "a": {"do": "condition", "if": {"op": "sounds_good", "args": []}, "then": "b", "else": "b", "unknown": "b"},
        "b": {"do": "deliver"},
    }
    tools, now = shop.tools, shop.tools.clock.now()
    async with tools.db.transaction() as tx:
        broken = await catalog.bundles.make(tx, code=f"broken-{shop.code}", title="Broken", now=now)
    await publish(replace(shop, bundle_id=broken.id), the_document(int(shop.code.split("-")[1])))
    async with tools.db.transaction() as tx:
        await tx.run(
            "update catalog.versions set document = jsonb_set(document, '{components,0,delivery}', %(graph)s)"
            " where bundle_id = %(id)s", graph=Jsonb({"start": "a", "nodes": nodes}), id=broken.id,
        )  # fmt: skip
    assert await shop.code_of(bundle=broken.code) == "bundle.not_on_sale"
    assert await shop.code_of() == "sold"
    async with tools.db.transaction() as tx:
        listed = await catalog.list_shown(tx, UUID(int=1), before=None, most=100, now=now)
        paged, before = [], None
        while page := await catalog.list_shown(tx, UUID(int=1), before=before, most=1, now=now):
            paged, before = [*paged, *page], page[0].id
    codes = [shown.code for shown in listed]
    assert (shop.code in codes, broken.code in codes) == (True, False)
    assert [shown.code for shown in paged] == codes


async def test_the_number_of_statements_does_not_grow_with_the_batch(shop: Shop, tools: Tools):
    wishes = [Wish(shop.code, None, UUID(int=n % 7), 1, {}, {}, None) for n in range(64)]
    counts = []
    async with tools.db.transaction() as tx:
        ran = tx.rows

        async def counted(sql, **values):  # type: ignore[no-untyped-def]
            counts.append(sql)
            return await ran(sql, **values)

        tx.rows = counted  # type: ignore[method-assign]
        for batch in (wishes[:1], wishes, wishes):
            counts.clear()
            sale = await catalog.on_sale(tx, batch, now=tools.clock.now())
            assert len(sale.lines) == len({w.channel_id for w in batch})
            assert len(counts) <= (2 if len(batch) == 1 else 1)
