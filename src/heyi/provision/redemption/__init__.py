"""Vouchers at a partner's till: the rotating code, prepare, confirm, release, reverse. This is the front door."""

from heyi.provision.redemption import reported
from heyi.provision.redemption.actions import (
    claim,
    expire,
    find,
    look,
    note_refusal,
    prepare,
    record,
    rest,
    search,
    show_code,
)
from heyi.provision.redemption.errors import RedemptionExpired
from heyi.provision.redemption.model import Asked, Redemption, ShownCode

__all__ = [
    "Asked",
    "Redemption",
    "RedemptionExpired",
    "ShownCode",
    "claim",
    "expire",
    "find",
    "look",
    "note_refusal",
    "prepare",
    "record",
    "reported",
    "rest",
    "search",
    "show_code",
]
