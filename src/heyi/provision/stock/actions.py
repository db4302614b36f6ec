"""Claim, issue, reveal, take in: what happens to card keys while orders are served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.kernel.masking import mask
from heyi.kernel.money import Money
from heyi.provision.stock import cards, store
from heyi.provision.stock.model import BoughtCard, ClaimedKey, KeyState, RepeatedCard, Revealed


async def claim(tx: Tx, needs: Mapping[UUID, int], *, now: datetime) -> dict[UUID, list[ClaimedKey]]:
    """Lock up to `needs[benefit]` keys of each benefit until the transaction ends: the earliest expiry first.

    Expired and quarantined keys are never among them. Fewer keys than asked for means that there really are no more:
    keys which other transactions held have been waited for. Every benefit asked for is in the answer. Call it once
    in a transaction, before anything else that waits for locks other transactions take after their keys.
    """
    wanted = sorted((benefit, most) for benefit, most in needs.items() if most > 0)
    found: dict[UUID, list[ClaimedKey]] = {benefit: [] for benefit in needs}
    if not wanted:
        return found
    rows = await store.claim_ready(tx, wanted, now=now)
    if len(rows) < sum(most for _, most in wanted):
        rows = await store.claim_waiting(tx, wanted, now=now)
    for row in rows:
        cost = Money(row.cost_minor, row.currency)
        found[row.benefit_id].append(ClaimedKey(row.id, row.batch_id, row.benefit_id, row.tail, row.expires_at, cost))
    return found


async def ready(tx: Tx, benefit_ids: Sequence[UUID], *, most: int, now: datetime) -> dict[UUID, int]:
    """How many keys of each benefit could be sold now, counted up to `most`. Nothing is locked: it is only a look."""
    return await store.count_ready(tx, benefit_ids, most=most, now=now) if benefit_ids else {}


async def issue(tx: Tx, pairs: Sequence[tuple[UUID, UUID]], *, now: datetime) -> None:
    """Give claimed keys to items: pairs of (key, item). Safe inside a pipeline; nothing happens for none.

    A key that is not available, or that is named twice, raises psycopg's IntegrityError (when the pipeline ends) and
    so takes the whole transaction down: there is no answer that a caller could forget to check.
    """
    if pairs:
        await store.issue_keys(tx, sorted(pairs), now=now)


async def reveal(tx: Tx, sealing: Sealing, item_ids: Sequence[UUID], *, by: str, now: datetime) -> dict[UUID, Revealed]:
    """Open the cards of these items and record who read them. Items without a card are not in the answer.

    The flow that calls this writes `facts.key_revealed` for each. Raises SealBroken when a sealed value is damaged.
    """
    rows = await store.lock_items_keys(tx, sorted(set(item_ids)))
    if not rows:
        return {}
    unread = [row.id for row in rows if row.state == KeyState.ISSUED]
    await store.record_reveals(tx, new_ids(millis(now), len(rows)), rows, unread, by=by, now=now)
    shown: dict[UUID, Revealed] = {}
    for row in reversed(rows):  # the oldest last, so that it ends up in front of the others
        later = shown.get(row.item_id)
        shown[row.item_id] = _opened(sealing, row, () if later is None else (later, *later.others))
    return shown


async def take_in(tx: Tx, sealing: Sealing, bought: Sequence[BoughtCard], *, now: datetime) -> list[RepeatedCard]:
    """Keep cards that a supplier handed over: sealed, and issued to their items at once.

    The same card for the same item is stored once, however often it is handed over. A card that the vault knows for
    another item (or as stock of its own) is not stored again: it comes back, and its item must not be called
    delivered with it. A spare card is ours, because we pay for it, and nobody's: it is kept in quarantine, in a batch
    of its own, until a person has settled it with the supplier.
    """
    if not bought:
        return []
    batches = await _bought_batches(tx, sealing, bought, now=now)
    fresh = list(zip(new_ids(millis(now), len(bought)), bought, strict=True))
    key = cards.fingerprint_key(sealing)
    marks = [cards.fingerprint(key, cards.packed(card.code, card.secret)) for card in bought]
    by_print: dict[bytes, UUID] = {}
    for mark, (key_id, _) in zip(marks, fresh, strict=True):
        by_print.setdefault(mark, key_id)  # the first of the batch wins, as everywhere
    known = await store.remember_fingerprints(tx, {m: key.bytes for m, key in by_print.items()}, number=None)
    new = {by_print[mark] for mark in by_print if mark not in known}
    kept = [_kept(sealing, batches, key_id, card) for key_id, card in fresh if key_id in new]
    await store.keep_issued(tx, kept, now=now)
    holders: dict[bytes, tuple[UUID, UUID | None]] = {m: (k.key_id, k.item_id) for m, k in known.items()}
    holders |= {
        m: (key_id, None if card.spare else card.item_id)
        for m, (key_id, card) in zip(marks, fresh, strict=True)
        if key_id in new
    }
    repeated = [RepeatedCard(card.item_id, *holders[mark]) for mark, card in zip(marks, bought, strict=True)]
    spare = {card.item_id for card in bought if card.spare}
    return [each for each in repeated if each.holder_item_id != each.item_id and each.item_id not in spare]


def _opened(sealing: Sealing, row: Row, others: tuple[Revealed, ...]) -> Revealed:
    code, secret = cards.opened(cards.data_key(sealing, row.data_key), row.id.bytes, row.sealed)
    first = row.state == KeyState.ISSUED
    # `others` of those behind are shown once, in front.
    flat = tuple(Revealed(o.key_id, o.code, o.secret, o.tail, o.expires_at, o.first) for o in others)
    return Revealed(row.id, code, secret, row.tail, row.expires_at, first, flat)


async def _bought_batches(
    tx: Tx, sealing: Sealing, bought: Sequence[BoughtCard], *, now: datetime
) -> dict[tuple[UUID, Money, bool], Row]:
    """One batch per benefit, cost and month, another for spare cards: the cost of a key is the cost of its batch, and a
    data key stays small."""
    about = {(card.benefit_id, card.cost, card.spare) for card in bought}
    codes = {
        (b, cost, spare): f"{'late' if spare else 'bought'}-{now:%Y%m}-{b}-{cost.amount_minor}{cost.currency}"
        for b, cost, spare in about
    }
    rows = await store.ensure_batches(
        tx, sealing, [(code, benefit, cost) for (benefit, cost, _), code in codes.items()], source="bought", now=now
    )
    return {each: rows[code] for each, code in codes.items()}


def _kept(
    sealing: Sealing, batches: Mapping[tuple[UUID, Money, bool], Row], key_id: UUID, card: BoughtCard
) -> store.IssuedRow:
    batch = batches[card.benefit_id, card.cost, card.spare]
    value = cards.data_key(sealing, batch.data_key).seal(cards.packed(card.code, card.secret), key_id.bytes)
    tail = mask(card.code or card.secret or "")  # some suppliers give a password and no number
    return store.IssuedRow(
        key_id, batch.id, card.benefit_id, card.expires_at, tail, value, None if card.spare else card.item_id
    )
