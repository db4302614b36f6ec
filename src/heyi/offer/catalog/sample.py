"""Words of a simulation: the sample order, what happens to it, and the story that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from heyi.kernel.money import Money
from heyi.offer.catalog.wording import Words

HAPPENINGS = ("chosen", "asked", "activated", "redeemed", "ended", "delivery_fails")
HAPPENINGS_MAX = 50


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to a component of the sample: the buyer asks for it (and gives what accounts it wants),
    activates it, redeems a unit of it, it ends, or its next delivery fails; or he chooses an `option` of a group.
    """

    component: str
    what: str
    at: datetime
    option: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """An order that nobody places."""

    channel: str
    quantity: int
    paid_at: datetime
    amount: Money
    accounts: Mapping[str, str]
    choices: Mapping[str, Sequence[str]]
    happenings: Sequence[Happening] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story. `item` counts a component's items from 1; `node` and `branch` say where in its flow."""

    at: datetime
    component: str
    item: int | None
    what: str
    words: Words
    node: str | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Where an item is when nothing more happens by itself, and since when."""

    component: str
    item: int
    state: str
    since: datetime | None
