"""What in a well-formed profile cannot be meant. Everything is found in one look, each with its JSON pointer."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from heyi.kernel.errors import Refused
from heyi.provision.fulfilment.errors import ProfileClash, ProfileGap, ProfilePlace
from heyi.provision.fulfilment.suppliers import piece_faults, texts
from heyi.provision.fulfilment.suppliers.document import Goods, Profile, Shown, Submit, Told, Verb

CODE = re.compile(r"[a-z][a-z0-9_-]{1,39}")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(; ?charset=[A-Za-z0-9-]+)?")
GRACE_MS_MIN = 60_000  # the least that any supplier's document asks for
DAY_S = 86_400
STOCK_MAX = 10**9 - 1
# What stands in a path as it is; others' words go through `url`, lest they lead to another call.
OURS = frozenset({"outer_number", "quantity", "kind", "time", "sent_time", "nonce", "word", "page", "page_size"})


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
    for name, least in (("grace_ms", GRACE_MS_MIN), ("query_gap_ms", 1), ("first_query_ms", 0)):
        if not least <= getattr(profile, name) <= DAY_S * 1000:
            yield ProfileClash(f"/{name}", said=f"{least} to {DAY_S * 1000}, a day")
    yield from piece_faults.in_zone(profile.clock.zone_hours, "/clock/zone_hours")
    if profile.clock.unit == "text":
        yield from piece_faults.in_format(profile.clock.format, "/clock/format", read=False)
    if any(not name.strip() for name in profile.hidden):
        yield ProfileGap("/hidden", said="a name")


def _sending(profile: Profile) -> Iterator[Refused]:
    sending = profile.sending
    for name in ("headers", "query", "common", "envelope"):
        yield from piece_faults.in_value(getattr(sending, name), profile, f"/sending/{name}", texts.SENT)
    yield from piece_faults.in_headers(sending.headers, "/sending/headers")
    if sending.envelope is not None:
        if sending.common:
            yield ProfileClash("/sending/common", said="common fields stand in the envelope itself")
        if "fields" not in piece_faults.named(sending.envelope):
            yield ProfileGap("/sending/envelope", said="{fields}")
    if sending.signature is not None:
        yield from piece_faults.in_signature(sending.signature, profile, "/sending/signature", texts.SIGNED)


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
            if any(_call(verb, profile) == _call(submit, profile) for submit in profile.submit):
                yield ProfileClash(f"/{name}/path", said="this call is a purchase: it needs a path or word of its own")
    if profile.balance is not None:
        yield from piece_faults.in_path(profile.balance.amount, "/balance/amount")
        yield from piece_faults.in_path(profile.balance.told_currency, "/balance/told_currency")
    for name in ("products", "product"):
        if (look := getattr(profile, name)) is not None:
            yield from _goods(look.goods, f"/{name}/goods")
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
    if shown.unsaid is not None and shown.unsaid in ("failed", "refunded"):
        yield ProfileClash(f"{at}/shown/unsaid" if submit.shown else "/shown/unsaid", said="silence is not a failure")
    if profile.query is not None and profile.query.by == "supplier_number" and not shown.number:
        yield ProfileGap(f"{at}/shown/number" if submit.shown else "/shown/number", said="number: query asks by it")
    asked = None if profile.query is None else profile.query.shown or profile.shown
    last = shown if asked is None else asked  # what the last word about it is read with
    at = "/shown" if last is profile.shown else f"{at}/shown" if asked is None else "/query/shown"
    if "done" not in (*shown.states.values(), shown.unsaid, *last.states.values(), last.unsaid):
        yield ProfileGap(f"{at}/states", said="done")
    if "card_key" in submit.kinds and last.cards is None:
        yield ProfileGap(f"{at}/cards", said="cards")


def _call(verb: Verb, profile: Profile) -> tuple[str, str, str]:
    """What tells a call from another one at the same address."""
    return verb.method or profile.sending.method, verb.path, verb.word


def _goods(goods: Goods, at: str) -> Iterator[Refused]:
    if any(not 0 <= count <= STOCK_MAX for count in goods.stock_words.values()):
        yield ProfileClash(f"{at}/stock_words", said=f"0 to {STOCK_MAX}")


def _verb(verb: Verb, profile: Profile, at: str) -> Iterator[Refused]:
    yield from piece_faults.in_text(verb.path, profile, f"{at}/path", texts.SENT)
    if not re.fullmatch(r"/[^\s?#]*", verb.path):
        yield ProfileClash(f"{at}/path", said="begins with /, without ?, # and spaces")
    for name, *filters in piece_faults.filtered(verb.path):
        if name not in OURS and filters[-1:] != ["url"]:
            yield ProfilePlace(f"{at}/path", value="{" + name + "}", said="in a path it goes through :url")
    for name in ("headers", "query", "fields"):
        yield from piece_faults.in_value(getattr(verb, name), profile, f"{at}/{name}", texts.SENT)
    yield from piece_faults.in_headers(verb.headers, f"{at}/headers")
    if verb.signature is not None:
        yield from piece_faults.in_signature(verb.signature, profile, f"{at}/signature", texts.SIGNED)
    if verb.told is not None:
        yield from _told(verb.told, profile, f"{at}/told")
    if verb.shown is not None:
        yield from _shown(verb.shown, profile, f"{at}/shown")


def _told(told: Told, profile: Profile, at: str) -> Iterator[Refused]:
    if not told.code:
        yield ProfileGap(f"{at}/code", said="code")
    for path in (*told.code, told.message, told.unwrap):
        yield from piece_faults.in_path(path, at)
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
        yield from piece_faults.in_signature(told.signature, profile, f"{at}/signature", texts.HEARD)


def _shown(shown: Shown, profile: Profile, at: str) -> Iterator[Refused]:
    for path in (shown.rows, shown.outer, shown.status, shown.number, shown.cost, shown.reason):
        yield from piece_faults.in_path(path, at)
    if not shown.status and shown.unsaid is None:
        yield ProfileGap(f"{at}/status", said="status / unsaid")
    if shown.status and not shown.states:
        yield ProfileGap(f"{at}/states", said="states")
    if shown.cards is not None:
        yield from piece_faults.in_cards(shown.cards, profile, f"{at}/cards")


def _callback(profile: Profile) -> Iterator[Refused]:
    calling = profile.callback
    if calling is None:
        return
    yield from piece_faults.in_path(calling.outer, "/callback/outer")
    if not calling.outer:
        yield ProfileGap("/callback/outer", said="outer")
    if calling.signature is None:
        yield ProfileGap("/callback/signature", said="an unsigned callback is anybody's word")
    else:
        yield from piece_faults.in_signature(calling.signature, profile, "/callback/signature", texts.HEARD)
    if calling.fresh is not None:
        yield from piece_faults.in_text(calling.fresh.text, profile, "/callback/fresh/text", texts.HEARD)
        if not 1 <= calling.fresh.window_s <= DAY_S:
            yield ProfileClash("/callback/fresh/window_s", said=f"1 to {DAY_S}, a day")
        yield from piece_faults.in_zone(calling.fresh.zone_hours, "/callback/fresh/zone_hours")
        if calling.fresh.unit == "text":
            yield from piece_faults.in_format(calling.fresh.format, "/callback/fresh/format", read=True)
    if not 200 <= calling.ack.status < 300:
        yield ProfileClash("/callback/ack/status", said="2xx")
    if not MEDIA_TYPE.fullmatch(calling.ack.content_type):
        yield ProfileClash("/callback/ack/content_type", said="type/subtype")


def _said(verb: Verb, profile: Profile) -> set[str]:
    """Every place of a request: its own and what all requests have."""
    sending = msgspec.structs.asdict(profile.sending)
    return piece_faults.named(
        [
            verb.path,
            verb.query,
            verb.fields,
            verb.headers,
            *(sending[n] for n in ("headers", "query", "common", "envelope")),
        ]
    )
