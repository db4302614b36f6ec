"""Pure: a verb of a connector, rehearsed. What would go out byte by byte, what was signed, and what a reply means; with
secret credentials shown as the places where they stand, and cards masked. The signature of samples is the
true one; that of a real account is of the shown text, with the places in it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.infra.http import Heard as Exchange
from heyi.kernel.masking import mask
from heyi.kernel.money import decimal
from heyi.kernel.talk import (
    Accepted,
    Call,
    Declined,
    Delivered,
    Failed,
    Look,
    NotFound,
    Reply,
    Unknown,
)
from heyi.provision.fulfilment import purchases
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.errors import NotToBeSent
from heyi.provision.fulfilment.masking import charset_of_call
from heyi.provision.fulfilment.suppliers import Callback, Heard, Order
from heyi.provision.fulfilment.suppliers.document import Profile
from heyi.provision.fulfilment.suppliers.speech import Balance, Product, ProductPage
from heyi.provision.fulfilment.veiling import is_real, stand_in, veiled, veiled_in, veiled_reply

VERBS = ("submit", "query", "balance", "products", "product", "callback")
SENT = ("query", "balance", "products", "product")  # they change nothing at the other side
TEXT_MAX = 20_000
MORE = object()  # the replies ended before the talk did


@dataclass(frozen=True, slots=True)
class Asked:
    """What is rehearsed. `replies` are given to the calls in turn; `callback` is what they would send us."""

    verb: str
    order: Order
    at: datetime
    page: int = 1
    replies: tuple[Reply, ...] = ()
    callback: Callback | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """One call as it goes out. `signature` is empty where a package does not tell which of its secrets it is."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    body_base64: str
    signed: str
    signature: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back to a call that was sent."""

    status: int | None
    body: str
    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`verdict` None: the replies ended before the talk did. `sentence` says it in words."""

    calls: list[Shown]
    verdict: str | None
    sentence: str
    told: dict[str, Any] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Impossible:
    """There is no such talk."""

    why: str


def begin(account: Account, asked: Asked) -> Look[Any] | Impossible:
    """The talk or look of a verb, if there is one."""
    dialect, order = account.connector, asked.order
    if asked.verb == "submit":
        if order.kind not in dialect.kinds:
            return Impossible(f"this dialect does not sell {order.kind}")
        return dialect.submit(account, order)
    if asked.verb == "query":
        return dialect.query(account, order)
    if asked.verb == "balance":
        return dialect.balance(account, asked.at)
    if asked.verb == "products" and dialect.products is not None:
        return dialect.products(account, asked.at, asked.page)
    if asked.verb == "product" and dialect.product is not None:
        return dialect.product(account, asked.at, order.request.product_no)
    return Impossible(f"this dialect has no {asked.verb}")


def played(account: Account, asked: Asked, *, signature_known: bool) -> Rehearsed:
    """The verb with the replies that were given; nothing is sent."""
    if asked.verb == "callback":
        return _called(account, asked)
    calls, end = _talk(account, asked)
    told = ended(account, asked, calls, end, signature_known=signature_known)
    if not is_real(account):
        return told
    placed = stand_in(account)
    calls, _ = _talk(placed, asked)
    return replace(told, calls=[shown(placed, asked, call, signature_known=signature_known) for call in calls])


def _talk(account: Account, asked: Asked) -> tuple[list[Call], object]:
    """What goes out when it is given these replies, and its end."""
    calls: list[Call] = []
    try:
        look = begin(account, asked)
        if isinstance(look, Impossible):
            return [], look
        calls.append(next(look))
        for reply in asked.replies:
            calls.append(look.send(reply))
    except StopIteration as end:
        return calls, end.value
    except Exception as error:  # a draft, or a stranger's code: what breaks here would break there
        return calls, broke(error)
    look.close()
    return calls, MORE


def broke(error: Exception) -> str:
    """The connector's own fault, in words."""
    return f"the connector broke: {type(error).__name__}: {error}"


def ended(account: Account, asked: Asked, calls: Sequence[Call], answer: object, *, signature_known: bool) -> Rehearsed:
    """How a talk or look came to its end."""
    verdict, sentence, told = _words(answer)
    hidden = [one for call in calls for one in _hidden(account, asked, call, signature_known=signature_known)]
    return Rehearsed(
        [shown(account, asked, call, signature_known=signature_known) for call in calls], verdict,
        veiled(sentence, account, hidden), veiled_in(told, account, hidden),
    )  # fmt: skip


def only_looks(verb: str, supplier: UUID | None) -> None:
    """Raises NotToBeSent for what a rehearsal never sends: purchases, and what would go to nobody's address."""
    if verb not in SENT:
        raise NotToBeSent("/send", why=f"{verb} is only shown, never sent")
    if supplier is None:
        raise NotToBeSent("/supplier", why="it is sent to an account that there is")


def harmless(account: Account, look: Look[Any] | Impossible, profiles: Sequence[Profile]) -> Look[Any]:
    """The same look; it ends in NotToBeSent before it leaves the account's own address, or buys by one of these."""
    if isinstance(look, Impossible):
        raise NotToBeSent("/verb", why=look.why)
    try:
        call = next(look)
        while True:
            if not call.url.startswith(f"{account.base_url}/"):
                raise NotToBeSent("/document", why="its address is not the account's")
            if purchases.looks_like_one(call, account.base_url, profiles):
                raise NotToBeSent("/verb", why="this is the call that buys")
            call = look.send((yield call))
    except StopIteration as end:
        return end.value


