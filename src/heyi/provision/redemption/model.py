"""A voucher used at a partner's till: prepared, then confirmed; or released, expired, reversed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from heyi.kernel.ids import lane_of
from heyi.kernel.machine import Machine
from heyi.kernel.money import Money

State = Literal["prepared", "redeemed", "released", "expired", "reversed"]
VERBS = ("confirm", "release", "reverse")  # what a till says about a redemption

MACHINE: Machine[State] = Machine(
    "prepared",
    {
        ("prepared", "confirm"): "redeemed",
        ("prepared", "release"): "released",
        ("prepared", "expire"): "expired",
        ("expired", "confirm"): "redeemed",  # a late confirm takes the units again
        ("redeemed", "reverse"): "reversed",  # until settled
    },
)

STEP_S = 30  # a code's life
STEPS_AWAY_MAX = 1  # how far a till's or a phone's moment may be from ours, in steps
DIGITS = 8
PREPARED_S = 120  # how long a till has to confirm
LATE_S_MAX = 86_400  # how long after that a till's late confirm is still heard
BURNED_KEPT_STEPS = 2_880  # a day; a code is stale after two steps


@dataclass(frozen=True, slots=True)
class Code:
    """What a till scanned, proved to be ours."""

    entitlement_id: UUID
    step: int


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The code that the buyer shows now; `text` is also what the QR picture says."""

    text: str
    expires_at: datetime
    step_s: int = STEP_S


@dataclass(frozen=True, slots=True)
class Asked:
    """A till asks to prepare. `request_no` is the partner's own number for this question."""

    partner_id: UUID
    code: str
    units: int
    till: str
    request_no: str


class Voucher(Protocol):
    """The right behind a code, as far as redemption needs it."""

    @property
    def id(self) -> UUID: ...
    @property
    def channel_id(self) -> UUID: ...
    @property
    def buyer(self) -> str: ...
    @property
    def order_id(self) -> UUID: ...
    @property
    def item_id(self) -> UUID: ...
    @property
    def benefit(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def units_total(self) -> int: ...
    @property
    def earned_by_use(self) -> Money: ...
    @property
    def cost(self) -> Money: ...


@dataclass(frozen=True, slots=True)
class Redemption:
    """A redemption as stored. `share` and `cost` are what its units earned and cost: zero until redeemed."""

    id: UUID
    entitlement_id: UUID
    order_id: UUID
    item_id: UUID
    partner_id: UUID
    channel_id: UUID
    buyer: str
    benefit: str
    title: str
    till: str
    request_no: str
    units: int
    state: State
    prepared_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None
    ended_at: datetime | None
    share: Money
    cost: Money

    @property
    def lane(self) -> int:
        return lane_of(self.id)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the redeemed units of one voucher have earned and cost so far, in minor units."""

    units: int = 0
    share_minor: int = 0
    cost_minor: int = 0
