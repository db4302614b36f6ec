"""A person steps in: decides about a task, hurries it, or looks whether a supplier account works."""

from __future__ import annotations

from uuid import UUID

from heyi.flows import look, route
from heyi.flows.carry import settle
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import accounts, desk, settling
from heyi.provision.fulfilment.desk import AttemptSeen, TaskSeen
from heyi.provision.fulfilment.suppliers.speech import Balance

Found = tuple[TaskSeen, list[AttemptSeen]]


async def resolve(
    tools: Tools, task_id: UUID, outcome: str, *, proof: str, note: str, by: str, offer_id: UUID | None = None
) -> Found:
    """Delivered, try_again (at an offer) or failed, by a person's word; moves item, right and books like any delivery.

    Raises what `desk.resolve` and `route.for_person` raise.
    """
    async with tools.db.transaction() as tx:
        await decide(tx, tools, task_id, outcome, proof=proof, note=note, by=by, offer_id=offer_id)
        return await desk.find(tx, task_id)


async def decide(
    tx: Tx, tools: Tools, task_id: UUID, outcome: str, *, proof: str, note: str, by: str, offer_id: UUID | None,
    attempt_id: UUID | None = None,
) -> None:  # fmt: skip
    """The same inside a transaction of the caller's. `attempt_id`: whom the proof is about."""
    now = tools.clock.now()
    to = await route.for_person(tx, tools, (await desk.find(tx, task_id))[0], offer_id)
    outcomes, facts = await desk.resolve(
        tx, task_id, outcome, proof=proof, note=note, by=by, now=now, wall=tools.clock.wall(),
        route=to if outcome == "try_again" else None, attempt_id=attempt_id,
    )  # fmt: skip
    await settle(tx, tools, outcomes, facts, now=now)


async def retry(tools: Tools, task_id: UUID, *, by: str) -> Found:
    """Do its next step now."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        outcomes, facts = await desk.retry(tx, task_id, by=by, now=now, wall=tools.clock.wall())
        await settle(tx, tools, outcomes, facts, now=now)
        return await desk.find(tx, task_id)


async def query(tools: Tools, task_id: UUID, *, by: str) -> Found:
    """Ask its supplier now."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        await outbox.write(tx, await desk.query(tx, task_id, by=by, now=now, wall=tools.clock.wall()), now=now)
        return await desk.find(tx, task_id)


async def settle_difference(tools: Tools, attempt_id: UUID, *, note: str, by: str) -> AttemptSeen:
    """A person has dealt with a late delivery. Raises DifferenceNotFound, DifferenceSettled."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen, facts = await settling.settle(tx, attempt_id, note=note, by=by, now=now)
        await outbox.write(tx, facts, now=now)
    return seen


async def check(tools: Tools, supplier_id: UUID, *, by: str | None = None) -> tuple[Balance, int]:
    """Ask a supplier for our balance: shows whether address and credentials are right. And how many ms it took."""
    async with tools.db.reading() as tx:
        account = await accounts.opened(tx, tools.sealing, supplier_id, public_url=tools.settings.public_url)
    heard: list[Heard] = []
    try:
        asked = account.connector.balance(account, tools.clock.wall())
        balance = await look.ask(tools, account, asked, "balance", heard, by=by)
    except Exception as error:  # a connector may be a stranger's code
        balance = Balance(None, f"its connector broke: {type(error).__name__}")
    took_ms = sum(one.duration_ms for one in heard)
    return (Balance(None, heard[-1].error), took_ms) if balance is None else (balance, took_ms)
