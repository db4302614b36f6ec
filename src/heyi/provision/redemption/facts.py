"""Facts about redemptions. Their names are public events."""

from __future__ import annotations

from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.provision.redemption.model import Redemption


def now_in_state(one: Redemption) -> Fact:
    """`redemption.prepared`, `.redeemed`, `.released`, `.expired` or `.reversed`: the state it came into."""
    return Fact(
        f"redemption.{one.state}",
        {"redemption": to_text("rdm", one.id), "benefit": one.benefit, "units": one.units, "till": one.till},
        lane=one.lane,
        order_id=one.order_id,
        item_id=one.item_id,
        entitlement_id=one.entitlement_id,
        channel_id=one.channel_id,
        partner_id=one.partner_id,
        buyer=one.buyer,
    )
