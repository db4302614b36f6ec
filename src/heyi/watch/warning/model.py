"""Words of warnings.

A warning is open from `since` until `cleared_at`; there is at most one open warning per kind and subject. The subject
is the public id of what it is about ("sup_…", "ben_…"), with "/detail" behind it when one thing can be in trouble in
several ways ("sup_…/status 7"). Kinds are an open word; KINDS says how the known ones end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

WARNING, CRITICAL = "warning", "critical"
LEVELS = (WARNING, CRITICAL)

BALANCE_LOW, BALANCE_DIFFERS = "supplier_balance_low", "supplier_balance_differs"
BALANCE_UNREAD = "supplier_balance_unread"
STOCK_LOW, STOCK_FORECAST, KEYS_EXPIRING = "stock_low", "stock_forecast", "keys_expiring"
BREAKER_OPEN, UNMAPPED_ANSWER, OFFER_HELD = "breaker_open", "unmapped_answer", "offer_held"
CALLBACKS_REFUSED, DRIFT = "callbacks_refused", "drift"
UNSOURCED, PRODUCTS_UNREAD = "benefit_unsourced", "products_unread"
PARTNER_UNREAD, WEBHOOK_DISABLED = "partner_unread", "webhook_disabled"
MAIL_GIVEN_UP = "mail_given_up"
PURCHASES_WAIT, NOTHING_TO_BUY = "purchases_wait", "nothing_to_buy"
TASKS_WAITING, DIFFERENCES_OPEN, FLOWS_STUCK = "tasks_waiting", "differences_open", "flows_stuck"

ALLIANCE = "alliance"  # the subject of thresholds that hold for all


@dataclass(frozen=True, slots=True)
class Kind:
    """How warnings of a kind end. `calm`: its cause must have been gone for so long (what comes and goes is raised
    once). `fades`: nobody says that its cause is gone; it ends when it was not seen for so long."""

    calm: timedelta = timedelta()
    fades: timedelta | None = None


KINDS: Mapping[str, Kind] = {
    BREAKER_OPEN: Kind(calm=timedelta(minutes=5)),
    UNMAPPED_ANSWER: Kind(fades=timedelta(days=1)),
    NOTHING_TO_BUY: Kind(calm=timedelta(minutes=5)),
    CALLBACKS_REFUSED: Kind(fades=timedelta(hours=1)),
}
OTHER = Kind()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something to be warned of. `numbers` fill the places of its text (words.py) and are shown beside it; nothing
    secret or personal. `words` names another entry there than the kind's own; a kind without words brings its own
    `zh` and `en`.
    """

    kind: str
    subject: str
    numbers: Mapping[str, object] = field(default_factory=dict)
    level: str = WARNING
    words: str = ""
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning as it is kept."""

    id: UUID
    kind: str
    subject: str
    level: str
    zh: str
    en: str
    numbers: Mapping[str, object]
    since: datetime
    last_seen: datetime
    calm_since: datetime | None
    cleared_at: datetime | None
    snoozed_until: datetime | None
    snoozed_by: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    mailed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Suppliers: `balance_minor` (below it), `hours` and `hours_critical` left at the usual rate and at the last
    hour's, `difference_minor` tolerated, and for how many looks running (`difference_polls`). Benefits: `keys` left,
    `days` left by recent demand, and `expiring_days` ahead in which keys may go to waste. Zero hours, days, keys or
    expiring days: do not warn of that.
    """

    balance_minor: int = 100_00
    hours: int = 24
    hours_critical: int = 2
    difference_minor: int = 1_00
    difference_polls: int = 3
    keys: int = 10
    days: int = 3
    expiring_days: int = 7
