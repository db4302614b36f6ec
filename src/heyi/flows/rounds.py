"""The worker's loops for delivery: rounds at every supplier account that has work, and our own hands.

A scout looks ten times a second which accounts have something due and starts a round (round.py) for each. A slow
supplier holds back only its own round. Several workers may do this at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog

from heyi.flows import deliver, hear, release, route
from heyi.flows.round import Round
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.provision.fulfilment.errand import Result

SCOUT_S, OWN_HANDS_S, CARE_S, AFTER_ERROR_S = 0.1, 0.2, 1.0, 1.0
IN_FLIGHT_MAX = 400  # talks at once in this process, below the HTTP client's connections
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
    """The rounds of this process: one per account, and all talks in flight."""

    def __init__(self, tools: Tools, stop: asyncio.Event) -> None:
        self._tools, self._stop = tools, stop
        self._recorder: Gather[Result, None] = Gather(
            partial(deliver.record, tools), batch_max=GROUP_MAX, runners_max=RECORDERS_MAX
        )
        self._rounds: dict[UUID, Round] = {}
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self.flying: set[asyncio.Task[None]] = set()

    def begin(self, supplier: UUID) -> None:
        """Start a round at this account unless one is on."""
        there = self._running.get(supplier)
        if there is None or there.done():
            round_ = self.at(supplier)
            self._running[supplier] = asyncio.create_task(round_.run(partial(self.room, round_), self._stop))

    def at(self, supplier: UUID) -> Round:
        """This account's round, whether it runs or not."""
        if supplier not in self._rounds:
            self._rounds[supplier] = Round(self._tools, supplier, self._recorder, self.flying)
        return self._rounds[supplier]

    async def finish(self) -> None:
        """Let what runs, and what was claimed ahead, come to its end; what does not is found again by its lease."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S_MAX):
                while self.flying:
                    await asyncio.wait(self.flying, return_when=asyncio.FIRST_COMPLETED)
        for talk in self.flying:
            talk.cancel()

    def room(self, round_: Round) -> int:
        """Talks more that an account may begin here: of its own never above twice what is left to all others."""
        return (2 * (IN_FLIGHT_MAX - len(self.flying)) - round_.own.total()) // 3


async def run_own_hands(tools: Tools, stop: asyncio.Event) -> None:
    """Give what is due and ours, until `stop` is set."""
    await _loop(stop, OWN_HANDS_S, [(partial(deliver.give_due, tools), deliver.OWN_HANDS_MAX)])


async def run_care(tools: Tools, stop: asyncio.Event) -> None:
    """Until `stop`: bring back what a lost worker held, judge callbacks that nobody judged, end overdue waits, turn
    breakers, move what one stops."""
    rescuing = (partial(deliver.rescue, tools), deliver.RESCUED_MAX)
    judging = (partial(hear.sweep, tools), hear.SWEPT_MAX)
    ending = (partial(release.end_waiting, tools), release.OVERDUE_MAX)
    turning, leaving = (partial(route.turn, tools), NEVER_FULL), (partial(route.leave, tools), NEVER_FULL)
    await _loop(stop, CARE_S, [rescuing, judging, ending, turning, leaving])


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
