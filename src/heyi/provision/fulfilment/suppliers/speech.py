"""What every dialect is made of: the table's row, readers that never guess, and the words of a definite no."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from heyi.kernel.talk import Cure, Declined, Failed, Look, Talk
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.suppliers.hiding import Hidden

Json = dict[str, Any]
DIGITS_MAX = 12  # before the point: "1e999999999" is an amount to nobody, and more than memory holds


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase, as a dialect needs it. `at` is real time: signatures carry the other side's clock.

    `sent_at` is when it was bought (None: now). `supplier_number` is theirs, when they told it. `may_repeat`: it is
    still wanted and its account may buy, so that asking may be sending it again where a number counts once (and
    `Dialect.repeats` says so); never for an ended attempt.
    """

    outer_number: str
    kind: str
    request: Request
    at: datetime
    sent_at: datetime | None = None
    supplier_number: str = ""
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A callback whose signature holds and which is fresh. It names one of our outer numbers, nothing more. `proof` is
    its signature: what is signed alike is the same callback again, whatever else is written beside it."""

    outer_number: str
    proof: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A callback that is not to be trusted: "unsigned", "stale" or "unreadable"; `outer_number` where its signature
    holds."""

    verdict: str
    outer_number: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Callback:
    """An incoming callback, undecoded."""

    headers: Mapping[str, str]
    query: str
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Balance:
    """What we have left with a supplier, in fen (hundredths of `currency`), or why it could not be read; `untold`:
    there is no way to ask."""

    fen: int | None
    why: str = ""
    currency: str = "CNY"
    untold: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a supplier wants to know before it delivers a product."""

    name: str
    title: str = ""
    required: bool = True
    pattern: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the supplier shows it. `kind` is empty when it does not say; None: no stock is shown."""

    product_no: str
    title: str
    kind: str = ""
    price_minor: int | None = None
    currency: str = "CNY"
    stock: int | None = None
    on_sale: bool = True
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A page of products, or the problem that there is none. `next_page` None: this was the last."""

    products: tuple[Product, ...] = ()
    next_page: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """Something that an account needs; secret ones are masked wherever they are kept or shown."""

    name: str
    label: str
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer after which a supplier stops calling."""

    body: str
    status: int = 200
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one sort of supplier is spoken with. Talks and looks are pure generators.

    `balance` and `product` tell the problem instead when there is one; `products` and `product` are None where the
    supplier shows none. `hidden` blanks what must not be kept of a recorded exchange. `grace_ms` is how long
    "not found" may still change its mind, at least: an account may say longer. `repeats`: asking may be sending again.
    """

    credentials: tuple[Credential, ...]
    kinds: tuple[str, ...]
    submit: Callable[[Account, Order], Talk]
    query: Callable[[Account, Order], Talk]
    balance: Callable[[Account, datetime], Look[Balance]]
    parse_callback: Callable[[Account, Callback, datetime], Heard | Refusal]
    ack: Ack
    hidden: Hidden
    products: Callable[[Account, datetime, int], Look[ProductPage]] | None = None
    product: Callable[[Account, datetime, str], Look[Product | str]] | None = None
    grace_ms: int = 60_000
    first_query_ms: int = 0
    query_gap_ms: int = 500
    callback_in_order: bool = True
    repeats: bool = False


# A definite no is a word, then what the supplier said. Those that pass by themselves are tried again later, with a
# new number; the others wait for the buyer or for a person.
PASSING = frozenset({"balance", "sold_out", "maintenance", "busy", "unreachable"})


# Refusals that speak of the account or the supplier as a whole, not of this purchase: as bad as no answer.
UNWELL = frozenset({"signature", "clock", "endpoint", "balance", "maintenance", "busy", "unreachable"})


def declined(word: str, said: str, code: object) -> Declined:
    """Refused before acceptance. `word` is ours, `said` theirs."""
    return Declined(reason(word, said, code), _cure(word))


def failed(word: str, said: str, supplier_number: str | None) -> Failed:
    """Accepted, then failed for good."""
    return Failed(reason(word, said), _cure(word), supplier_number)


def reason(word: str, said: str = "", code: object = None) -> str:
    """`sold_out 商品库存不足 (410)`: the word first, so that rules can read it."""
    told = " ".join(said.split())[:200]
    return " ".join(part for part in (word, told, f"({code})" if code is not None else "") if part)


def _cure(word: str) -> Cure:
    if word == "account":
        return Cure.ASK_BUYER
    return Cure.OTHER_OFFER if word in ("no_product", "off_sale", "price", "recharge", *PASSING) else Cure.PERSON


def compact(value: object) -> str:
    """JSON as the signatures want it: no spaces, slashes and Chinese as they are, numbers as they were written."""
    try:
        return _compact(value)
    except TypeError:
        return _numbers.encode(value).decode()


def sorted_json(value: object) -> str:
    """The same with keys sorted on every level."""
    try:
        return _sorted(value)
    except TypeError:
        return _sorted_numbers.encode(value).decode()


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_numbers = msgspec.json.Encoder(decimal_format="number")
_sorted_numbers = msgspec.json.Encoder(decimal_format="number", order="sorted")


def read_json(text: bytes | str) -> Json | None:
    """A JSON object, numbers with a point as Decimal (they are money); None when it is anything else."""
    value = any_json(text)
    return value if isinstance(value, dict) else None


def any_json(text: bytes | str) -> Any:
    """Any JSON; None when it is none."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def fen_of(yuan: object) -> int | None:
    """`"15.00"`, 15 or 15.0000 → 1500. None when it is not an amount."""
    if isinstance(yuan, bool) or not isinstance(yuan, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(yuan)
        if not amount.is_finite() or amount.adjusted() > DIGITS_MAX:
            return None
        return int((amount * 100).to_integral_value(ROUND_HALF_UP))
    except InvalidOperation:
        return None


def text_of(value: object) -> str:
    """A text or a whole number as text; anything else is empty."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def number_of(product_no: str) -> str | int:
    """Product numbers are numbers in their documents and texts in ours; "007" is no number."""
    whole = int(product_no) if product_no.isdecimal() and len(product_no) < 18 else product_no
    return whole if str(whole) == product_no else product_no


def hidden_values(*names: str) -> Hidden:
    """Hides the values of these fields, and what stands below them, in whatever a supplier says."""
    return Hidden(names)
