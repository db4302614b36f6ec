"""A call is made again: as a query about its number, or as a new attempt under the rules that hold for people."""

from __future__ import annotations

from uuid import UUID

from heyi.flows import resolve
from heyi.infra import outbox
from heyi.infra.tools import Tools
from heyi.provision.fulfilment import calls, desk
from heyi.provision.fulfilment.errors_calls import CallAboutNothing


async def replay(
    tools: Tools, call_id: UUID, how: str, *, proof: str, note: str, by: str, offer_id: UUID | None = None
) -> UUID:
    """`query`: its number is asked about now. `attempt`: its task is tried again with a new number, which needs proof
    where the supplier may have delivered; that proof is about the call's number, so it must be the last. Written down
    with who did it. Answers the task.

    Raises CallNotFound, CallAboutNothing, and what `desk.query`, `resolve.resolve` and `route.for_person` raise.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        call = (await calls.find(tx, call_id)).call
        if call.task_id is None:
            raise CallAboutNothing
        if how == "query":
            facts = await desk.query(
                tx, call.task_id, by=by, now=now, wall=tools.clock.wall(), attempt_id=call.attempt_id
            )
            await outbox.write(tx, facts, now=now)
        else:
            await resolve.decide(
                tx, tools, call.task_id, "try_again", proof=proof, note=note, by=by, offer_id=offer_id,
                attempt_id=call.attempt_id,
            )  # fmt: skip
        await calls.keep_replay(tx, call_id, how, by=by, note=note, now=now)
        return call.task_id
