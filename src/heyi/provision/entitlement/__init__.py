"""The right in the buyer's wallet, from the grant to its end. This is the front door."""

from heyi.provision.entitlement import holds, provider
from heyi.provision.entitlement.actions import (
    activate,
    arrive,
    check_use,
    choose,
    expire,
    find,
    grant,
    lock_of_orders,
    move_units,
    of_order,
    reveal,
    search,
)
from heyi.provision.entitlement.model import Arrival, Grant, Right
from heyi.provision.entitlement.rules import check_choice

__all__ = [
    "Arrival",
    "Grant",
    "Right",
    "activate",
    "arrive",
    "check_choice",
    "check_use",
    "choose",
    "expire",
    "find",
    "grant",
    "holds",
    "lock_of_orders",
    "move_units",
    "of_order",
    "provider",
    "reveal",
    "search",
]