def said(account: Account, asked: Asked, heard: Sequence[Exchange], end: object) -> Rehearsed:
    """What the real supplier said. Signatures are not shown: another call could be made of them."""
    found = ended(
        account, asked, [one.call for one in heard],
        Unknown(heard[-1].error) if end is None else end, signature_known=False,
    )  # fmt: skip
    cards = [text for pair in end.cards for text in pair] if isinstance(end, Delivered) else []
    answers = [
        Answered(None if one.reply is None else one.reply.status,
                 "" if one.reply is None else veiled_reply(one.reply, account, cards), one.error, one.duration_ms)
        for one in heard
    ]  # fmt: skip
    return replace(found, answers=answers)


def shown(account: Account, asked: Asked, call: Call, *, signature_known: bool) -> Shown:
    """A call for people."""
    hidden = _hidden(account, asked, call, signature_known=signature_known)
    charset = charset_of_call(call)
    body = veiled(call.body.decode(charset, "replace"), account, hidden)
    try:
        raw = body.encode(charset) if body.encode(charset) != call.body else call.body
    except UnicodeEncodeError:  # bytes that are no text: shown as far as they are
        raw = body.encode()
    signatures = _rest(account, asked, call) if call.signed and signature_known else []
    return Shown(
        call.method, veiled(call.url, account, hidden),
        {name: veiled(value, account, hidden) for name, value in call.headers.items()}, body[:TEXT_MAX],
        base64.b64encode(raw[:TEXT_MAX]).decode(), veiled(call.signed, account, hidden)[:TEXT_MAX],
        veiled(signatures[0], account, hidden) if signatures else "",
    )  # fmt: skip


def _rest(account: Account, asked: Asked, call: Call) -> list[str]:
    """What a call hides besides our credentials and the buyer's accounts: signatures, tokens."""
    known = {*account.credentials.values(), *(value for _, value in asked.order.request.accounts)}
    return [one for one in call.secrets if one not in known]


def _hidden(account: Account, asked: Asked, call: Call, *, signature_known: bool) -> list[str]:
    """A profile's signature is what people want to compare; of a package's secrets nobody knows what they are."""
    return [] if signature_known else _rest(account, asked, call)


def _called(account: Account, asked: Asked) -> Rehearsed:
    """What would be made of a callback, and how it would be acknowledged."""
    assert asked.callback is not None
    try:
        found = account.connector.parse_callback(account, asked.callback, asked.at)
    except Exception as error:
        return Rehearsed([], "unreadable", veiled(f"refused: {broke(error)}", account))
    if not isinstance(found, Heard):
        return Rehearsed([], found.verdict, f"refused: {found.verdict}")
    ack = account.connector.ack
    told = {"outer_number": found.outer_number, "ack": {"status": ack.status, "content_type": ack.content_type,
            "body": ack.body}}  # fmt: skip
    return Rehearsed([], "trusted", f"trusted: it is about {found.outer_number}", told)


def _words(answer: object) -> tuple[str | None, str, dict[str, Any]]:
    """An end as a word, a sentence, and what it says; cards are counted and masked."""
    told: dict[str, Any]
    if answer is MORE:
        return None, "a reply to the last call is needed to say more", {}
    match answer:
        case Impossible(why):
            return "impossible", why, {}
        case Delivered(number, cards, cost, note):
            told = {"supplier_number": number, "cards": [[mask(text) for text in card] for card in cards],
                    "cost_minor": cost, "note": note}  # fmt: skip
            return "delivered", f"delivered{f', {len(cards)} cards' if cards else ''}", told
        case Accepted(number, cost):
            return "accepted", "accepted: asked about again later", {"supplier_number": number, "cost_minor": cost}
        case Declined(why, cure, number):
            return "declined", f"declined: {why}", {"why": why, "cure": cure.value, "supplier_number": number}
        case Failed(why, cure, number):
            return "failed", f"failed for good: {why}", {"why": why, "cure": cure.value, "supplier_number": number}
        case NotFound():
            return "not_found", "they do not know this number: declined once the grace is over", {}
        case Unknown(why):
            return "unknown", f"unknown: {why}; asked about until it is known", {"why": why}
        case Balance(fen, why) if fen is None:
            return "problem", why, {"why": why}
        case Balance(int() as fen, _, currency):
            return "balance", f"the balance is {decimal(fen)} {currency}", {
                "balance_minor": fen, "currency": currency,
            }  # fmt: skip
        case ProductPage(products, next_page, problem):
            told = {"products": [_product(one) for one in products], "next_page": next_page}
            return (
                ("problem", problem, {"why": problem}) if problem else ("products", f"{len(products)} products", told)
            )
        case Product():
            return "product", answer.title, _product(answer)
        case _:
            return "problem", str(answer), {"why": str(answer)}


def _product(one: Product) -> dict[str, Any]:
    return {
        "product_no": one.product_no, "title": one.title, "kind": one.kind, "price_minor": one.price_minor,
        "currency": one.currency, "stock": one.stock, "on_sale": one.on_sale,
        "fields": [{"name": f.name, "title": f.title, "required": f.required, "pattern": f.pattern,
                    "options": list(f.options)} for f in one.fields],
    }  # fmt: skip
