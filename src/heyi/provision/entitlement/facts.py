"""Facts about rights. Their names are public events."""

from __future__ import annotations

from heyi.kernel.facts import Fact
from heyi.kernel.parts import CHOICE
from heyi.provision.entitlement.model import Grant, Right

ACTIVATED = "entitlement.activated"
ENDED = "entitlement.ended"
HELD = "entitlement.held"
FREED = "entitlement.freed"
KEY_REVEALED = "key.revealed"


def granted_active(grant: Grant) -> Fact:
    """A right that is usable from its first moment."""
    part = grant.part
    return Fact(
        ACTIVATED, {"component": part.component, "benefit": part.benefit, "kind": part.kind}, lane=grant.lane,
        order_id=grant.order_id, item_id=grant.item_id, entitlement_id=grant.id, channel_id=grant.channel_id,
        partner_id=part.partner_id, buyer=grant.buyer,
    )  # fmt: skip


def activated(right: Right) -> Fact:
    """The right became usable."""
    return _about(right, ACTIVATED, {"component": right.component, "benefit": right.benefit, "kind": right.kind})


def ended(right: Right) -> Fact:
    """The right is over; `why` says how it ended."""
    data: dict[str, object] = {"component": right.component, "benefit": right.benefit, "why": right.ended_why}
    return _about(right, ENDED, data)


def held(right: Right, reason: str, by: str) -> Fact:
    """The right was frozen for a reason; `by` names who did it."""
    return _about(right, HELD, {"component": right.component, "benefit": right.benefit, "reason": reason, "by": by})


def freed(right: Right, reason: str, by: str) -> Fact:
    """One reason for which the right was frozen is gone."""
    return _about(right, FREED, {"component": right.component, "benefit": right.benefit, "reason": reason, "by": by})


def link_revealed(right: Right, by: str) -> Fact:
    """Somebody (`by`, an access key's name, never a person's) saw the link. The vault says it of card keys."""
    return _about(right, KEY_REVEALED, {"component": right.component, "kind": right.kind, "by": by})


def _about(right: Right, name: str, data: dict[str, object]) -> Fact:
    return Fact(
        name, data, lane=right.lane, order_id=right.order_id, item_id=right.item_id, entitlement_id=right.id,
        channel_id=right.channel_id, partner_id=None if right.kind == CHOICE else right.partner_id, buyer=right.buyer,
    )  # fmt: skip
