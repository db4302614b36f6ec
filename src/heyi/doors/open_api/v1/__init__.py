"""Version 1: the doors of channels, partners and whoever listens. `HANDLERS` is their table of contents."""

from heyi.doors.open_api.v1 import balance, bundles, entitlements, events, orders, redemptions, usage, webhooks

HANDLERS = [
    *balance.HANDLERS,
    *bundles.HANDLERS,
    *orders.HANDLERS,
    *entitlements.HANDLERS,
    *redemptions.HANDLERS,
    *usage.HANDLERS,
    *webhooks.HANDLERS,
    *events.HANDLERS,
]
