"""From facts to jobs: nothing lost, nothing doubled, and one bad fact holds up nobody."""

from __future__ import annotations

import ast
import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from tests.watch.world import fresh, paid, state, until

from heyi.flows import housekeeping, map, relay, send, tell
from heyi.infra import jobs, outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.provision.redemption import model as redemption
from heyi.watch import journal

SRC = Path(__file__).resolve().parents[2] / "src" / "heyi"
NAME = re.compile(r"^(order|item|task|entitlement|key|redemption|refund|stock|usage|webhook|delivery)\.[a-z_]+$")


def named_in(path: Path) -> set[str]:
    """Every fact name in a facts.py; `redemption.{state}` stands for all of its states."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.match(node.value):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr) and ast.unparse(node).startswith("f'redemption.{"):
            found |= {f"redemption.{one}" for one in redemption.MACHINE.states()}
    return found


def test_every_fact_is_on_the_map_or_unheard_for_a_reason() -> None:
    stated = {name for path in SRC.glob("*/*/facts.py") for name in named_in(path)}
    assert len(stated) > 10
    heard = {name for name, _ in map.LATER}
    assert stated - heard - set(map.UNHEARD) == set(), "say in flows/map.py what these start, or why nothing"
    assert not heard & set(map.UNHEARD)
    assert all(reason.strip() for reason in map.UNHEARD.values())


def test_every_public_event_is_told() -> None:
    told = {name for name, handler in map.LATER if handler is tell.those_concerned}
    planned = {"order.cancelled", "refund.completed"}  # their flows come with payment and refunds
    assert set(journal.PUBLIC) - planned == told


def test_the_map_repeats_nothing_and_its_jobs_have_their_own_names() -> None:
    assert len(set(map.LATER)) == len(map.LATER)
    handlers = {handler for _, handler in map.LATER} | {run for _, run in map.EVERY} | {run for _, run in map.ASKED}
    assert len({relay.name_of(handler) for handler in handlers}) == len(handlers)


def test_groups_follow_the_map_and_are_bounded() -> None:
    async def first(_: Tools, __: Sequence[Fact]) -> None: ...

    async def second(_: Tools, __: Sequence[Fact]) -> None: ...

    later = (("a.b", first), ("c.d", second), ("c.d", first))
    facts = [(UUID(int=n), "c.d" if n % 2 else "a.b") for n in range(relay.FACTS_MAX + 2)]
    found = relay.grouped([*facts, (UUID(int=9), "no.body")], later)
    assert [job.task for job in found] == ["test_relay.first", "test_relay.first", "test_relay.second"]
    assert [len(job.args["facts"].split()) for job in found] == [relay.FACTS_MAX, 2, relay.FACTS_MAX // 2 + 1]


async def jobs_of(tools: Tools) -> Counter[str]:
    """How often each fact is in the queue for those_concerned."""
    async with tools.db.reading() as tx:
        rows = await tx.rows("select args from public.procrastinate_jobs where task_name = 'tell.those_concerned'")
    return Counter(id for row in rows for id in row.args["facts"].split())


async def clear(tools: Tools) -> None:
    async with tools.db.transaction() as tx:
        await tx.run("delete from public.procrastinate_jobs")
        await tx.run("delete from infra.unrelayed")


async def test_relays_side_by_side_hand_every_fact_on_once(tools: Tools) -> None:
    await clear(tools)
    facts = [fact for _ in range(300) for fact in await state(tools, [paid(fresh(tools))])]
    while sum(await asyncio.gather(*(relay.relay_once(tools) for _ in range(4)))):
        pass
    assert await jobs_of(tools) == Counter(str(fact.id) for fact in facts)


@pytest.mark.parametrize("step", ["defer", "relayed"])
async def test_a_crash_between_the_steps_loses_and_doubles_nothing(
    tools: Tools, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await clear(tools)
    facts = await state(tools, [paid(fresh(tools)), paid(fresh(tools))])

    async def crash(*_: object) -> None:
        raise ConnectionError("pulled out")

    with monkeypatch.context() as broken:
        broken.setattr(jobs if step == "defer" else outbox, step, crash)
        with pytest.raises(ConnectionError):
            await relay.relay_once(tools)
    assert await jobs_of(tools) == Counter()
    assert await relay.relay_once(tools) == 1
    assert await relay.relay_once(tools) == 0
    assert await jobs_of(tools) == Counter(str(fact.id) for fact in facts)


async def read_events(tools: Tools, holder: UUID) -> list[UUID]:
    async with tools.db.reading() as tx:
        return list((await journal.read(tx, holder, most=200)).fact_ids)


async def test_a_job_that_runs_twice_tells_once(tools: Tools) -> None:
    channel = fresh(tools)
    facts = await state(tools, [paid(channel) for _ in range(3)])
    run = relay.reaction(tools, tell.those_concerned)
    args = {"facts": " ".join(str(fact.id) for fact in facts)}
    await asyncio.gather(run(args), run(args), run(args))
    assert await read_events(tools, channel) == [fact.id for fact in facts]


async def test_one_bad_fact_holds_up_none_of_its_neighbours(tools: Tools) -> None:
    facts = await state(tools, [paid(fresh(tools)) for _ in range(9)])
    done: list[UUID | None] = []

    async def picky(_: Tools, given: Sequence[Fact]) -> None:
        if facts[4] in given:
            raise ValueError("this one")
        done.extend(fact.id for fact in given)

    with pytest.raises(ValueError, match="this one"):
        await relay.react(tools, picky, facts)
    assert done == [fact.id for fact in facts if fact is not facts[4]]


async def test_from_the_fact_to_the_journal_through_the_whole_machine(tools: Tools) -> None:
    """The relay, the queue and a worker, as in production; then everything stops when told."""
    await clear(tools)
    channel, stop = fresh(tools), asyncio.Event()
    running = [asyncio.create_task(run(tools, stop)) for run in (relay.run_relay, relay.run_jobs, send.run_webhooks)]
    facts = await state(tools, [paid(channel) for _ in range(20)])

    async def told() -> bool:
        return len(await read_events(tools, channel)) == len(facts)

    await until(told)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*running), 20)
    assert await read_events(tools, channel) == [fact.id for fact in facts]


async def test_housekeeping_runs_on_an_empty_house(tools: Tools) -> None:
    await housekeeping.run(tools)


async def test_relaying_costs_the_same_statements_for_one_and_for_many(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, ours = [], Tx._send
    for size in (1, 100):
        await clear(tools)
        for _ in range(size):
            await state(tools, [paid(fresh(tools))])
        said: list[object] = []

        async def counting(tx: Tx, sql: object, values: object, said: list[object] = said) -> object:
            said.append(sql)
            return await ours(tx, sql, values)  # type: ignore[arg-type]

        monkeypatch.setattr(Tx, "_send", counting)
        await relay.relay_once(tools)
        monkeypatch.setattr(Tx, "_send", ours)
        counts.append(len(said))
    assert counts[0] == counts[1]
