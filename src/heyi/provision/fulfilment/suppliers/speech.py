"""What every dialect is made of: the table's row, readers that never guess, and the words of a definite no."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from heyi.kernel.talk import Cure, Declined, Failed, Reply, Talk
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.model import Request

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One purchase, as a dialect needs it. `at` is real time: signatures carry the other side's clock."""

    outer_number: str
    kind: str
    request: Request
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """A callback whose signature holds and which is fresh. It names one of our outer numbers, nothing more."""

    outer_number: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A callback that is not to be trusted: "unsigned", "stale" or "unreadable"."""

    verdict: str


@dataclass(frozen=True, slots=True)
class Callback:
    """An incoming callback, undecoded."""

    headers: Mapping[str, str]
    query: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Balance:
    """What we have left with a supplier, in fen, or why it could not be read."""

    fen: int | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One row of DIALECTS. Talks are pure generators; `ack` is the word after which the supplier stops calling.

    `credentials` names what an account needs. `hidden` finds values that must not be kept in a recorded exchange.
    `grace_ms` is how long "not found" may still change its mind, unless the account says otherwise.
    """

    credentials: tuple[str, ...]
    kinds: tuple[str, ...]
    submit: Callable[[Account, Order], Talk]
    query: Callable[[Account, Order], Talk]
    balance_call: Callable[[Account, datetime], Any]
    read_balance: Callable[[Account, Reply], Balance]
    parse_callback: Callable[[Account, Callback, datetime], Heard | Refusal]
    ack: str
    hidden: re.Pattern[str]
    grace_ms: int = 60_000
    callback_in_order: bool = True


# A definite no is a word, then what the supplier said. Those that pass by themselves are tried again later, with a
# new number; the others wait for the buyer or for a person.
PASSING = frozenset({"balance", "sold_out", "maintenance", "busy"})


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
    """JSON as the signatures want it: no spaces, slashes and Chinese as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_json(text: bytes | str) -> Json | None:
    """A JSON object, numbers with a point as Decimal (they are money); None when it is anything else."""
    try:
        value = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def fen_of(yuan: object) -> int | None:
    """`"15.00"`, 15 or 15.0000 → 1500. None when it is not an amount."""
    if isinstance(yuan, bool) or not isinstance(yuan, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(yuan)
        return int((amount * 100).to_integral_value(ROUND_HALF_UP)) if amount.is_finite() else None
    except InvalidOperation:
        return None


def yuan_of(fen: int) -> str:
    """1500 → "15.00"."""
    return f"{fen // 100}.{fen % 100:02d}"


def text_of(value: object) -> str:
    """A text or a whole number as text; anything else is empty."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def number_of(product_no: str) -> str | int:
    """Product numbers are numbers in their documents and texts in ours."""
    return int(product_no) if product_no.isdecimal() and len(product_no) < 18 else product_no


def hidden_values(*names: str) -> re.Pattern[str]:
    """Finds the values of these JSON fields, also inside JSON that is itself a JSON string."""
    return re.compile(rf'(\\*")({"|".join(names)})\1\s*:\s*\1(?P<value>.*?)\1')


def accounts_by_role(request: Request, main_names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The account that is charged, and the others by name. The main one has a known name, or comes first."""
    given = dict(request.accounts)
    main = next((name for name in main_names if name in given), next(iter(given), ""))
    return given.get(main, ""), {name: value for name, value in given.items() if name != main}


def cards_in(listed: object, number: str, password: str) -> tuple[tuple[str, str], ...]:
    """(number, password) of each card in a supplier's list, by the names it uses; entries with neither are left out."""
    cards = [card for card in listed if isinstance(card, dict)] if isinstance(listed, list) else []
    pairs = [(text_of(card.get(number)), text_of(card.get(password))) for card in cards]
    return tuple([pair for pair in pairs if any(pair)])
