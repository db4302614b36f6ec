"""Answers of a profile: closed tables. What is not named is unknown, and unknown is only ever asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from heyi.kernel.talk import Accepted, Answer, Delivered, NotFound, Reply, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import canonical, reading, speech
from heyi.provision.fulfilment.suppliers.cards import WAITING, cards_reader
from heyi.provision.fulfilment.suppliers.document import Profile, Query, Shown, Told, Verb
from heyi.provision.fulfilment.suppliers.speech import Json, Order

Told_ = Callable[[Account, Reply], "tuple[Json, str] | Unknown"]
Read = Callable[[Account, Order, Reply], Answer]
_BINDING = (Delivered, Accepted, Unknown)


def teller(told: Told) -> Told_:
    """(the answer, its code) of a reply, once its signature (if it has one) has been checked."""
    sign = None if told.signature is None else canonical.signer(told.signature, told.charset, heard=True)

    def tell(account: Account, reply: Reply) -> tuple[Json, str] | Unknown:
        if reply.status not in told.statuses:
            return Unknown(f"HTTP {reply.status}")
        fields = reading.decoded(reply.body, told.format, told.charset)
        if fields is None or (told.unwrap and not isinstance(reading.at(fields, told.unwrap), str)):
            return Unknown("unreadable answer")
        if told.signature is not None and sign is not None:
            message = canonical.Message(
                fields, reply.body.decode(told.charset, "replace"), {}, canonical.Headers(reply.headers)
            )
            if not canonical.holds(told.signature, sign, message, account.credentials):
                return Unknown("the answer's signature does not hold")
        if told.unwrap:
            fields = _unwrapped(fields, told.unwrap)
        return fields, next((code for path in told.code if (code := reading.code_text(reading.at(fields, path)))), "")

    return tell


def submit_reader(profile: Profile, verb: Verb) -> Read:
    """What a reply to a purchase means."""
    told, shown = verb.told or profile.told, verb.shown or profile.shown
    tell, show = teller(told), _order_reader(shown)

    def read(account: Account, order: Order, reply: Reply) -> Answer:
        answer = tell(account, reply)
        if isinstance(answer, Unknown):
            return answer
        fields, code = answer
        if code in told.success:
            return show(account, order, fields)
        word, said = meaning(told, code, fields)
        if word == "known_already":
            return Unknown("they know this number already")
        if word in ("", "not_found"):
            return unmapped("code", f"{code} {said}".strip() if code in told.spoken else code)
        return speech.declined(word, said, code)

    return read


def query_reader(profile: Profile, verb: Query) -> Read:
    """What a reply to a question about an order means: a code that would refuse a purchase says nothing here."""
    told, shown = verb.told or profile.told, verb.shown or profile.shown
    tell, show = teller(told), _order_reader(shown, theirs=verb.by == "supplier_number")

    def read(account: Account, order: Order, reply: Reply) -> Answer:
        answer = tell(account, reply)
        if isinstance(answer, Unknown):
            return answer
        fields, code = answer
        if code in told.success:
            return show(account, order, fields)
        word, said = meaning(told, code, fields, asked=True)
        if word == "not_found":
            return NotFound()
        return unmapped("code", f"{code} {said}".strip() if code in told.spoken else code)

    return read


def meaning(told: Told, code: str, fields: Json, *, asked: bool = False) -> tuple[str, str]:
    """(our word for a code that is no success, what they said). The same code may refuse a purchase and tell that an
    order is not known; which, depends on what was asked. Empty: it is not named."""
    said = speech.text_of(reading.at(fields, told.message)) if told.message else ""
    named = code in told.refusals or code in told.known_already or code in told.not_found
    if code in told.spoken or ("*" in told.spoken and not named):
        for phrase, word in told.says.items():
            if phrase in said:
                return word, said
    if asked:
        return "not_found" if code in told.not_found else "", said
    return "known_already" if code in told.known_already else told.refusals.get(code, ""), said


def unmapped(what: str, value: str) -> Unknown:
    """A value that the profile does not name. Rules warn of it: the profile has to learn it."""
    return Unknown(f"unmapped {what} {value[:40] or 'missing'}")


def _order_reader(shown: Shown, *, theirs: bool = False) -> Callable[[Account, Order, Json], Answer]:
    state = _state_reader(shown)
    # Asked for by their number, an answer must be about that one.
    path = shown.outer or (shown.number if theirs else "")

    def read(account: Account, order: Order, fields: Json) -> Answer:
        """The one order in an answer, or of several the one that binds us most."""
        data = reading.at(fields, shown.rows)
        if data == [] and shown.empty_is_not_found:
            return NotFound()
        rows = data if isinstance(data, list) else [data]
        if path:
            wanted = order.outer_number if shown.outer else order.supplier_number
            rows = [
                row for row in rows if isinstance(row, dict) and speech.text_of(reading.at(row, path)) == wanted
            ]  # fmt: skip
        if not rows or (not path and len(rows) > 1):
            return Unknown("the answer is about another order")
        answers = [state(account, order, row) for row in rows]
        return min(answers, key=lambda one: _BINDING.index(type(one)) if type(one) in _BINDING else len(_BINDING))

    return read


def _state_reader(shown: Shown) -> Callable[[Account, Order, Any], Answer]:
    cards = cards_reader(shown.cards)

    def read(account: Account, order: Order, row: Any) -> Answer:
        status = reading.code_text(reading.at(row, shown.status)) if shown.status else ""
        state = shown.states.get(status) if status else shown.unsaid
        number = (speech.text_of(reading.at(row, shown.number)) or None) if shown.number else None
        cost = reading.amount_of(reading.at(row, shown.cost), shown.cost_unit) if shown.cost else None
        if state == "working":
            return Accepted(number, cost)
        if state == "done":
            found = cards(account, row) if order.kind == "card_key" else ()
            if isinstance(found, Unknown):
                return found
            if found is WAITING or (not found and not status and order.kind == "card_key"):
                return Accepted(number, cost)  # done by silence only when the cards are there
            if order.kind == "card_key" and len(found) != 1:
                return Unknown(f"{len(found)} cards instead of 1")
            return Delivered(number, found, cost)
        if state is not None:
            word = "recharge" if state == "failed" else "refunded"
            return speech.failed(word, speech.text_of(reading.at(row, shown.reason)) if shown.reason else "", number)
        return unmapped("status", status)

    return read


def _unwrapped(fields: Json, path: str) -> Json:
    """The same answer with the JSON that stands as a text at this path opened; a text that is none becomes null."""
    name, dot, rest = path.partition(".")
    inner = _unwrapped(fields[name], rest) if dot else speech.any_json(fields[name])
    return {**fields, name: inner}
