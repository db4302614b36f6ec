"""What people should look at, every minute: tasks that wait for them, flows that are stuck, differences, callbacks that
are not believed.
"""

from __future__ import annotations

from datetime import timedelta

from heyi.infra import outbox
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import heard, settling, walking
from heyi.watch import warning
from heyi.watch.warning import Trouble
from heyi.watch.warning.model import ALLIANCE, CALLBACKS_REFUSED, DIFFERENCES_OPEN, FLOWS_STUCK, TASKS_WAITING

RECENTLY = timedelta(minutes=10)


async def run(tools: Tools) -> None:
    """Warn of what is left lying, and end the warning when it has been dealt with."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        left = await settling.left(tx, now=now)
        doubted = await heard.doubted(tx, now=now, recently=RECENTLY)
        troubles = [
            Trouble(CALLBACKS_REFUSED, f"{to_text('sup', one.supplier_id)}/{one.verdict}",
                    {"supplier": one.supplier, "count": one.count, "why": one.verdict})
            for one in doubted if one.recently
        ]  # fmt: skip
        gone = []
        stuck, order_id = await walking.stuck_now(tx)
        if order_id is not None:
            troubles.append(Trouble(FLOWS_STUCK, ALLIANCE, {"count": stuck, "order": to_text("ord", order_id)}))
        else:
            gone.append((FLOWS_STUCK, ALLIANCE))
        if left.tasks:
            since = left.since.isoformat() if left.since else None
            troubles.append(Trouble(TASKS_WAITING, ALLIANCE, {"count": left.tasks, "since": since}))
        else:
            gone.append((TASKS_WAITING, ALLIANCE))
        if left.differences:
            count = sum(open for *_, open in left.differences)
            suppliers = ", ".join(code for _, code, _ in left.differences)
            troubles.append(Trouble(DIFFERENCES_OPEN, ALLIANCE, {"count": count, "suppliers": suppliers}))
        else:
            gone.append((DIFFERENCES_OPEN, ALLIANCE))
        told = await warning.raise_(tx, troubles, now=now) + await warning.clear(tx, gone, now=now)
        await outbox.write(tx, told, now=now)
