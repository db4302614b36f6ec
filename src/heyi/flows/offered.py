"""A supplier has shown products: they are kept as it says, compared with our offers, and put before people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from heyi.flows import margins
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.offer import catalog
from heyi.offer.catalog.naming import NamingOffer
from heyi.provision.fulfilment import products, syncing
from heyi.provision.fulfilment.pulse import word
from heyi.provision.fulfilment.shelf import Named
from heyi.provision.fulfilment.syncing import FAILURES_MAX, Found, Sync

NOT_SOLD = frozenset({"no_product", "off_sale", "not_found"})  # words after which a product is gone


@dataclass(frozen=True, slots=True)
class Told:
    """What one call brought: products, or a problem. `asked`: the one product that was asked about. `lists`, `looks`:
    what the dialect can show. `final`: the problem will not pass."""

    products: tuple[object, ...] = ()
    next_page: int | None = None
    problem: str = ""
    asked: str | None = None
    lists: bool = False
    looks: bool = False
    final: bool = False

    def but(self, **more: Any) -> Told:
        """The same with something else."""
        return replace(self, **more)


async def record(tools: Tools, sync: Sync, lease: Any, told: Told) -> None:
    """Keep what a call brought; nothing when the run is not ours any more."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        mine = await syncing.hold(tx, sync, lease)
        if mine is None:
            return
        naming = await catalog.naming.of(tx, sync.supplier_id)
        found, again = Found(), mine.failures + 1
        gone = told.asked is not None and word(told.problem) in NOT_SOLD
        if told.problem and not gone and not told.final and again < FAILURES_MAX:
            await syncing.save(tx, mine, found, now=now, failures=again, problem=told.problem)
            return
        facts = await _took(tx, tools, mine, told, naming, found, gone=gone)
        facts += await _go_on(tx, tools, mine, told, naming, found, gone=gone)
        await outbox.write(tx, facts, now=now)


async def _took(
    tx: Tx, tools: Tools, sync: Sync, told: Told, naming: Sequence[NamingOffer], found: Found, *, gone: bool
) -> list[Fact]:
    now, wall, named = tools.clock.now(), tools.clock.wall(), _named(naming)
    if gone and told.asked is not None:
        await products.drop(tx, sync, [told.asked], named, found, now=now, wall=wall)
    elif told.problem:
        found.unread += 1
    elif told.products:
        prices = await products.take(tx, sync, told.products, named, found, now=now, wall=wall)
        return await margins.judge(tx, tools, sync, prices, naming, found)
    return []


async def _go_on(
    tx: Tx, tools: Tools, sync: Sync, told: Told, naming: Sequence[NamingOffer], found: Found, *, gone: bool
) -> list[Fact]:
    """How far it got; the end when nothing is left."""
    now, problem = tools.clock.now(), "" if gone else told.problem
    failed = bool(problem) and (sync.page is not None or told.final)
    after = replace(sync, last_no=told.asked or sync.last_no)
    if sync.page is not None and not problem:
        after = replace(after, barren=0 if found.products or told.next_page is None else sync.barren + 1)
        after = replace(after, page=None if after.in_vain else told.next_page)
    if sync.calls >= syncing.CALLS_MAX:
        failed, problem = True, f"more than {syncing.CALLS_MAX} calls"
    numbers = sorted({one.offer.product_no for one in naming})
    left = after.page is not None or (told.looks and await syncing.next_by_itself(tx, after, numbers) is not None)
    if left and not failed:
        await syncing.save(tx, after, found, now=now, problem=problem or None)
        return []
    doubt = "" if failed else await _missed(tx, tools, after, told, naming, found)
    state = "failed" if failed else "doubted" if doubt else "done"
    await syncing.save(tx, after, found, now=now, state=state, problem=problem or doubt or None)
    return await margins.unsourced(tx, tools, sync, naming)


async def believe(tx: Tx, tools: Tools, sync: Sync, *, looks: bool, by: str) -> list[Fact]:
    """A person says that a doubted list (locked) is right after all: what it did not show is gone."""
    naming, found = await catalog.naming.of(tx, sync.supplier_id), Found()
    numbers, _ = await products.missing(tx, sync, sorted(_named(naming)) if looks else [])
    now, wall = tools.clock.now(), tools.clock.wall()
    await products.drop(tx, sync, numbers, _named(naming), found, now=now, wall=wall)
    await syncing.save(tx, sync, found, now=now, state="done", problem=f"{sync.problem} (right, says {by})")
    return await margins.unsourced(tx, tools, sync, naming)


async def _missed(
    tx: Tx, tools: Tools, sync: Sync, told: Told, naming: Sequence[NamingOffer], found: Found
) -> str:  # fmt: skip
    """What the list does not show any more is gone, unless the list cannot be right: then why not."""
    if not told.lists:
        return ""
    named = _named(naming)
    numbers, plausible = await products.missing(tx, sync, sorted(named) if told.looks else [])
    if not plausible:
        return f"the list had {sync.known} products and has less than half of them: none is taken for gone"
    if sync.in_vain and numbers:
        return f"{sync.barren} pages running brought nothing new, and the list went on: none is taken for gone"
    await products.drop(tx, sync, numbers, named, found, now=tools.clock.now(), wall=tools.clock.wall())
    return ""


def _named(naming: Sequence[NamingOffer]) -> Mapping[str, list[Named]]:
    found: dict[str, list[Named]] = {}
    for one in naming:
        cost, since = one.offer.cost, one.offer.named_at
        if since is not None:
            found.setdefault(one.offer.product_no, []).append(
                Named(one.offer.id, cost.amount_minor, cost.currency, since)
            )  # fmt: skip
    return found
