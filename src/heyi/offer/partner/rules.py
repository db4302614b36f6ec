"""Which scopes a new key gets."""

from __future__ import annotations

from collections.abc import Set

from heyi.offer.partner.errors import ScopeUnknown
from heyi.offer.partner.model import OPERATOR, SCOPES


def scopes_for(holder_kind: str, wanted: Set[str] | None, maker_scopes: Set[str] | None) -> frozenset[str]:
    """All that the kind may have, unless less is wanted. An operator gives other operators only what is their own.

    `maker_scopes` None: the first key of all, made by nobody. Raises ScopeUnknown.
    """
    possible = SCOPES[holder_kind]
    if holder_kind == OPERATOR and maker_scopes is not None:
        possible = possible & maker_scopes
    if wanted is None:
        return possible
    for scope in sorted(wanted):
        if scope not in possible:
            raise ScopeUnknown("/scopes", scope=scope)
    return frozenset(wanted)
