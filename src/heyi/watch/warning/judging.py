"""Pure: from what was measured to what must be warned of, and what is over.

A threshold that was crossed is crossed back only with a margin (a fifth for amounts, half for times to come): a value
that dances around it raises one warning, not twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from heyi.watch.warning import model
from heyi.watch.warning.model import CRITICAL, WARNING, Thresholds, Trouble

AMOUNT_MARGIN, TIME_MARGIN = (6, 5), (3, 2)  # as fractions: 1.2 and 1.5
WASTED_ONE_IN = 10  # of the expiring keys: fewer go to waste without a word
MONEY_KINDS = (model.BALANCE_LOW, model.BALANCE_DIFFERS, model.BALANCE_UNREAD)
STOCK_KINDS = (model.STOCK_LOW, model.STOCK_FORECAST, model.KEYS_EXPIRING)

Open = Mapping[str, str]  # the kinds that are open about a subject, and their levels


@dataclass(frozen=True, slots=True)
class MoneyReading:
    """A supplier account as it is. `left_minor`: what can still be spent there (None: nobody knows). `differences`: of
    the last looks that brought a balance, newest first; `unread`: looks running that brought none, and why."""

    subject: str
    supplier: str
    currency: str
    left_minor: int | None
    rate_minor: int = 0
    hours_left: int | None = None
    hours_left_now: int | None = None
    differences: Sequence[int] = ()
    unread: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StockReading:
    """A benefit's keys as they are: how many may be sold now, what is issued a day by recent demand (in thousandths),
    whole days left (None: no demand), items that wait for keys, how many keys expire within `expiring_days` and how
    many of those nobody will have bought by then."""

    subject: str
    benefit: str
    ready: int
    demand_milli: int
    days_left: int | None
    waiting: int = 0
    expiring_days: int = 0
    expiring: int = 0
    wasted: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be raised, and what is over: (kind, subject)."""

    raised: list[Trouble] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self, kind: str, subject: str, level: str | None, numbers: Mapping[str, object], words: str | None = None
    ) -> None:
        if level is None:
            self.gone.append((kind, subject))
        else:
            self.raised.append(Trouble(kind, subject, numbers, level, f"{kind}/{words}" if words else ""))


def below(value: int | None, limit: int, *, already: bool, margin: tuple[int, int]) -> bool:
    """Whether a value is too low; one that was already must come back by the margin. Unknown is not low."""
    if value is None:
        return False
    if not already:
        return value < limit
    up, down = margin
    return value * down < limit * up


def money(reading: MoneyReading, limits: Thresholds, before: Open) -> Judged:
    """What is to be said about a supplier account."""
    judged = Judged()
    numbers: dict[str, object] = {
        "supplier": reading.supplier, "currency": reading.currency, "left_minor": reading.left_minor,
        "rate_minor": reading.rate_minor, "hours_left": reading.hours_left,
    }  # fmt: skip
    level = _money_level(reading, limits, before)
    judged.add(
        model.BALANCE_LOW, reading.subject, level, numbers, "unspent" if reading.hours_left is None else None
    )  # fmt: skip
    differs = _differs(reading.differences, limits, already=model.BALANCE_DIFFERS in before)
    if differs:
        by = {"difference_minor": abs(reading.differences[0])}
        judged.add(model.BALANCE_DIFFERS, reading.subject, WARNING, {**numbers, **by}, _maybe(reading.differences))
    else:
        judged.add(model.BALANCE_DIFFERS, reading.subject, None, {})
    unread = reading.unread >= limits.difference_polls
    judged.add(
        model.BALANCE_UNREAD, reading.subject, WARNING if unread else None,
        {"supplier": reading.supplier, "count": reading.unread, "why": reading.problem},
    )  # fmt: skip
    return judged


def _money_level(reading: MoneyReading, limits: Thresholds, before: Open) -> str | None:
    was = before.get(model.BALANCE_LOW)

    def soon(hours: int | None, limit: int, already: bool) -> bool:
        return limit > 0 and below(hours, limit, already=already, margin=TIME_MARGIN)

    if reading.left_minor is None:
        return was  # nobody knows: as before
    if reading.left_minor <= 0 or soon(reading.hours_left_now, limits.hours_critical, was == CRITICAL):
        return CRITICAL
    low = below(reading.left_minor, limits.balance_minor, already=was is not None, margin=AMOUNT_MARGIN)
    return WARNING if low or soon(reading.hours_left, limits.hours, was is not None) else None


def _differs(differences: Sequence[int], limits: Thresholds, *, already: bool) -> bool:
    """It stayed beyond the tolerance, on one side, over as many looks as it takes. Once it is said, one look within
    the tolerance ends it."""
    if already:
        return bool(differences) and abs(differences[0]) > limits.difference_minor
    last = differences[: limits.difference_polls]
    beyond = [one for one in last if abs(one) > limits.difference_minor]
    return len(beyond) == limits.difference_polls and len({one > 0 for one in beyond}) == 1


def _maybe(differences: Sequence[int]) -> str:
    """What such a difference may be: where people look first."""
    side = "more" if differences[0] > 0 else "less"
    grows = len(differences) > 1 and all(abs(new) > abs(old) for new, old in pairwise(differences))
    return f"{side}_growing" if grows else side


def stock(reading: StockReading, limits: Thresholds, before: Open) -> Judged:
    """What is to be said about a benefit's keys. What nobody buys is not missed."""
    judged = Judged()
    numbers: dict[str, object] = {
        "benefit": reading.benefit, "ready": reading.ready, "demand": _thousandths(reading.demand_milli),
        "days_left": reading.days_left, "waiting": reading.waiting,
    }  # fmt: skip
    wanted = reading.demand_milli > 0 or reading.waiting > 0
    low = wanted and below(
        reading.ready, limits.keys, already=model.STOCK_LOW in before, margin=AMOUNT_MARGIN
    )  # fmt: skip
    level = (CRITICAL if reading.ready == 0 else WARNING) if low and limits.keys else None
    judged.add(model.STOCK_LOW, reading.subject, level, numbers)
    soon = below(reading.days_left, limits.days, already=model.STOCK_FORECAST in before, margin=TIME_MARGIN)
    judged.add(model.STOCK_FORECAST, reading.subject, WARNING if soon and limits.days else None, numbers)
    already = model.KEYS_EXPIRING in before
    wasted = reading.wasted * (1 if already else WASTED_ONE_IN) > (0 if already else reading.expiring)
    judged.add(
        model.KEYS_EXPIRING, reading.subject, WARNING if wasted and limits.expiring_days else None,
        {**numbers, "expiring": reading.expiring, "wasted": reading.wasted, "within_days": reading.expiring_days},
    )  # fmt: skip
    return judged


def _thousandths(milli: int) -> str:
    return f"{milli // 1000}.{milli % 1000 // 100}"
