"""Card keys and links are shown to whoever may see them. Every look is a recorded fact; no answer is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.provision import entitlement, stock
from heyi.provision.entitlement import Right
from heyi.provision.stock import Revealed


@dataclass(frozen=True, slots=True)
class Shown:
    """A key (`code`, `secret`; `others` when the item has several cards) or a `link`, with its right; or why not."""

    right: Right
    code: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)
    others: tuple[tuple[str, str | None], ...] = field(default=(), repr=False)
    refused: Refused | None = None


async def reveal(tools: Tools, channel_id: UUID, entitlement_id: UUID, *, by: str) -> Shown:
    """One right's key or link. `by` names the access key's holder. Raises the entitlement's refusals."""
    async with tools.db.transaction() as tx:
        answer = (await _reveal(tools, tx, channel_id, [entitlement_id], by))[entitlement_id]
        if isinstance(answer, Refused):
            raise answer
        return answer


async def order(tools: Tools, order_id: UUID, lane: int, *, by: str) -> list[Shown]:
    """Every key and link of an order, in its order; `refused` says why one cannot be shown (yet, any more).

    The caller has seen that the order is the asker's. Empty when it has no keys and links.
    """
    async with tools.db.transaction() as tx:
        rights = await entitlement.of_order(tx, lane, order_id, now=tools.clock.now())
        asked = [right for right in rights if right.has_reveal]
        shown = await _reveal(tools, tx, asked[0].channel_id, [right.id for right in asked], by) if asked else {}
    answers = [(right, shown[right.id]) for right in asked]
    return [Shown(right, refused=a) if isinstance(a, Refused) else a for right, a in answers]


async def _reveal(tools: Tools, tx: Tx, channel_id: UUID, ids: Sequence[UUID], by: str) -> dict[UUID, Shown | Refused]:
    now = tools.clock.now()
    answers, facts = await entitlement.reveal(tx, ids, channel_id=channel_id, by=by, now=now)
    rights = [right for right in answers.values() if isinstance(right, Right)]
    keys = await stock.reveal(tx, tools.sealing, [right.item_id for right in rights if not right.link], by=by, now=now)
    facts = [
        *(stock.key_revealed(lane=right.lane, key_id=keys[right.item_id].key_id, tail=keys[right.item_id].tail, by=by,
                             order_id=right.order_id, item_id=right.item_id, entitlement_id=right.id,
                             channel_id=right.channel_id, buyer=right.buyer)
          for right in rights if not right.link),
        *facts,
    ]  # fmt: skip
    await outbox.write(tx, facts, now=now)
    return {
        id: answer if isinstance(answer, Refused) else _shown(answer, keys.get(answer.item_id))
        for id, answer in answers.items()
    }


def _shown(right: Right, key: Revealed | None) -> Shown:
    if key is None:
        return Shown(right, link=right.link)
    return Shown(right, key.code, key.secret, others=tuple([(other.code, other.secret) for other in key.others]))
