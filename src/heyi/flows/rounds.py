"""The worker's loops for delivery: rounds at every supplier account that has work, and our own hands.

A scout looks ten times a second which accounts have something due and starts a round for each: claim up to the free
slots, let the talks run, record them as they finish in groups of whatever is waiting. A slow supplier holds back only
its own round. Several workers may do this at once; the slots are counted in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog

from heyi.flows import deliver, release, route
from heyi.infra import telemetry
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.provision.fulfilment.errand import Errand, Result

SCOUT_S, OWN_HANDS_S, CARE_S, AFTER_ERROR_S = 0.1, 0.2, 1.0, 1.0
IN_FLIGHT_MAX = 400  # talks at once in this process, below the HTTP client's connections
LOOKS_MAX = 4  # later looks at old numbers at once, of an account: they take no slot there
GROUP_MAX, RECORDERS_MAX = 128, 1  # one recorder: while it commits, the next group gathers
STOP_S_MAX = 60.0
NEVER_FULL = 1 << 30  # work that says how much it did, and is never left half done
log = structlog.get_logger("heyi.rounds")


async def run_rounds(tools: Tools, stop: asyncio.Event) -> None:
    """Serve suppliers until `stop` is set; then talks that run may finish within their time-out."""
    rounds = Rounds(tools, stop)
    while not stop.is_set():
        try:
            for supplier in await deliver.work_due(tools):
                rounds.begin(supplier)
            gap_s = SCOUT_S
        except Exception:
            log.exception("looking for due tasks failed; trying again")
            gap_s = AFTER_ERROR_S
        await _pause(stop, gap_s)
    await rounds.finish()


class Rounds:
    """The rounds of this process: at most one per account, and all talks in flight."""

    def __init__(self, tools: Tools, stop: asyncio.Event) -> None:
        self._tools, self._stop = tools, stop
        self._recorder: Gather[Result, None] = Gather(
            partial(deliver.record, tools), batch_max=GROUP_MAX, runners_max=RECORDERS_MAX
        )
        self._rounds: dict[UUID, asyncio.Task[None]] = {}
        self._freed: dict[UUID, asyncio.Event] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._own: Counter[UUID | tuple[UUID, str]] = Counter()  # talks in flight, by account, and by verb as well
        self._ended: dict[UUID, dict[UUID, UUID]] = {}  # by account: tasks and leases of talks not yet recorded

    def begin(self, supplier: UUID) -> None:
        """Start a round at this account unless one is on."""
        there = self._rounds.get(supplier)
        if there is None or there.done():
            self._rounds[supplier] = asyncio.create_task(self._round(supplier))

    async def finish(self) -> None:
        """Let what runs come to its end; what does not is found again by its lease."""
        await asyncio.gather(*self._rounds.values(), return_exceptions=True)
        if self._flying:
            _, left = await asyncio.wait(self._flying, timeout=STOP_S_MAX)
            for talk in left:
                talk.cancel()

    async def _round(self, supplier: UUID) -> None:
        freed = self._freed.setdefault(supplier, asyncio.Event())
        ended = self._ended.setdefault(supplier, {})
        try:
            more = True
            while more and not self._stop.is_set() and (room := self._room(supplier)) > 0:
                freed.clear()
                looks = max(0, LOOKS_MAX - self._own[supplier, "recheck"])
                errands, more = await deliver.claim(self._tools, supplier, most=room, ended=dict(ended), looks=looks)
                for errand in errands:
                    talk = asyncio.create_task(self._hold(errand, ended, freed))
                    self._flying.add(talk)
                    self._own.update((supplier, (supplier, errand.verb)))
                    talk.add_done_callback(partial(self._landed, freed, errand))
                if more:  # its slots were the limit: go on as soon as one of ours is free
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(freed.wait(), SCOUT_S)
        except Exception:
            log.exception("a round failed; its leases bring the tasks back", supplier=str(supplier))

    def _landed(self, freed: asyncio.Event, errand: Errand, talk: asyncio.Task[None]) -> None:
        self._flying.discard(talk)
        self._own.subtract((errand.account.id, (errand.account.id, errand.verb)))
        freed.set()

    def _room(self, supplier: UUID) -> int:
        """Talks more that an account may begin here: of its own never above twice what is left to all others."""
        return (2 * (IN_FLIGHT_MAX - len(self._flying)) - self._own[supplier]) // 3

    async def _hold(self, errand: Errand, ended: dict[UUID, UUID], freed: asyncio.Event) -> None:
        try:
            result = await deliver.talk(self._tools, errand)
            # The supplier has its slot back now; what comes next need not wait until this is written down.
            ended[errand.task_id] = errand.lease
            freed.set()
            await self._recorder.ask(result)
        except Exception:
            log.exception("a result was not recorded; it will be asked for again", outer_number=errand.outer_number)
            return
        finally:
            if ended.get(errand.task_id) == errand.lease:
                del ended[errand.task_id]
        telemetry.tasks_recorded.labels(errand.account.code, type(result.answer).__name__.lower()).inc()


async def run_own_hands(tools: Tools, stop: asyncio.Event) -> None:
    """Give what is due and ours, until `stop` is set."""
    await _loop(stop, OWN_HANDS_S, [(partial(deliver.give_due, tools), deliver.OWN_HANDS_MAX)])


async def run_care(tools: Tools, stop: asyncio.Event) -> None:
    """Until `stop`: bring back what a lost worker held, end overdue waits, turn breakers, move what one stops."""
    rescuing = (partial(deliver.rescue, tools), deliver.RESCUED_MAX)
    ending = (partial(release.end_waiting, tools), release.OVERDUE_MAX)
    turning, leaving = (partial(route.turn, tools), NEVER_FULL), (partial(route.leave, tools), NEVER_FULL)
    await _loop(stop, CARE_S, [rescuing, ending, turning, leaving])


async def _loop(stop: asyncio.Event, gap_s: float, works: list[tuple[Callable[[], Awaitable[int]], int]]) -> None:
    while not stop.is_set():
        wait_s = gap_s
        for work, most in works:
            try:
                while await work() >= most and not stop.is_set():
                    pass  # a full batch: there is more
            except Exception:
                log.exception("work failed; trying again")
                wait_s = AFTER_ERROR_S
        await _pause(stop, wait_s)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
