"""Checkout: the buyer commits. Order numbers, orders, items and their four axes."""

from heyi.order.checkout.actions import (
    accounts_of,
    by_number,
    choose,
    claim_numbers,
    facts_of,
    find,
    move_items,
    order_of,
    place,
    prepare,
    read,
    repair,
    search,
)
from heyi.order.checkout.model import Accepted, Asked, Item, ItemMove, Order, Placed
from heyi.order.checkout.rules import decide, keys_needed

__all__ = [
    "Accepted",
    "Asked",
    "Item",
    "ItemMove",
    "Order",
    "Placed",
    "accounts_of",
    "by_number",
    "choose",
    "claim_numbers",
    "decide",
    "facts_of",
    "find",
    "keys_needed",
    "move_items",
    "order_of",
    "place",
    "prepare",
    "read",
    "repair",
    "search",
]
