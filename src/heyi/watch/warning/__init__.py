"""Warnings: what operators should look at; raised once per kind and subject, cleared by itself when the cause is gone.

Any flow may raise and clear them inside its own transaction, and writes the answered facts to the outbox.
"""

from heyi.watch.warning import letters, model, thresholds
from heyi.watch.warning.actions import (
    acknowledge,
    clear,
    find,
    forget,
    leave_money,
    only,
    raise_,
    search,
    snooze,
    sweep,
    watch_money,
    watch_stock,
)
from heyi.watch.warning.judging import MoneyReading, StockReading
from heyi.watch.warning.model import Trouble, Warned

__all__ = [
    "MoneyReading", "StockReading", "Trouble", "Warned", "acknowledge", "clear", "find", "forget", "leave_money",
    "letters", "model", "only", "raise_", "search", "snooze", "sweep", "thresholds", "watch_money", "watch_stock",
]  # fmt: skip
