"""Callbacks of a profile: whose order, signed and fresh, or not to be trusted. They never say more than that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

from heyi.kernel.clock import millis
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.suppliers import canonical, reading, speech, texts
from heyi.provision.fulfilment.suppliers.document import Fresh, Profile
from heyi.provision.fulfilment.suppliers.speech import Callback, Heard, Refusal

Parse = Callable[[Account, Callback, datetime], Heard | Refusal]


def parser(profile: Profile) -> Parse:
    """Reads a callback; a supplier without callbacks is never trusted."""
    calling = profile.callback
    if calling is None or calling.signature is None:
        return lambda account, callback, at: Refusal("unsigned")
    spec, sign = calling.signature, canonical.signer(calling.signature, calling.charset, heard=True)
    fresh = None if calling.fresh is None else _clock(calling.fresh, calling.charset)
    charset, format, outer = calling.charset, calling.format, calling.outer

    def parse(account: Account, callback: Callback, at: datetime) -> Heard | Refusal:
        if callback.method == "GET" and format != "query":
            return Refusal("unreadable")
        raw = callback.query.encode("latin-1", "replace") if format == "query" else callback.body
        fields = reading.decoded(raw, "form" if format == "query" else format, charset)
        number = "" if fields is None else speech.text_of(reading.at(fields, outer))
        if fields is None or not number:
            return Refusal("unreadable")
        message = canonical.Message(
            fields, callback.body.decode(charset, "replace"),
            dict(parse_qsl(callback.query, keep_blank_values=True, encoding=charset, errors="replace")),
            canonical.Headers({name.lower(): value for name, value in callback.headers.items()}), callback.method,
            urlsplit(account.callback_url).path,
        )  # fmt: skip
        if not canonical.holds(spec, sign, message, account.credentials):
            return Refusal("unsigned")
        if fresh is not None and not fresh(message, at):
            return Refusal("stale", number)
        return Heard(number, canonical.given(spec, message).lower())

    return parse


def _clock(spec: Fresh, charset: str) -> Callable[[canonical.Message, datetime], bool]:
    fill = texts.compile(spec.text, texts.HEARD, charset)

    def fresh(message: canonical.Message, at: datetime) -> bool:
        scope = {
            "cred": {}, "field": message.fields, "query": message.query, "header": message.headers,
            "body": "", "json": "", "sorted": "", "pairs": "", "method": "", "path": "",
        }  # fmt: skip
        try:
            told = texts.written(fill(scope)).strip()
        except ValueError:
            return False
        seconds = _seconds(spec, told)
        return seconds is not None and abs(millis(at) // 1000 - seconds) <= spec.window_s

    return fresh


def _seconds(spec: Fresh, told: str) -> int | None:
    if spec.unit == "text":
        try:
            read = datetime.strptime(told, spec.format).replace(tzinfo=timezone(timedelta(hours=spec.zone_hours)))
        except ValueError:
            return None
        return millis(read) // 1000
    if not (told.isascii() and told.isdecimal() and len(told) < 14):
        return None
    long = spec.unit == "ms" or (spec.unit == "any" and len(told) == 13)
    return int(told) // (1000 if long else 1)
