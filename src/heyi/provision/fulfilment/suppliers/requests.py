"""Requests of a profile: filled, serialised once, signed, and sent as those bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from heyi.kernel.clock import millis
from heyi.kernel.talk import Call
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.suppliers import canonical, speech, texts
from heyi.provision.fulfilment.suppliers.document import Accounts, Profile, Verb
from heyi.provision.fulfilment.suppliers.pieces import Clock
from heyi.provision.fulfilment.suppliers.texts import Fill, Named

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
Make = Callable[[Account, "Asked"], Call]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request is about."""

    at: datetime
    outer_number: str = ""
    kind: str = ""
    request: Request | None = None
    supplier_number: str = ""
    sent_at: datetime | None = None
    product_no: str = ""
    page: int = 1
    page_size: int = 0


def maker(profile: Profile, verb: Verb) -> Make:
    """The verb as a function that makes its call. It raises ValueError for what cannot be written: in the charset, in
    a header or path, in reasonable length."""
    sending = profile.sending
    charset, method, format = sending.charset, verb.method or sending.method, verb.format or sending.format
    path = texts.compile(verb.path, texts.SENT, charset)
    headers = value_of({**sending.headers, **verb.headers}, charset)
    query = value_of({**sending.query, **verb.query}, charset)
    own = value_of({**sending.common, **verb.fields} if sending.envelope is None else verb.fields, charset)
    around = None if sending.envelope is None else value_of(sending.envelope, charset)
    spec = verb.signature or sending.signature
    sign = None if spec is None else canonical.signer(spec, charset)
    hidden = [one.name for one in profile.credentials if one.secret]

    def make(account: Account, asked: Asked) -> Call:
        scope = _scope(profile, account, asked, verb.word)
        fields = own(scope) or {}
        if around is not None:
            scope["fields"] = fields
            fields = around(scope) or {}
        asks, way = query(scope) or {}, _way(texts.written(path(scope)))
        heads = {name: _line(texts.written(value)) for name, value in (headers(scope) or {}).items()}
        body = _body(profile, method, format, fields)
        secrets = [account.credentials[name] for name in hidden if name in account.credentials]
        signed = ""
        if spec is not None and sign is not None:
            message = canonical.Message(
                fields, body, asks, canonical.Headers({name.lower(): value for name, value in heads.items()}), method,
                way, scope["time"], scope["nonce"],
            )  # fmt: skip
            signed, signature = sign(message, account.credentials)
            secrets.append(signature)
            if spec.put == "header":
                heads[spec.name] = signature
            elif spec.put == "query":
                asks[spec.name] = signature
            else:
                fields[spec.name] = signature
                body = _body(profile, method, format, fields)
        if format == "query":
            asks = {**asks, **fields}
        if body and "Content-Type" not in heads:
            heads["Content-Type"] = _type(format, charset)
        url = account.base_url + way + ("?" + texts.bounded(_form(asks, charset)) if asks else "")
        if asked.request is not None:
            secrets += [value for _, value in asked.request.accounts]
        return Call(method, url, heads, body.encode(charset), tuple(secrets), signed)

    return make


def value_of(value: Any, charset: str) -> Fill:
    """Nested JSON of texts with places. None: every field of it was left out."""
    if isinstance(value, str):
        return texts.compile(value, texts.SENT, charset)
    if isinstance(value, dict):
        return _object([(name, value_of(one, charset), one is None) for name, one in value.items()])
    if isinstance(value, list):
        ones = [value_of(one, charset) for one in value]
        return lambda scope: [told for one in ones if (told := one(scope)) is not None]
    return lambda _: value


def unsendable(profile: Profile, request: Request) -> bool:
    """The buyer gave nothing but spaces, or characters that this supplier's charset or signature cannot carry."""
    try:
        for _, value in request.accounts:
            value.encode(profile.sending.charset)
            if not value.strip():
                return True
            if profile.sending.basic_plane and max(value, default="") > "\uffff":
                return True
    except UnicodeEncodeError:
        return True
    return False


def time_text(clock: Clock, at: datetime) -> str:
    """A time as their clock writes it."""
    if clock.unit == "text":
        return at.astimezone(timezone(timedelta(hours=clock.zone_hours))).strftime(clock.format)
    return str(millis(at) if clock.unit == "ms" else millis(at) // 1000)


def _object(parts: list[tuple[str, Fill, bool]]) -> Fill:
    def fill(scope: Mapping[str, Any]) -> dict[str, Any] | None:
        told: dict[str, Any] = {}
        for name, one, null in parts:
            value = one(scope)
            if value is None and not null:
                continue
            if name == "...":
                told.update(value)
            else:
                told[name] = value
        return told if told or not parts else None

    return fill


def _scope(profile: Profile, account: Account, asked: Asked, word: str) -> dict[str, Any]:
    request = asked.request
    return {
        "outer_number": asked.outer_number,
        "supplier_number": asked.supplier_number or None,
        "product_no": asked.product_no or (request.product_no if request else ""),
        "quantity": 1,
        "cost": request.guard_minor if request else None,
        "kind": asked.kind,
        "callback_url": account.callback_url or None,
        "cred": account.credentials,
        "time": time_text(profile.clock, asked.at),
        "sent_time": time_text(profile.clock, asked.sent_at or asked.at),
        "nonce": hashlib.md5(
            f"{asked.outer_number}/{word}/{asked.page}/{millis(asked.at)}".encode(), usedforsecurity=False
        ).hexdigest(),
        "word": word,
        "page": asked.page,
        "page_size": asked.page_size,
        "fields": None,
        **_accounts(profile.accounts, request),
    }  # fmt: skip


def _accounts(spec: Accounts, request: Request | None) -> dict[str, Any]:
    """The main account, the others, and all of them, by their names for them."""
    if request is None or not request.accounts:
        return {"account": None, "others": {}, "accounts": None}
    given = dict(request.accounts)
    main = next((name for name in spec.main if name in given), request.accounts[0][0])
    every = Named(spec.pair, {spec.names.get(name, name): value for name, value in given.items()})
    others = Named(spec.pair, {spec.names.get(name, name): value for name, value in given.items() if name != main})
    return {"account": given[main], "others": others, "accounts": every}


def _line(text: str) -> str:
    """What fits into a header; another line would be another header."""
    if CONTROL.search(text):
        raise ValueError("a header is one line")
    return text


def _way(path: str) -> str:
    """A path as it is meant: steps up would lead to another call."""
    if CONTROL.search(path) or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError("not the path that was meant")
    return path


def _body(profile: Profile, method: str, format: str, fields: Mapping[str, Any]) -> str:
    if format == "query" or (method == "GET" and not fields):
        return ""
    if format == "form":
        return texts.bounded(_form(fields, profile.sending.charset))
    if not fields:
        return profile.sending.empty
    return texts.bounded(speech.sorted_json(fields) if profile.sending.sorted else speech.compact(fields))


def _form(fields: Mapping[str, Any], charset: str) -> str:
    return urlencode([(name, canonical.value_text(value)) for name, value in fields.items()], encoding=charset)


def _type(format: str, charset: str) -> str:
    return TYPES[format] if charset == "utf-8" else f"{TYPES[format]}; charset={charset.upper()}"
