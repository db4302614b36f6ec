"""stock, the vault of card keys 卡密: sealed at rest, claimed without oversell, earliest expiry first."""

from heyi.provision.stock import batches, facts, imports, levels, model
from heyi.provision.stock.actions import claim, issue, ready, reveal, take_in
from heyi.provision.stock.facts import key_revealed
from heyi.provision.stock.model import BoughtCard, ClaimedKey, Revealed

__all__ = [
    "BoughtCard",
    "ClaimedKey",
    "Revealed",
    "batches",
    "claim",
    "facts",
    "imports",
    "issue",
    "key_revealed",
    "levels",
    "model",
    "ready",
    "reveal",
    "take_in",
]
