"""A supplier is asked something that changes nothing (a balance, its products); the call log keeps what was said."""

from __future__ import annotations

from typing import TypeVar

from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.talk import Look
from heyi.provision.fulfilment import calls
from heyi.provision.fulfilment.errand import Account

T = TypeVar("T")


async def ask(
    tools: Tools, account: Account, look: Look[T], verb: str, heard: list[Heard], *, by: str | None = None,
    doubtful: bool = False,
) -> T | None:  # fmt: skip
    """The look's end; None when an exchange brought no answer (`heard[-1].error` says why). `by`: who asks (None: the
    clock). `doubtful`: the connector is a draft. Raises what the connector raises; what was said by then is kept."""
    try:
        return await tools.http.look(look, timeout_s=account.timeout_ms / 1000, heard=heard)
    finally:
        async with tools.db.transaction() as tx:
            await calls.keep_looks(tx, account, verb, heard, by=by, now=tools.clock.now(), doubtful=doubtful)
