"""An item that is not given at once becomes one task, in the state that its item and its due time ask for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.conftest import START
from tests.provision.fulfilment.making import part, plan_of

from heyi.infra.tools import Tools
from heyi.kernel.ids import new_id
from heyi.kernel.parts import Due
from heyi.provision import fulfilment
from heyi.provision.fulfilment import planning

SUPPLIER = new_id(1)
LATER = START + timedelta(days=3)
TABLE = [
    # kind, source, due, item state -> task state, due at
    ("top_up", "supplier", Due("now"), "delivering", "scheduled", START),
    ("card_key", "supplier", Due("now"), "delivering", "scheduled", START),
    ("physical", "own", Due("now"), "delivering", "waiting_for_person", None),
    ("service", "own", Due("now"), "delivering", "waiting_for_person", None),
    ("top_up", "own", Due("now"), "delivering", "waiting_for_person", None),
    ("top_up", "supplier", Due("now"), "waiting_for_buyer", "waiting_for_buyer", None),
    ("card_key", "stock", Due("now"), "waiting_for_stock", "waiting_for_stock", None),
    ("card_key", "stock", Due("scheduled", LATER), "scheduled", "scheduled", LATER),
    ("physical", "own", Due("scheduled", LATER), "scheduled", "scheduled", LATER),
    ("voucher", "own", Due("after", LATER, "video", "activated", "cancel"), "scheduled", "waiting_for_event", LATER),
    ("voucher", "own", Due("waiting_for_buyer"), "waiting_for_buyer", "waiting_for_buyer", None),
]


@pytest.mark.parametrize(("kind", "source", "due", "item", "state", "at"), TABLE)
def test_first_state(kind: str, source: str, due: Due, item: str, state: str, at: object) -> None:
    supplier = SUPPLIER if source == "supplier" else None
    plan = plan_of(START, part(START, kind=kind, supplier=supplier, source=source, due=due), item)
    assert planning.first_state(plan, START) == (state, at)


async def test_planned_once(tools: Tools) -> None:
    now = tools.clock.now()
    plans = [
        plan_of(now, part(now, supplier=SUPPLIER)),
        plan_of(now, part(now, kind="physical")),
        plan_of(now, part(now, kind="card_key"), "waiting_for_stock"),
    ]
    for _ in range(2):
        async with tools.db.transaction() as tx, tx.pipeline():
            await fulfilment.plan(tx, plans, now=now)
            await fulfilment.plan(tx, [], now=now)
    async with tools.db.reading() as tx:
        rows = await tx.rows("select * from fulfilment.tasks")
    by_id = {row.id: row for row in rows}
    assert set(by_id) == {plan.id for plan in plans}
    top_up, goods, key = [by_id[plan.id] for plan in plans]
    assert (top_up.state, top_up.supplier_id, top_up.due_at) == ("scheduled", SUPPLIER, now)
    assert top_up.request["accounts"] == [["phone", "13800138000"]]
    assert (goods.state, goods.problem, goods.request["ship_to"]["name"]) == ("waiting_for_person", "by_hand", "王")
    assert (key.state, key.due_at) == ("waiting_for_stock", None)
