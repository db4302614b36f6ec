"""Pure: what is new, what is worse, what is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from heyi.watch.warning import words
from heyi.watch.warning.model import KINDS, LEVELS, OTHER, Trouble, Warned

TOUCHED_AGAIN_AFTER = timedelta(minutes=1)  # a storm of the same trouble writes one row a minute
TEXT_MAX = 500

Key = tuple[str, str]


def said(trouble: Trouble) -> tuple[str, str]:
    """Its text, in both languages."""
    zh, en = words.say(trouble.words or trouble.kind, trouble.numbers)
    return (trouble.zh or zh)[:TEXT_MAX], (trouble.en or en)[:TEXT_MAX]


def worth_writing(troubles: Sequence[Trouble], known: Mapping[Key, Warned], now: datetime) -> list[Trouble]:
    """One per kind and subject (the last), sorted by them; those that were seen a moment ago are left out."""
    last = {(one.kind, one.subject): one for one in troubles}
    return [one for key, one in sorted(last.items()) if not _just_seen(one, known.get(key), now)]


def _just_seen(trouble: Trouble, known: Warned | None, now: datetime) -> bool:
    return (
        known is not None
        and known.calm_since is None
        and known.level == trouble.level
        and timedelta() <= now - known.last_seen < TOUCHED_AGAIN_AFTER
    )


def is_worse(before: Warned | None, after: Warned) -> bool:
    """Its level rose: that is told again."""
    return before is not None and LEVELS.index(after.level) > LEVELS.index(before.level)


def over(found: Iterable[Warned], now: datetime) -> tuple[list[Warned], list[Warned]]:
    """(those that end now, those whose calm begins): the cause of all of them is gone."""
    ends, calms = [], []
    for one in found:
        calm = KINDS.get(one.kind, OTHER).calm
        if not calm or (one.calm_since is not None and now - one.calm_since >= calm):
            ends.append(one)
        elif one.calm_since is None:
            calms.append(one)
    return ends, calms


def faded(one: Warned, now: datetime) -> bool:
    """Not seen for as long as its kind lasts."""
    fades = KINDS.get(one.kind, OTHER).fades
    return fades is not None and now - one.last_seen >= fades


def calmed(one: Warned, now: datetime) -> bool:
    """Its cause has been gone for as long as its kind wants."""
    return one.calm_since is not None and now - one.calm_since >= KINDS.get(one.kind, OTHER).calm


def snooze_over(one: Warned, now: datetime) -> bool:
    """It was quiet until now."""
    return one.snoozed_until is not None and one.snoozed_until <= now
