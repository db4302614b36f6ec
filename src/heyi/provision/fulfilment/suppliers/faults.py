"""What in a well-formed profile cannot be meant. Everything is found in one look, each with its JSON pointer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from heyi.kernel.errors import Refused
from heyi.provision.fulfilment.errors import ProfileClash, ProfileGap, ProfilePlace
from heyi.provision.fulfilment.suppliers import texts
from heyi.provision.fulfilment.suppliers.document import Profile, Shown, Submit, Told, Verb
from heyi.provision.fulfilment.suppliers.pieces import Cards, Signature

CODE = re.compile(r"[a-z][a-z0-9_-]{1,39}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}")
PATH = re.compile(r"[^.]+(\.[^.]+)*")
MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(; ?charset=[A-Za-z0-9-]+)?")
GRACE_MS_MIN = 60_000  # the least that any supplier's document asks for


def faults(profile: Profile) -> list[Refused]:
    """Every fault; an empty list is a profile that can be compiled."""
    return [
        *_heads(profile), *_sending(profile), *_told(profile.told, profile, "/told"),
        *_shown(profile.shown, profile, "/shown"), *_verbs(profile), *_callback(profile),
    ]  # fmt: skip


def _heads(profile: Profile) -> Iterator[Refused]:
    if not CODE.fullmatch(profile.code):
        yield ProfileClash("/code", said="code: a-z, 0-9, _ and -, 2 to 40 characters")
    for name in ("title", "source"):
        if not getattr(profile, name).strip():
            yield ProfileGap(f"/{name}", said=name)
    names = [one.name for one in profile.credentials]
    for index, one in enumerate(profile.credentials):
        if not NAME.fullmatch(one.name) or names.index(one.name) != index:
            yield ProfileClash(f"/credentials/{index}/name", said="a name of its own: letters, digits and _")
    if profile.base_url and not re.fullmatch(r"https?://\S+[^/\s]", profile.base_url):
        yield ProfileClash("/base_url", said="https://host, no slash at the end")
    if profile.grace_ms < GRACE_MS_MIN:
        yield ProfileClash("/grace_ms", said=f"at least {GRACE_MS_MIN}")
    if profile.query_gap_ms < 1 or profile.first_query_ms < 0:
        yield ProfileClash("/query_gap_ms", said="times are positive")


def _sending(profile: Profile) -> Iterator[Refused]:
    sending = profile.sending
    for name in ("headers", "query", "common", "envelope"):
        yield from _value(getattr(sending, name), profile, f"/sending/{name}", texts.SENT)
    yield from _header_names(sending.headers, "/sending/headers")
    if sending.envelope is not None:
        if sending.common:
            yield ProfileClash("/sending/common", said="common fields stand in the envelope itself")
        if "fields" not in _named(sending.envelope):
            yield ProfileGap("/sending/envelope", said="{fields}")
    if sending.signature is not None:
        yield from _signature(sending.signature, profile, "/sending/signature", texts.SIGNED)


def _verbs(profile: Profile) -> Iterator[Refused]:
    kinds: list[str] = []
    for index, submit in enumerate(profile.submit):
        at = f"/submit/{index}"
        yield from _verb(submit, profile, at)
        yield from _purchase(submit, profile, at)
        for kind in submit.kinds:
            if kind in kinds:
                yield ProfileClash(f"{at}/kinds", said=f"{kind} is bought in another way already")
            kinds.append(kind)
    if not kinds:
        yield ProfileGap("/submit", said="kinds")
    for name in ("query", "balance", "products", "product"):
        verb = getattr(profile, name)
        if verb is not None:
            yield from _verb(verb, profile, f"/{name}")
    if profile.query is not None and profile.query.by not in _said(profile.query, profile):
        yield ProfileGap("/query", said="{" + profile.query.by + "}")
    if profile.product is not None and "product_no" not in _said(profile.product, profile):
        yield ProfileGap("/product", said="{product_no}")
    if profile.products is not None and profile.products.size and "page" not in _said(profile.products, profile):
        yield ProfileGap("/products", said="{page}")


def _purchase(submit: Submit, profile: Profile, at: str) -> Iterator[Refused]:
    """A purchase without our number could never be asked about; one that is done at once must be provable."""
    said = _said(submit, profile)
    if "outer_number" not in said:
        yield ProfileGap(f"{at}/fields", said="{outer_number}")
    if "product_no" not in said:
        yield ProfileGap(f"{at}/fields", said="{product_no}")
    told, shown = submit.told or profile.told, submit.shown or profile.shown
    if told.code and not told.success:
        yield ProfileGap(f"{at}/told/success" if submit.told else "/told/success", said="success")
    if "card_key" in submit.kinds and shown.cards is None and profile.shown.cards is None:
        yield ProfileGap("/shown/cards", said="cards")
    if shown.unsaid is not None and shown.unsaid in ("failed", "refunded"):
        yield ProfileClash(f"{at}/shown/unsaid" if submit.shown else "/shown/unsaid", said="silence is not a failure")


def _verb(verb: Verb, profile: Profile, at: str) -> Iterator[Refused]:
    yield from _text(verb.path, profile, f"{at}/path", texts.SENT)
    if not re.fullmatch(r"/[^\s?#]*", verb.path):
        yield ProfileClash(f"{at}/path", said="begins with /, without ?, # and spaces")
    for name in ("headers", "query", "fields"):
        yield from _value(getattr(verb, name), profile, f"{at}/{name}", texts.SENT)
    yield from _header_names(verb.headers, f"{at}/headers")
    if verb.signature is not None:
        yield from _signature(verb.signature, profile, f"{at}/signature", texts.SIGNED)
    if verb.told is not None:
        yield from _told(verb.told, profile, f"{at}/told")
    if verb.shown is not None:
        yield from _shown(verb.shown, profile, f"{at}/shown")


def _told(told: Told, profile: Profile, at: str) -> Iterator[Refused]:
    if not told.code:
        yield ProfileGap(f"{at}/code", said="code")
    for path in (*told.code, told.message, told.unwrap):
        yield from _path(path, at)
    for word in told.success:
        if word in told.refusals or word in told.not_found or word in told.known_already or word in told.spoken:
            yield ProfileClash(f"{at}/success", said=f"{word} has two meanings")
    if (told.says or told.spoken) and not (told.message and told.says and told.spoken):
        yield ProfileGap(f"{at}/says", said="spoken, says and message belong together")
    if any(len(phrase.strip()) < 2 for phrase in told.says):
        yield ProfileClash(f"{at}/says", said="phrases of at least two characters")
    for word in told.known_already:
        if word in told.refusals:
            yield ProfileClash(f"{at}/known_already", said=f"{word} has two meanings")
    if any(status < 200 or status > 499 for status in told.statuses):
        yield ProfileClash(f"{at}/statuses", said="an answer with 5xx says nothing")
    if told.signature is not None:
        yield from _signature(told.signature, profile, f"{at}/signature", texts.HEARD)


def _shown(shown: Shown, profile: Profile, at: str) -> Iterator[Refused]:
    for path in (shown.rows, shown.outer, shown.status, shown.number, shown.cost, shown.reason):
        yield from _path(path, at)
    if not shown.status and shown.unsaid is None:
        yield ProfileGap(f"{at}/status", said="status / unsaid")
    if shown.status and not shown.states:
        yield ProfileGap(f"{at}/states", said="states")
    if shown.cards is not None:
        yield from _cards(shown.cards, profile, f"{at}/cards")


def _cards(cards: Cards, profile: Profile, at: str) -> Iterator[Refused]:
    for path in (cards.path, cards.number, cards.password):
        yield from _path(path, at)
    if cards.cipher is not None:
        yield from _text(cards.cipher.key, profile, f"{at}/cipher/key", texts.KEYS)
        yield from _text(cards.cipher.iv, profile, f"{at}/cipher/iv", texts.KEYS)
        if cards.cipher.name.endswith("cbc") and not cards.cipher.iv:
            yield ProfileGap(f"{at}/cipher/iv", said="iv")


def _callback(profile: Profile) -> Iterator[Refused]:
    calling = profile.callback
    if calling is None:
        return
    yield from _path(calling.outer, "/callback/outer")
    if not calling.outer:
        yield ProfileGap("/callback/outer", said="outer")
    if calling.signature is None:
        yield ProfileGap("/callback/signature", said="an unsigned callback is anybody's word")
    else:
        yield from _signature(calling.signature, profile, "/callback/signature", texts.HEARD)
    if calling.fresh is not None:
        yield from _text(calling.fresh.text, profile, "/callback/fresh/text", texts.HEARD)
        if calling.fresh.window_s < 1:
            yield ProfileClash("/callback/fresh/window_s", said="positive")
    if not 200 <= calling.ack.status < 300:
        yield ProfileClash("/callback/ack/status", said="2xx")
    if not MEDIA_TYPE.fullmatch(calling.ack.content_type):
        yield ProfileClash("/callback/ack/content_type", said="type/subtype")


def _signature(spec: Signature, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    yield from _text(spec.text, profile, f"{at}/text", known)
    yield from _text(spec.key, profile, f"{at}/key", texts.KEYS)
    if spec.hash.startswith("hmac_") != bool(spec.key):
        yield ProfileClash(f"{at}/key", said="keyed hashes have a key, others none")
    if spec.put == "header":
        yield from _header_names({spec.name: ""}, f"{at}/name")
    elif not spec.name:
        yield ProfileGap(f"{at}/name", said="name")
    if not any(name.startswith("cred.") for name in _named([spec.text, spec.key])):
        yield ProfileGap(f"{at}/text", said="{cred.…}: a signature without a secret is anybody's")


def _value(value: Any, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    if isinstance(value, str):
        yield from _text(value, profile, at, known)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _value(one, profile, f"{at}/{name.replace('~', '~0').replace('/', '~1')}", known)
            if name == "..." and not (isinstance(one, str) and re.fullmatch(r"\{(others|accounts|fields)\}", one)):
                yield ProfileClash(f"{at}/...", said="{others}, {accounts} or {fields}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _value(one, profile, f"{at}/{index}", known)


def _text(text: str, profile: Profile, at: str, known: Collection[str]) -> Iterator[Refused]:
    try:
        texts.compile(text, known)
    except texts.TextFault as fault:
        yield ProfilePlace(at, value=fault.value, said=fault.said)
        return
    names = {one.name for one in profile.credentials}
    for place in sorted(texts.places(text)):
        if place.startswith("cred.") and place[5:] not in names:
            yield ProfilePlace(at, value="{" + place + "}", said="there is no such credential")


def _path(path: str, at: str) -> Iterator[Refused]:
    if path and not PATH.fullmatch(path):
        yield ProfileClash(at, said=f"{path} is no path")


def _header_names(headers: dict[str, str], at: str) -> Iterator[Refused]:
    for name, text in headers.items():
        if re.search(r"[\x00-\x1f\x7f]", text):
            yield ProfileClash(f"{at}/{name}", said="a header is one line")
        if not HEADER.fullmatch(name) or name.lower() in ("host", "content-length", "transfer-encoding"):
            yield ProfileClash(at, said=f"{name!r} cannot be sent as a header")


def _said(verb: Verb, profile: Profile) -> set[str]:
    """Every place of a request: its own and what all requests have."""
    sending = msgspec.structs.asdict(profile.sending)
    return _named(
        [
            verb.path,
            verb.query,
            verb.fields,
            verb.headers,
            *(sending[n] for n in ("headers", "query", "common", "envelope")),
        ]
    )


def _named(value: Any) -> set[str]:
    if isinstance(value, str):
        try:
            return texts.places(value)
        except texts.TextFault:
            return set()
    ones = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in ones for name in _named(one)}
