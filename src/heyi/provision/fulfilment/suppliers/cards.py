"""Cards in an answer: lists or texts, in clear or under the merchant's key."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as Box
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from heyi.kernel.talk import Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import reading, speech, texts
from heyi.provision.fulfilment.suppliers.pieces import Cards, Cipher

Pair = tuple[str, str]
Read = Callable[[Account, Any], "tuple[Pair, ...] | Unknown"]
Open = Callable[[Account, str], str]
_CODE = re.compile(r"[0-9A-Za-z]")
UNREADABLE = Unknown("unreadable cards")
WAITING: tuple[Pair, ...] = (("", ""),)  # a sentence in their place: not yet


def cards_reader(spec: Cards | None) -> Read:
    """(number, password) of each card of an order. A card that cannot be read makes the answer unknown."""
    if spec is None:
        return lambda account, row: ()
    open_text = opener(spec.cipher) if spec.cipher is not None else None
    covers = spec.cipher.covers if spec.cipher is not None else ""

    def read(account: Account, row: Any) -> tuple[Pair, ...] | Unknown:
        told = reading.at(row, spec.path)
        try:
            if open_text is not None and covers == "whole" and told:
                told = open_text(account, speech.text_of(told))
            if isinstance(told, str) and any(phrase in told for phrase in spec.waiting):
                return WAITING
            pairs = _listed(spec, told) if spec.form != "text" else _texts(spec, told)
            if open_text is None or covers == "whole":
                return pairs
            first, second = covers in ("number", "both"), covers in ("password", "both")
            return tuple([
                (
                    open_text(account, number) if first and number else number,
                    open_text(account, password) if second and password else password,
                )
                for number, password in pairs
            ])  # fmt: skip
        except (ValueError, binascii.Error):
            return UNREADABLE

    return read


def opener(spec: Cipher) -> Open:
    """Opens one text. Raises ValueError for what was not closed with this key."""
    key, iv = texts.compile(spec.key, texts.KEYS), texts.compile(spec.iv, texts.KEYS)

    def open_text(account: Account, told: str) -> str:
        scope = {"cred": account.credentials}
        opening = box(spec, texts.written(key(scope)), texts.written(iv(scope)))
        closed = base64.b64decode(told, validate=True) if spec.coding == "base64" else bytes.fromhex(told)
        block = 64 if spec.name.startswith("3des") else 128
        decryptor, padding = opening.decryptor(), PKCS7(block).unpadder()
        padded = decryptor.update(closed) + decryptor.finalize()
        return (padding.update(padded) + padding.finalize()).decode()

    return open_text


def box(spec: Cipher, key: str, iv: str) -> Box[Any]:
    """The cipher with this key. Raises ValueError for one that does not fit."""
    secret = _bytes(key, spec.key_form)
    cipher = TripleDES(secret) if spec.name.startswith("3des") else algorithms.AES(secret)
    return Box(cipher, modes.ECB() if spec.name.endswith("ecb") else modes.CBC(iv.encode()))


def _bytes(key: str, form: str) -> bytes:
    if form == "hex":
        return bytes.fromhex(key)
    return base64.b64decode(key, validate=True) if form == "base64" else key.encode()


def _listed(spec: Cards, told: Any) -> tuple[Pair, ...]:
    """Objects with named fields; texts only where no names are given. Entries with neither are left out."""
    listed = speech.any_json(told) if isinstance(told, str) and spec.form == "json_text" else told
    rows = listed if isinstance(listed, list) else [listed]
    if spec.number or spec.password:
        pairs = [(_field(row, spec.number), _field(row, spec.password)) for row in rows if isinstance(row, dict)]
    else:
        pairs = [_split(spec, row) for row in rows if isinstance(row, str) and isinstance(listed, list)]
    return tuple([pair for pair in pairs if any(pair)])


def _field(row: Any, path: str) -> str:
    return speech.text_of(reading.at(row, path)) if path else ""


def _texts(spec: Cards, told: Any) -> tuple[Pair, ...]:
    rows = told if isinstance(told, list) else [told]
    whole = [row for row in rows if isinstance(row, str)]
    lines = [line.strip() for row in whole for line in ([row] if spec.whole else row.splitlines()) if line.strip()]
    if lines and not any(_CODE.search(line) for line in lines):
        return WAITING  # words only: a sentence to people
    return tuple([_split(spec, line) for line in lines])


def _split(spec: Cards, text: str) -> Pair:
    """Number and password in one text, when one of the separators stands in it; else all of it is the code."""
    for between in spec.between:
        number, found, password = text.partition(between)
        if found and number.strip() and password.strip():
            return number.strip(), password.strip()
    return text, ""
