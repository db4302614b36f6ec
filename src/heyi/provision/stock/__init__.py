"""stock, the vault of card keys 卡密: sealed at rest, claimed without oversell, earliest expiry first."""

from heyi.provision.stock.actions import claim, issue, reveal, take_in
from heyi.provision.stock.facts import key_revealed, stock_arrived
from heyi.provision.stock.model import BoughtCard, ClaimedKey, RepeatedCard, Revealed

__all__ = [
    "BoughtCard",
    "ClaimedKey",
    "RepeatedCard",
    "Revealed",
    "claim",
    "issue",
    "key_revealed",
    "reveal",
    "stock_arrived",
    "take_in",
]
