"""A look around every minute for what no single step sees: each look knows all the troubles of its kind that there
are, raises them, and clears the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import structlog

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.offer import catalog, partner
from heyi.provision import usage
from heyi.provision.fulfilment import stranding, syncing
from heyi.watch import journal, warning, webhook
from heyi.watch.warning import Trouble, model

PATIENCE = timedelta(minutes=15)  # for purchases that wait at an account which cannot send them
WORDS_ZH = {
    "paused": "账户已暂停", "unusable": "无可用连接器", "held": "货源已停用", "breaker_open": "已熔断",
    "off_sale": "已下架", "sold_out": "缺货", "no_balance": "余额不足",
}  # fmt: skip
OPERATORS = journal.holder_of("operator", UUID(int=0)).id  # they hear as one
Look = Callable[[Tools, Tx], Awaitable[list[Trouble]]]
log = structlog.get_logger("heyi.lookout")


async def run(tools: Tools) -> int:
    """Look at everything; answers how many troubles there are. A look that fails holds up none of the others."""
    seen = 0
    for kind, look in LOOKS.items():
        try:
            async with tools.db.reading() as tx:
                troubles = await look(tools, tx)
            now = tools.clock.now()
            async with tools.db.transaction() as tx:
                await outbox.write(tx, await warning.only(tx, [kind], troubles, now=now), now=now)
            seen += len(troubles)
        except Exception:
            log.exception("a look failed; the next one comes in a minute", kind=kind)
    return seen


async def _drifts(_tools: Tools, tx: Tx) -> list[Trouble]:
    counts = await usage.drifts.still_open(tx)
    codes = await partner.codes_of(tx, sorted(counts))
    return [
        Trouble(model.DRIFT, to_text("prt", id), {"partner": codes.get(id, ""), "count": count})
        for id, count in counts.items()
    ]


async def _unread(tools: Tools, tx: Tx) -> list[Trouble]:
    found = await usage.sources.unread(tx, now=tools.clock.now())
    codes = await partner.codes_of(tx, sorted({id for id, *_ in found}))
    return [
        Trouble(
            model.PARTNER_UNREAD, to_text("prt", id),
            {"partner": codes.get(id, ""), "since": since.isoformat(timespec="seconds"), "why": problem},
        )
        for id, since, problem in found
    ]  # fmt: skip


async def _unlisted(_tools: Tools, tx: Tx) -> list[Trouble]:
    return [
        Trouble(
            model.PRODUCTS_UNREAD, to_text("sup", id), {"supplier": code, "sync": to_text("syn", sync), "why": why},
            words=f"{model.PRODUCTS_UNREAD}/{state}",
        )
        for id, code, sync, state, why in await syncing.troubled(tx)
    ]  # fmt: skip


async def _deaf(_tools: Tools, tx: Tx) -> list[Trouble]:
    return [
        Trouble(model.WEBHOOK_DISABLED, to_text("whk", id), {"url": url, "why": why})
        for id, url, why in await webhook.endpoints.given_up(tx, OPERATORS)
    ]


async def _stranded(tools: Tools, tx: Tx) -> list[Trouble]:
    now = tools.clock.now()
    found = await stranding.stranded(tx, tools.sealing, due_before=now - PATIENCE)
    return [
        Trouble(
            model.PURCHASES_WAIT, to_text("sup", one.supplier_id),
            {"supplier": one.supplier, "count": one.count, "minutes": (now - one.since) // timedelta(minutes=1),
             "why": one.said or one.word, "why_zh": "：".join(filter(None, [WORDS_ZH[one.word], one.said]))},
        )
        for one in found
    ]  # fmt: skip


async def _nothing_to_buy(tools: Tools, tx: Tx) -> list[Trouble]:
    codes = await catalog.benefits.only_from_suppliers(tx, now=tools.clock.now())
    sourcing = await catalog.benefits.sourcing(tx, list(codes))
    found = await stranding.hindered(tx, tools.sealing, codes, sourcing, wall=tools.clock.wall())
    return [
        Trouble(
            model.NOTHING_TO_BUY, to_text("ben", id),
            {"benefit": codes[id], "why": ", ".join(words),
             "why_zh": "、".join(WORDS_ZH.get(word, word) for word in words)},
            model.CRITICAL,
        )
        for id, words in found.items()
    ]  # fmt: skip


LOOKS: dict[str, Look] = {
    model.DRIFT: _drifts,
    model.PARTNER_UNREAD: _unread,
    model.PRODUCTS_UNREAD: _unlisted,
    model.WEBHOOK_DISABLED: _deaf,
    model.PURCHASES_WAIT: _stranded,
    model.NOTHING_TO_BUY: _nothing_to_buy,
}
