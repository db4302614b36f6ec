"""Pure rules of rights: first states, validity windows, what comes next, and every move."""

from __future__ import annotations

from datetime import datetime, timedelta

from heyi.infra.sealing import mask
from heyi.kernel.parts import PHYSICAL, SERVICE, VOUCHER, Part, Validity
from heyi.provision.entitlement.model import REVEALED_KINDS, Properties, State

_STARTED_BY_BUYER = (VOUCHER, PHYSICAL, SERVICE)
_NO_TERMS = Validity()


def waits_for_activation(kind: str, validity: Validity | None) -> bool:
    """Whether a delivered right of this kind begins only with the buyer's own step.

    Keys and links begin with their first reveal. What we hold ourselves (vouchers, goods, services) waits when its
    days are counted from activation. A top-up begins when it reaches the account.
    """
    if kind in REVEALED_KINDS:
        return True
    return kind in _STARTED_BY_BUYER and validity is not None and validity.start == "activation" and bool(validity.days)


def first_state(part: Part, item_state: str) -> State:
    """The state a right is granted in, from the item's own first state."""
    if item_state == "delivered":
        return "pending_activation" if waits_for_activation(part.kind, part.validity) else "active"
    if item_state in ("failed", "scheduled"):
        return "failed" if item_state == "failed" else "scheduled"
    return "pending_delivery"


def window(
    validity: Validity | None,
    *,
    paid_at: datetime,
    delivered_at: datetime | None,
    activated_at: datetime | None,
    key_expires_at: datetime | None,
) -> tuple[datetime | None, datetime | None]:
    """From when and until when a right may be used, as far as it is known yet. The key's own end caps it."""
    terms = validity or Validity()
    start = {"payment": paid_at, "delivery": delivered_at, "activation": activated_at}[terms.start]
    ends = [end for end in (terms.until, key_expires_at) if end is not None]
    if terms.days is not None and start is not None:
        ends.append(start + timedelta(days=terms.days))
    begins = start if terms.days is not None else delivered_at
    return begins, min(ends, default=None)


def properties_of(part: Part, *, item_state: str, key_expires_at: datetime | None, now: datetime) -> Properties:
    """What the right keeps of the part that it was sold with."""
    return Properties(
        share=part.share,
        cost=part.offer.cost,
        earn_on=part.earn_on,
        validity=None if part.validity == _NO_TERMS else part.validity,
        fields=part.fields,
        given={name: mask(value) for name, value in part.accounts.items()},
        on_request=item_state == "waiting_for_buyer",
        link=part.link,
        how_to_use=part.how_to_use,
        key_expires_at=key_expires_at,
        delivered_at=now if item_state == "delivered" else None,
    )
