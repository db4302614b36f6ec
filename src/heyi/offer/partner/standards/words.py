"""What every standard tells in its own way: a bundle that may be bought, and how an order stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.kernel.parts import CARD_KEY, LINK, PHYSICAL, VOUCHER, AccountField
from heyi.kernel.talk import Call
from heyi.offer.partner import errors
from heyi.offer.partner.model import SupplyAccess

METADATA = "supply"
CARDS, ACCOUNT = "cards", "account"  # an order answered with cards and links, or one that fills somebody's account
DOING, DONE, PARTIAL, FAILED = "doing", "done", "partial", "failed"
# States of items, as every context writes them.
DELIVERED, ENDED = "delivered", ("delivered", "failed", "refunded", "cancelled")


@dataclass(frozen=True, slots=True)
class Given:
    """One part of a bundle, as far as those who buy it must know."""

    benefit: str
    kind: str
    at_once: bool
    served: bool  # there is somewhere to get it from


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle on sale. `fields` are its accounts under the order's names; `stock` None: as many as anybody likes."""

    id: UUID
    code: str
    title: str
    version: int
    price: Money
    published_at: datetime
    choices: bool
    parts: tuple[Given, ...]
    fields: tuple[AccountField, ...]
    stock: int | None


@dataclass(frozen=True, slots=True)
class Goods:
    """A bundle as a standard says it: `fields` are pairs of the standard's own field name and ours."""

    bundle: Bundled
    kind: str
    fields: tuple[tuple[str, AccountField], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A card key or a link that was handed over."""

    title: str
    code: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    link: str | None = field(default=None, repr=False)

    @property
    def pair(self) -> tuple[str | None, str]:
        """(number, password); what is one word only is the password."""
        if self.code and self.secret:
            return self.code, self.secret
        return None, self.code or self.secret or self.link or ""


@dataclass(frozen=True, slots=True)
class Handed:
    """What one right of an order shows: cards, or why they cannot be shown (any more); `held`: not now, but later."""

    title: str
    cards: tuple[Card, ...] = ()
    refused: Refused | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """An order as it is now. `number` is theirs, `order` ours, `no` ours as a number; `items` are (title, state).
    `accounts` is what the buyer gave to be filled, by our field names.
    """

    number: str
    order: str
    no: int
    goods: str
    bought: Bought
    quantity: int
    amount: Money
    placed_at: datetime
    ended_at: datetime | None
    items: tuple[tuple[str, str], ...]
    handed: tuple[Handed, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def delivered(self) -> int:
        return sum(state == DELIVERED for _, state in self.items)

    @property
    def state(self) -> str:
        """Doing until every part has come to its end and can be told; then what became of all of them.

        A card that is held would be left out for good: who hears "done" does not ask again.
        """
        if any(state not in ENDED for _, state in self.items) or any(one.held for one in self.handed):
            return DOING
        if self.delivered == len(self.items):
            return DONE
        return PARTIAL if self.delivered else FAILED

    @property
    def missing(self) -> tuple[str, ...]:
        """What was not delivered and will not be, as far as anybody knows now."""
        return tuple(title for title, state in self.items if state in ENDED and state != DELIVERED)

    @property
    def cards(self) -> tuple[Card, ...]:
        return tuple(card for one in self.handed for card in one.cards)

    @property
    def remark(self) -> str:
        """What the standard has no field for, in words."""
        said = []
        if self.missing:
            said.append(f"已交付 {self.delivered}/{len(self.items)}，未交付：{'、'.join(self.missing)}")
        withheld = [f"{one.title}（{one.refused.sentence('zh')}）" for one in self.handed if one.refused is not None]
        if withheld:
            said.append(f"暂不能查看：{'、'.join(withheld)}")
        titles = [card.title for card in self.cards]
        if len(set(titles)) > 1:
            said.append("卡密依次为：" + "、".join(titles))
        return "；".join(said)


class Bought(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an order's metadata keeps, under `supply`, of how it was bought: the standard and key, what was sold (its
    number there, and its title then), and where its end is to be told (`url`)."""

    standard: str
    key: str
    kind: str
    title: str
    no: int = 0
    url: str | None = None
    trace: str | None = None

    @property
    def metadata(self) -> dict[str, object]:
        return {METADATA: msgspec.to_builtins(self)}


class Standard(Protocol):
    """What a file of this folder has to offer.

    `SHOWN_IN`: states of an order in which it tells what was handed over. `TELLS_ALL`: also those that ended in the
    call that placed them are told to the order's address.
    """

    @property
    def SHOWN_IN(self) -> tuple[str, ...]: ...

    @property
    def TELLS_ALL(self) -> bool: ...

    def sellable(self, bundle: Bundled) -> Goods | Refused:
        """The bundle in the standard's words, or why it has none for it."""

    def body(self, report: Report) -> bytes:
        """The notification about an order."""

    def call(self, access: SupplyAccess, url: str, body: bytes, wall: datetime) -> Call:
        """The notification on its way, signed; `wall` is real time."""

    def acknowledged(self, answer: bytes) -> bool:
        """Whether the other side said, in the standard's words, that it has understood."""


def unsayable(bundle: Bundled) -> Refused | None:
    """What no standard has words for: they sell a thing that is there, or will be in a moment."""
    if bundle.choices:
        return errors.SupplyChoice()
    for part in bundle.parts:
        if not part.served:
            return errors.SupplyUnserved(benefit=part.benefit)
        if not part.at_once:
            return errors.SupplyLater(benefit=part.benefit)
        if part.kind == PHYSICAL:
            return errors.SupplyPhysical(benefit=part.benefit)
        if part.kind == VOUCHER:
            return errors.SupplyVoucher(benefit=part.benefit)
    return None


def stock_of(needs: Mapping[UUID, int], ready: Mapping[UUID, int]) -> int | None:
    """How many bundles there are keys for; None when it takes none."""
    return min((ready.get(benefit, 0) // count for benefit, count in needs.items()), default=None)


def accounts_of(goods: Goods, given: Mapping[str, str]) -> dict[str, str] | Refused:
    """The order's accounts out of the standard's own fields; empty ones count as left out."""
    missing = [name for name, _ in goods.fields if not given.get(name)]
    if missing:
        return errors.SupplyAccountMissing(field=missing[0])
    return {ours.name: given[name] for name, ours in goods.fields}


def said_in(answer: bytes) -> dict[str, Any]:
    """What the other side answered; empty when it is no JSON object, whatever it is instead."""
    try:
        told = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def handed_over(part: Given) -> bool:
    """Whether the buyer gets something to read: a card or a link."""
    return part.kind in (CARD_KEY, LINK)
