"""Partner: our counterparts (partners and channels), and the keys with which they and operators call us."""

from heyi.offer.partner import model, standards, supply
from heyi.offer.partner.actions import (
    bootstrap_operator,
    change_party,
    codes_of,
    find_access,
    find_accesses,
    list_access_keys,
    list_parties,
    make_access_key,
    make_party,
    read_party,
    revoke_access_key,
    rotate_access_key,
)

__all__ = [
    "bootstrap_operator",
    "change_party",
    "codes_of",
    "find_access",
    "find_accesses",
    "list_access_keys",
    "list_parties",
    "make_access_key",
    "make_party",
    "model",
    "read_party",
    "revoke_access_key",
    "rotate_access_key",
    "standards",
    "supply",
]
