"""Looks of a profile: what we have left, what they sell. They change nothing at the other side."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from heyi.kernel.talk import Look, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import answers, reading, requests, speech
from heyi.provision.fulfilment.suppliers.document import FieldsShown, Goods, Profile, Verb
from heyi.provision.fulfilment.suppliers.requests import Asked
from heyi.provision.fulfilment.suppliers.speech import Balance, Field, Json, Product, ProductPage

BalanceOf = Callable[[Account, datetime], Look[Balance]]
ProductsOf = Callable[[Account, datetime, int], Look[ProductPage]]
ProductOf = Callable[[Account, datetime, str], Look["Product | str"]]
CURRENCY = re.compile("[A-Z]{3}")


def balance(profile: Profile) -> BalanceOf:
    """Our balance in fen; a supplier that does not tell it is said so, without a call."""
    spec = profile.balance
    if spec is None:
        return _untold
    look = _looker(profile, spec)

    def ask(account: Account, at: datetime) -> Look[Balance]:
        told = yield from look(account, Asked(at))
        if isinstance(told, str):
            return Balance(None, told)
        fen = reading.amount_of(reading.at(told, spec.amount), spec.unit)
        currency = speech.text_of(reading.at(told, spec.told_currency)) if spec.told_currency else spec.currency
        if fen is None or not CURRENCY.fullmatch(currency):
            return Balance(None, "unreadable answer")
        return Balance(fen, currency=currency)

    return ask


def products(profile: Profile) -> ProductsOf | None:
    """A page of what they sell."""
    spec = profile.products
    if spec is None:
        return None
    look = _looker(profile, spec)

    def ask(account: Account, at: datetime, page: int) -> Look[ProductPage]:
        asked = Asked(at, page=page - 1 + spec.first, page_size=spec.size)
        told = yield from look(account, asked)
        if isinstance(told, str):
            return ProductPage(problem=told)
        rows = reading.at(told, spec.rows)
        if not isinstance(rows, list):
            return ProductPage(problem="unreadable answer")
        each = [{**row, spec.each: one} for row in rows for one in _each(row, spec.each)] if spec.each else rows
        found = [one for row in each if (one := product_of(spec.goods, row)) is not None]
        return ProductPage(tuple(found), page + 1 if spec.size and len(rows) >= spec.size else None)

    return ask


def product(profile: Profile) -> ProductOf | None:
    """One product with its recharge fields, or the problem."""
    spec = profile.product
    if spec is None:
        return None
    look = _looker(profile, spec)

    def ask(account: Account, at: datetime, product_no: str) -> Look[Product | str]:
        told = yield from look(account, Asked(at, product_no=product_no))
        if isinstance(told, str):
            return told
        return product_of(spec.goods, reading.at(told, spec.row)) or "unreadable answer"

    return ask


def product_of(goods: Goods, row: Any) -> Product | None:
    """One product, when it has at least a number and a title."""
    number, title = (speech.text_of(reading.at(row, path)) for path in (goods.number, goods.title))
    if not isinstance(row, dict) or not number or not title:
        return None
    on_sale = reading.code_text(reading.at(row, goods.on_sale)) in goods.on_sale_words if goods.on_sale else True
    return Product(
        number, title,
        goods.kinds.get(reading.code_text(reading.at(row, goods.kind)), "") if goods.kind else "",
        reading.amount_of(reading.at(row, goods.price), goods.unit) if goods.price else None,
        stock=_stock(goods, reading.at(row, goods.stock)) if goods.stock else None,
        on_sale=on_sale,
        fields=_fields(goods.fields, row) if goods.fields is not None else (),
    )  # fmt: skip


def _each(row: Any, name: str) -> list[Any]:
    """A product that is sold in several forms is as many products."""
    forms = row.get(name) if isinstance(row, dict) else None
    return forms if isinstance(forms, list) else []


def _stock(goods: Goods, told: object) -> int | None:
    text = reading.code_text(told)
    if text in goods.stock_words:
        return goods.stock_words[text]
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _fields(spec: FieldsShown, row: Json) -> tuple[Field, ...]:
    rows = reading.at(row, spec.path)
    if isinstance(rows, str):
        rows = speech.any_json(rows)
    found = []
    for one in rows if isinstance(rows, list) else []:
        name = speech.text_of(reading.at(one, spec.name)) if isinstance(one, dict) else ""
        if name:
            options = reading.at(one, spec.options) if spec.options else None
            found.append(
                Field(
                    name, speech.text_of(reading.at(one, spec.title)) if spec.title else "",
                    not spec.required or reading.code_text(reading.at(one, spec.required)) in ("true", "1", "yes"),
                    speech.text_of(reading.at(one, spec.pattern)) if spec.pattern else "",
                    tuple([speech.text_of(o) for o in options]) if isinstance(options, list) else (),
                )
            )  # fmt: skip
    return tuple(found)


def _looker(profile: Profile, verb: Verb) -> Callable[[Account, Asked], Look[Json | str]]:
    """The fields of an answer that says success, or the problem in a word."""
    make, told = requests.maker(profile, verb), verb.told or profile.told
    tell = answers.teller(told)

    def look(account: Account, asked: Asked) -> Look[Json | str]:
        try:
            call = make(account, asked)
        except ValueError:
            return "request"
        reply = yield call
        answer = tell(account, reply)
        if isinstance(answer, Unknown):
            return answer.why
        fields, code = answer
        if code in told.success:
            return fields
        word, said = answers.meaning(told, code, fields)
        if not word and code in told.not_found:
            word = "not_found"
        return speech.reason(word, said, code) if word else answers.unmapped("code", code).why

    return look


def _untold(account: Account, at: datetime) -> Look[Balance]:
    yield from ()
    return Balance(None, "this supplier does not tell its balance", untold=True)
