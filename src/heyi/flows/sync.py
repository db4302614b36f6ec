"""What suppliers offer is read by a schedule and when somebody asks: never two calls at once at one account, never in a
storm, and from where it stopped when a worker dies. What is different is put before people (offered.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID

import structlog

from heyi.flows import look, offered
from heyi.flows.offered import Told
from heyi.infra import jobs, outbox
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id, to_text
from heyi.offer import catalog
from heyi.provision.fulfilment import accounts, masking, shelf, syncing
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors import ShowsNothing, SupplierUnusable, SyncRunning, SyncTooSoon
from heyi.provision.fulfilment.suppliers.speech import Product, ProductPage
from heyi.provision.fulfilment.syncing import Sync

BUDGET_S = 12.0  # of one stretch of a run: the clock starts the next one
log = structlog.get_logger("heyi.sync")


async def run(tools: Tools) -> int:
    """Begin what is due, and carry on with all runs that nobody is at; answers with how many."""
    async with tools.db.transaction() as tx:
        due = await syncing.due(tx, now=tools.clock.now())
    for supplier_id in due:
        try:
            await _begin(tools, supplier_id, None)
        except (ShowsNothing, SupplierUnusable, SyncRunning, SyncTooSoon) as refused:
            log.debug("products are not read", supplier=to_text("sup", supplier_id), why=refused.sentence("en"))
    async with tools.db.reading() as tx:
        waiting = await syncing.waiting(tx, wall=tools.clock.wall())
    for id, end in zip(waiting, await asyncio.gather(*(drive(tools, id) for id in waiting), return_exceptions=True),
                       strict=True):  # fmt: skip
        if isinstance(end, BaseException):
            log.error("a sync stopped; it is carried on later", sync=to_text("syn", id), exc_info=end)
    return len(waiting)


async def start(tools: Tools, supplier_id: UUID, *, by: str) -> Sync:
    """Somebody asks: a worker begins at once. Raises SupplierNotFound, SupplierUnusable, ShowsNothing, SyncRunning,
    SyncTooSoon."""
    id = await _begin(tools, supplier_id, by)
    async with tools.db.transaction() as tx:
        await jobs.defer(tx, [jobs.Job("sync.carry_on", {"sync": str(id)})])
        return await syncing.find(tx, id)


async def confirm(tools: Tools, sync_id: UUID, *, by: str) -> Sync:
    """A doubted list is right: what it did not show is gone. Raises SyncNotFound, SyncNotDoubted, SupplierUnusable."""
    async with tools.db.reading() as tx:
        account = await _account(tools, (await syncing.find(tx, sync_id)).supplier_id)
    async with tools.db.transaction() as tx:
        sync = await syncing.doubted(tx, sync_id)
        facts = await offered.believe(tx, tools, sync, looks=account.connector.product is not None, by=by)
        await outbox.write(tx, facts, now=tools.clock.now())
        return await syncing.find(tx, sync_id)


async def carry_on(tools: Tools, args: Mapping[str, str]) -> None:
    """The job behind `start`; should it be lost, the clock carries on."""
    await drive(tools, UUID(args["sync"]))


async def _begin(tools: Tools, supplier_id: UUID, by: str | None) -> UUID:
    account = await _account(tools, supplier_id)
    async with tools.db.transaction() as tx:
        return await syncing.begin(tx, supplier_id, account.connector, by=by, now=tools.clock.now())


async def _account(tools: Tools, supplier_id: UUID) -> Account:
    async with tools.db.reading() as tx:
        return await accounts.opened(tx, tools.sealing, supplier_id, public_url=tools.settings.public_url)


async def drive(tools: Tools, sync_id: UUID, *, budget_s: float = BUDGET_S) -> None:
    """Carry a run on: call after call until it ends, somebody else has it, or the time is over."""
    time, lease = asyncio.get_running_loop().time, new_id(millis(tools.clock.wall()))
    ends = time() + budget_s
    while time() < ends:
        async with tools.db.transaction() as tx:
            turn = await syncing.take(tx, sync_id, lease, wall=tools.clock.wall())
        if turn.sync is not None:
            await step(tools, turn.sync, lease)
        elif turn.wait_ms is not None:
            await asyncio.sleep(turn.wait_ms / 1000)
        else:
            return
    async with tools.db.transaction() as tx:
        await syncing.leave(tx, sync_id, lease)


async def step(tools: Tools, sync: Sync, lease: UUID) -> None:
    """One call, and what came of it."""
    async with tools.db.reading() as tx:
        named = sorted({one.offer.product_no for one in await catalog.naming.of(tx, sync.supplier_id)})
        single = None if sync.page is not None else await syncing.next_by_itself(tx, sync, named)
    try:
        account = await _account(tools, sync.supplier_id)
        told = await _ask(tools, account, sync, single)
    except SupplierUnusable as refused:
        told = Told(problem=refused.sentence("en"), final=True)
    await offered.record(tools, sync, lease, told)


async def _ask(tools: Tools, account: Account, sync: Sync, single: str | None) -> Told:
    connector, wall, heard = account.connector, tools.clock.wall(), list[Heard]()
    told = Told(asked=single, lists=connector.products is not None, looks=connector.product is not None)
    answer: object = None
    try:
        if sync.page is not None and connector.products is not None:
            pages = connector.products(account, wall, sync.page)
            answer = await look.ask(tools, account, pages, "products", heard)
        elif single is not None and connector.product is not None:
            one = connector.product(account, wall, single)
            answer = await look.ask(tools, account, one, "product", heard)
        else:
            return told
        if isinstance(answer, ProductPage) and not answer.problem:
            following = answer.next_page if isinstance(answer.next_page, int) else None
            return told.but(products=tuple(answer.products), next_page=following)
    except Exception as error:  # a connector may be a stranger's code
        return told.but(problem=f"its connector broke: {type(error).__name__}")
    if isinstance(answer, Product):
        return told.but(products=(answer,))
    said = answer.problem if isinstance(answer, ProductPage) else answer if isinstance(answer, str) else ""
    problem = said or (heard[-1].error if heard else "") or "unreadable answer"
    secrets = heard[-1].call.secrets if heard else ()
    return told.but(problem=shelf.clean(masking.masked(problem, secrets, connector.hidden)))
