"""The webhook sender: claim (commit) → send → record (commit), many at a time, one slow receiver holding up nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from heyi.flows import supply_tell
from heyi.infra import guard, outbox, telemetry
from heyi.infra.gather import Gather
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.kernel.talk import Call
from heyi.watch import webhook
from heyi.watch.webhook import Outcome, Sending

IN_FLIGHT_MAX = 100  # per process
IDLE_S_MIN, IDLE_S_MAX = 0.02, 0.25
GRACE_S = 5.0
log = structlog.get_logger("heyi.webhooks")


async def run_webhooks(tools: Tools, stop: asyncio.Event) -> None:
    """Send what is due until `stop` is set; tries in flight get five seconds, then their leases bring them back."""
    allowed = None if tools.settings.webhook_private else guard.public
    flying: set[asyncio.Task[None]] = set()
    async with Http(connections_max=IN_FLIGHT_MAX, allowed=allowed) as http:
        sender = Sender(tools, http)
        idle_s = IDLE_S_MIN
        while not stop.is_set():
            claimed: Sequence[Sending] = ()
            try:
                if len(flying) < IN_FLIGHT_MAX:
                    claimed = await sender.claim(IN_FLIGHT_MAX - len(flying))
            except Exception:
                log.exception("claiming webhooks failed")
                idle_s = 1.0
            for sending in claimed:
                task = asyncio.create_task(sender.send(sending))
                flying.add(task)
                task.add_done_callback(flying.discard)
            idle_s = IDLE_S_MIN if claimed else min(idle_s * 2, max(IDLE_S_MAX, idle_s))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), idle_s)
        if flying:
            await asyncio.wait(flying, timeout=GRACE_S)
        for task in list(flying):
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)


class Sender:
    """Sends claimed deliveries and records how that went, in small groups."""

    def __init__(self, tools: Tools, http: Http) -> None:
        self._tools, self._http = tools, http
        self._ends: Gather[Outcome, None] = Gather(self._record, runners_max=1)

    async def claim(self, most: int) -> list[Sending]:
        """Take what is due, at most `most`."""
        async with self._tools.db.transaction() as tx:
            return await webhook.claim(tx, now=self._tools.clock.now(), wall=self._tools.clock.wall(), most=most)

    async def send(self, sending: Sending) -> None:
        """One try, recorded. What cannot be made or sent is a try that failed, and is given up like any other; what
        cannot be recorded is brought back by its lease."""
        try:
            outcome = await self._try(sending)
        except Exception as error:
            log.exception("a webhook was not sent", delivery=str(sending.id))
            outcome = Outcome(sending, None, f"not sent: {type(error).__name__}", 0, self._tools.clock.now())
        try:
            await self._ends.ask(outcome)
        except Exception:
            log.exception("a webhook was not recorded", delivery=str(sending.id))

    async def _try(self, sending: Sending) -> Outcome:
        if sending.voice == webhook.WEBHOOK:
            call: Call | str = webhook.call_for(self._tools.sealing, sending, wall=self._tools.clock.wall())
        else:
            call = await supply_tell.call_for(self._tools, sending)
        if isinstance(call, str):
            return Outcome(sending, None, call, 0, self._tools.clock.now())
        heard = await self._http.send(call, timeout_s=webhook.TIMEOUT_S)
        status = None if heard.reply is None else heard.reply.status
        telemetry.webhook_sends.labels(str(status or heard.error)).inc()
        telemetry.webhook_seconds.observe(heard.duration_ms / 1000)
        error = heard.error or supply_tell.fault(sending, heard.reply)
        return Outcome(sending, status, error, heard.duration_ms, self._tools.clock.now())

    async def _record(self, outcomes: Sequence[Outcome]) -> list[None]:
        now = self._tools.clock.now()
        async with self._tools.db.transaction() as tx:
            facts = await webhook.record(tx, outcomes, now=now)
            await outbox.write(tx, facts, now=now)
        return [None] * len(outcomes)
