"""The right in the buyer's wallet: what it is, its states, and what may happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from heyi.kernel.ids import lane_of, to_text
from heyi.kernel.machine import Machine
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY, CHOICE, LINK, VOUCHER, AccountField, Part, Validity

State = Literal["pending_delivery", "scheduled", "pending_activation", "active", "ended", "failed"]
Why = Literal["used_up", "expired", "cancelled", "revoked", "transferred"]
Step = Literal["none", "choose", "bind", "activate", "reveal", "show_code"]

# `hand_over`: delivered, but it only begins with the buyer's next step (a key to be revealed, a right to be started).
MACHINE: Machine[State] = Machine(
    "scheduled",
    {
        ("scheduled", "begin"): "pending_delivery",
        ("scheduled", "hand_over"): "pending_activation",
        ("scheduled", "deliver"): "active",
        ("scheduled", "fail"): "failed",
        ("scheduled", "cancel"): "ended",
        ("scheduled", "want_buyer"): "pending_delivery",
        ("pending_delivery", "begin"): "pending_delivery",
        ("pending_delivery", "want_buyer"): "pending_delivery",
        ("pending_delivery", "hand_over"): "pending_activation",
        ("pending_delivery", "deliver"): "active",
        ("pending_delivery", "fail"): "failed",
        ("pending_delivery", "cancel"): "ended",
        # A person said "try again", or the supplier's success came late.
        ("failed", "begin"): "pending_delivery",
        ("failed", "want_buyer"): "pending_delivery",
        ("failed", "hand_over"): "pending_activation",
        ("failed", "deliver"): "active",
        ("pending_activation", "activate"): "active",
        ("pending_activation", "expire"): "ended",
        ("pending_activation", "cancel"): "ended",
        ("active", "use_up"): "ended",
        ("active", "expire"): "ended",
        ("active", "cancel"): "ended",
        ("ended", "reopen"): "active",  # only a used-up right, when a redemption is reversed
    },
)
WHY: dict[str, Why] = {"cancel": "cancelled", "expire": "expired", "use_up": "used_up"}
REVEALED_KINDS = (CARD_KEY, LINK)  # their first reveal is their activation


class Properties(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is needed later of the Part that was sold; stored as JSON, defaults left out.

    `given` are account values by name, masked: the values themselves live with the task. `asked` is a keyed
    fingerprint (hex) of the accounts that the buyer gave at activation. `on_request`: delivery waits until the
    buyer asks. `sent`: the buyer has asked; delivery is released, or will come
    on its day with these accounts. `redeemed_at`: when the first unit was used, unless all came back.
    """

    share: Money
    cost: Money
    earn_on: str = "delivery"
    validity: Validity | None = None
    fields: tuple[AccountField, ...] = ()
    given: dict[str, str] = {}
    on_request: bool = False
    sent: bool = False
    asked: str | None = None
    link: str | None = None
    how_to_use: str = ""
    key_expires_at: datetime | None = None
    delivered_at: datetime | None = None
    redeemed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A right to be granted with its order. `item_state` is the item's state as it is written with the order."""

    lane: int
    id: UUID
    channel_id: UUID
    buyer: str
    order_id: UUID
    item_id: UUID
    part: Part
    item_state: str
    key_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a right that was not given at once. With no flag set: it was delivered.

    `wants_buyer`: the buyer must give accounts (again); `begun`: a scheduled delivery has started; `still`: nothing
    but `asks`. `asks`: from now on delivery waits for the buyer's word (True), or no longer does (False).
    """

    lane: int
    id: UUID
    failed: bool = False
    cancelled: bool = False
    key_expires_at: datetime | None = None
    wants_buyer: bool = False
    begun: bool = False
    still: bool = False
    asks: bool | None = None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What the buyer does next, and the account fields which that step needs."""

    step: Step
    fields: tuple[AccountField, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """An entitlement as stored, with the reasons of its holds of this moment.

    `units_left` may still be reserved or used; `units_reserved` are promised to a till; the rest was used.
    """

    id: UUID
    channel_id: UUID
    buyer: str
    order_id: UUID
    item_id: UUID
    component: str
    benefit: str
    title: str
    kind: str
    partner_id: UUID
    state: State
    ended_why: Why | None
    units_total: int
    units_left: int
    units_reserved: int
    valid_from: datetime | None
    valid_to: datetime | None
    properties: Properties
    provider_state: str | None
    provider_heard_at: datetime | None
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None
    holds: tuple[str, ...] = ()

    @property
    def lane(self) -> int:
        return lane_of(self.id)

    @property
    def units_used(self) -> int:
        return self.units_total - self.units_left - self.units_reserved

    @property
    def earned_by_use(self) -> Money:
        """The share that is earned unit by unit; nothing when delivery has earned it already."""
        share = self.properties.share
        return share if self.properties.earn_on == "use" else Money(0, share.currency)

    @property
    def has_reveal(self) -> bool:
        """Whether there is a key or a link to be shown."""
        return self.kind in REVEALED_KINDS

    @property
    def link(self) -> str | None:
        """The link with its places filled in: {entitlement}, {item} and {order} become public ids."""
        link = self.properties.link
        ids = {"{entitlement}": ("ent", self.id), "{item}": ("itm", self.item_id), "{order}": ("ord", self.order_id)}
        for place, (prefix, id) in ids.items():
            link = link and link.replace(place, to_text(prefix, id))
        return link

    @property
    def cost(self) -> Money:
        """What the whole right costs us."""
        return self.properties.cost

    @property
    def missing(self) -> tuple[AccountField, ...]:
        """The account fields which delivery still needs."""
        return tuple([field for field in self.properties.fields if field.name not in self.properties.given])

    @property
    def next_step(self) -> NextStep:
        """What the buyer does next, and what that step needs. A held right has none."""
        if self.holds:
            return NextStep("none")
        if self.state in ("scheduled", "pending_delivery"):  # accounts may be given before the day
            if self.kind == CHOICE:
                return NextStep("choose" if self.properties.on_request else "none")
            asks = not self.properties.sent and (self.properties.on_request or bool(self.missing))
            return NextStep("activate", self.missing) if asks else NextStep("none")
        if self.state == "pending_activation":
            return NextStep("reveal" if self.kind in REVEALED_KINDS else "activate")
        if self.state == "active" and self.kind == VOUCHER:
            return NextStep("show_code")
        return NextStep("none")

    def expired(self, now: datetime) -> bool:
        """Past its last moment, whether or not the periodic job has ended it yet."""
        return self.valid_to is not None and self.valid_to <= now
