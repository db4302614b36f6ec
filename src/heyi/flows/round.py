"""One supplier account's round in a worker: claim, let the talks run, record them as they finish in groups.

A talk needs a free slot, and the slots are counted in the database, so that ten workers keep one limit. While a claim
is under way talks end, and their slots would lie idle until the next one: so a claim takes as many errands more as
talks ended since the one before it began. They wait here, and each begins the moment a talk ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from uuid import UUID

import structlog

from heyi.flows import deliver
from heyi.infra import telemetry
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.provision.fulfilment.errand import Errand, Result

LOOKS_MAX = 4  # later looks at old numbers at once: they are many, and nobody waits for them
FULL_S = 0.1  # how long a full account waits for a slot that another worker may free
log = structlog.get_logger("heyi.rounds")


class Round:
    """What this process has under way at one account. `flying`: all its talks in flight, of all accounts."""

    def __init__(
        self, tools: Tools, supplier: UUID, recorder: Gather[Result, None], flying: set[asyncio.Task[None]]
    ) -> None:
        self._tools, self._supplier, self._recorder, self._flying = tools, supplier, recorder, flying
        self.own: Counter[str] = Counter()  # talks in flight, by verb
        self._waiting: deque[Errand] = deque()
        self._free = 0  # slots that the next waiting errands may take
        self._ended: dict[UUID, UUID] = {}  # tasks and leases of talks not yet recorded
        self._ends = 0  # talks that ended since the last claim began
        self._freed = asyncio.Event()

    async def run(self, room: Callable[[], int], stop: asyncio.Event) -> None:
        """Claim and begin until nothing is due or `stop` is set. `room`: talks more that may begin in this process."""
        try:
            more = True
            while more and not stop.is_set() and (most := room()) > 0:
                more = await self._claim(most)
                if more:  # the slots were the limit: go on as soon as one of ours is free
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._freed.wait(), FULL_S)
        except Exception:
            log.exception("a round failed; its leases bring the tasks back", supplier=str(self._supplier))

    async def _claim(self, most: int) -> bool:
        self._freed.clear()
        # Never more than talks are under way: each of them will end and let one begin.
        ahead = min(self._ends, self.own.total())
        # What is free now the database knows; what becomes free from here on we count ourselves.
        self._ends, self._free = 0, 0
        errands, more = await deliver.claim(
            self._tools, self._supplier, most=most, ended=dict(self._ended), held=len(self._waiting), ahead=ahead,
            looks=max(0, LOOKS_MAX - self.own["recheck"]),
        )  # fmt: skip
        self._waiting.extend(errands)
        self._free += sum(1 for one in errands if not one.ahead)
        self._begin()
        return more

    def _begin(self) -> None:
        while self._free > 0 and self._waiting:
            self._free -= 1
            errand = self._waiting.popleft()
            self.own[errand.verb] += 1
            talk = asyncio.create_task(self._hold(errand))
            self._flying.add(talk)
            talk.add_done_callback(partial(self._landed, errand.verb))

    def _landed(self, verb: str, talk: asyncio.Task[None]) -> None:
        self._flying.discard(talk)
        self.own[verb] -= 1
        self._freed.set()

    async def _hold(self, errand: Errand) -> None:
        try:
            result = await deliver.talk(self._tools, errand)
            # The supplier has its slot back now; what comes next need not wait until this is written down.
            self._ended[errand.task_id] = errand.lease
            self._ends, self._free = self._ends + 1, self._free + 1
            self._begin()
            self._freed.set()
            await self._recorder.ask(result)
        except Exception:
            log.exception("a result was not recorded; it will be asked for again", outer_number=errand.outer_number)
            return
        finally:
            if self._ended.get(errand.task_id) == errand.lease:
                del self._ended[errand.task_id]
        telemetry.tasks_recorded.labels(errand.account.code, type(result.answer).__name__.lower()).inc()
