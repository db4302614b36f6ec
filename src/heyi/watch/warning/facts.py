"""What warnings tell the world; operators' webhooks carry it."""

from __future__ import annotations

from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.watch.warning.model import Warned

RAISED, CLEARED = "warning.raised", "warning.cleared"


def raised(one: Warned, why: str = "new") -> Fact:
    """`why`: new, worse (its level rose), or snooze_over (it was quiet until now and is still there)."""
    return Fact(RAISED, {**_told(one), "why": why})


def cleared(one: Warned) -> Fact:
    """Its cause is gone."""
    return Fact(CLEARED, _told(one))


def _told(one: Warned) -> dict[str, object]:
    return {
        "warning": to_text("wrn", one.id), "kind": one.kind, "about": one.subject, "level": one.level, "zh": one.zh,
        "en": one.en, "numbers": dict(one.numbers), "since": one.since.isoformat(),
    }  # fmt: skip
