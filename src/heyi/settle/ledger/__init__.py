"""Ledger: owns every balance. Entries balance or do not exist; mistakes are reversed, never edited."""

from heyi.settle.ledger import prepaid
from heyi.settle.ledger.actions import (
    accrue,
    audit,
    charge,
    deposits,
    earn,
    lines,
    lines_of_order,
    reverse,
    set_floor,
    top_up,
)
from heyi.settle.ledger.errors import DepositMoved
from heyi.settle.ledger.model import Charge, Cost, Earning, Sold

__all__ = [
    "Charge",
    "Cost",
    "DepositMoved",
    "Earning",
    "Sold",
    "accrue",
    "audit",
    "charge",
    "deposits",
    "earn",
    "lines",
    "lines_of_order",
    "prepaid",
    "reverse",
    "set_floor",
    "top_up",
]
