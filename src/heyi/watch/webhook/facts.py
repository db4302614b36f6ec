"""What the webhook context tells the world."""

from __future__ import annotations

from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.watch.webhook.model import Endpoint


def disabled(endpoint: Endpoint, why: str, shown_url: str) -> Fact:
    """Nothing has arrived at an endpoint for days (or it said that it is gone): nothing more is sent to it."""
    mine = endpoint.holder_id
    return Fact(
        "webhook.disabled",
        {"webhook_endpoint": to_text("whk", endpoint.id), "url": shown_url, "reason": why},
        channel_id=mine if endpoint.holder_kind == "channel" else None,
        partner_id=mine if endpoint.holder_kind == "partner" else None,
    )
