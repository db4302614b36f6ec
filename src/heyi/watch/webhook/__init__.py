"""Webhooks: telling channels and partners, signed, with patience, and with a log of every try.

`endpoints` is the owner's side; the functions here are what flows do with deliveries.
"""

from heyi.watch.webhook import endpoints
from heyi.watch.webhook.actions import (
    TIMEOUT_S,
    about_order,
    announce,
    announce_again,
    announce_to,
    call_for,
    claim,
    forget,
    record,
)  # fmt: skip
from heyi.watch.webhook.model import WEBHOOK, Announcement, CallBack, Delivery, Endpoint, Outcome, Sending

__all__ = [
    "TIMEOUT_S", "WEBHOOK", "Announcement", "CallBack", "Delivery", "Endpoint", "Outcome", "Sending", "about_order",
    "announce", "announce_again", "announce_to", "call_for", "claim", "endpoints", "forget", "record",
]  # fmt: skip
