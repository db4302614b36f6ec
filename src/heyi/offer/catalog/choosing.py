"""A slot that was left open gets what is chosen for it: as the version says it, from the offers of the moment."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.kernel.parts import Part
from heyi.offer.catalog import actions, errors
from heyi.offer.catalog.compiled import Bound
from heyi.offer.catalog.delivery import NOW

NONE: Mapping[str, str] = {}


async def as_sold(tx: Tx, keys: Collection[tuple[str, int, UUID]]) -> dict[tuple[str, int, UUID], Bound]:
    """Versions (bundle code, number, channel) as they were sold, whether or not they still are, with offers of now."""
    return await actions.bound(tx, list(keys))


def chosen(
    bound: Bound, group: str, option: str, share: Money, *, taken: Sequence[str], quantity: int,
    accounts: Mapping[str, str] = NONE,
) -> tuple[Part, str] | Refused:  # fmt: skip
    """The part for an open slot, and the option's flow as JSON. `taken` are the options in the order's other slots,
    `accounts` what the buyer gave beforehand, by the order's names.
    """
    template = bound.compiled.options.get(group, {}).get(option)
    if template is None:
        return errors.ChoiceUnknown("/option")
    if list(taken).count(option) >= quantity:
        return errors.ChoiceRepeated("/option")
    place = bound.offers.get(template.benefit.id)
    if place is None:
        return errors.NoOffer("/option", benefit=template.benefit.code)
    graph = json.dumps(template.component.delivery, ensure_ascii=False)
    return template.part(share, NOW, place, template.given(accounts)), graph


def default(
    bound: Bound, group: str, preferred: Sequence[str], share: Money, *, named: str | None,
    accounts: Mapping[str, str], taken: Sequence[str], quantity: int,
) -> tuple[Part, str] | None:  # fmt: skip
    """What is taken without the buyer: what he named beforehand, that or nothing; else the first preferred one that can
    be had, else any other.
    """
    others = [code for code in bound.compiled.options.get(group, {}) if code not in preferred]
    for option in (*preferred, *others) if named is None else (named,):
        made = chosen(bound, group, option, share, taken=taken, quantity=quantity, accounts=accounts)
        if not isinstance(made, Refused):
            return made
    return None
