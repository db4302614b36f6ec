"""A supplier's dialect as a document: what is sent, what is signed, and what their words mean (decision 0008).

Texts hold places: `{outer_number}`, `{cost:yuan}`; a text that is exactly one place keeps the value's type, and a field
whose place has nothing to say (no account was asked for) is left out, as is an object whose fields were all left out.
A field named `...` is spread into its object. texts.py names the places and filters, canonical.py what can be signed.
Paths into answers are names and list positions with dots between: `data.list.0.price`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Format = Literal["json", "form", "query", "xml", "text"]
Charset = Literal["utf-8", "gbk"]
Kind = Literal["top_up", "card_key"]
Unit = Literal["yuan", "fen", "li"]
State = Literal["working", "done", "failed", "refunded"]
# Our word for a definite no; speech.py knows their cures.
Word = Literal[
    "account", "balance", "busy", "clock", "endpoint", "forbidden", "maintenance", "no_product", "off_sale", "price",
    "refused", "request", "signature", "sold_out",
]  # fmt: skip


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a profile: closed, so that a misspelt name is a fault and not silence."""


class Credential(Part, frozen=True, kw_only=True):
    """What an account at this supplier needs. Those that are secret are masked wherever they are kept or shown."""

    name: str
    label: str
    secret: bool = True


class Clock(Part, frozen=True, kw_only=True):
    """How `{time}` is written: milliseconds, seconds, or a text in their zone."""

    unit: Literal["ms", "s", "text"] = "ms"
    format: str = "%Y-%m-%d %H:%M:%S"
    zone_hours: int = 8


class Pairs(Part, frozen=True, kw_only=True):
    """`{pairs}` in a text to be signed: names and values in a row.

    `order` fixes names (others are left out); without it they are sorted. Lists and objects are signed as JSON, or
    as PHP casts them: the literal `Array`.
    """

    source: Literal["fields", "query", "both"] = "fields"
    order: list[str] = []
    equals: str = "="
    between: str = "&"
    skip_empty: bool = False
    lists: Literal["json", "literal"] = "json"


class Signature(Part, frozen=True, kw_only=True):
    """`text` is what is hashed. `put` and `name` say where the signature stands, on its way out and on its way in.

    `exclude` are fields that are not signed (its own never is); keyed hashes take `key`.
    """

    text: str
    hash: Literal["md5", "sha1", "sha256", "hmac_md5", "hmac_sha1", "hmac_sha256"]
    key: str = ""
    upper: bool = False
    base64: bool = False
    put: Literal["header", "query", "field"] = "field"
    name: str
    exclude: list[str] = []
    pairs: Pairs | None = None
    charset: Charset | None = None


class Accounts(Part, frozen=True, kw_only=True):
    """Which of the buyer's accounts is the main one (`{account}`): the first of these names, or the first given.

    `names` renames ours into theirs; `pair` are the two names in `{accounts:list}`.
    """

    main: list[str] = []
    names: dict[str, str] = {}
    pair: tuple[str, str] = ("name", "value")


class Sending(Part, frozen=True, kw_only=True):
    """What all requests have in common. `common` are fields of every request; `envelope`, when there is one, holds
    the verb's own fields as `{fields}`. `sorted`: JSON goes out with sorted keys, so that it is what was signed."""

    method: Literal["POST", "GET"] = "POST"
    format: Literal["json", "form", "query"] = "json"
    charset: Charset = "utf-8"
    sorted: bool = False
    empty: str = "{}"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    common: dict[str, Any] = {}
    envelope: dict[str, Any] | None = None
    signature: Signature | None = None
    basic_plane: bool = False  # characters that their languages sort differently are refused before anything is sent


class Cipher(Part, frozen=True, kw_only=True):
    """Cards may come encrypted. The key is a text; `key_form` says how its bytes are written."""

    name: Literal["aes-ecb", "aes-cbc", "3des-ecb", "3des-cbc"]
    key: str
    key_form: Literal["text", "hex", "base64"] = "text"
    iv: str = ""
    coding: Literal["base64", "hex"] = "base64"
    covers: Literal["whole", "number", "password", "both"] = "password"


class Cards(Part, frozen=True, kw_only=True):
    """Where cards are in an order. A list of objects, or one text: `whole` takes it as one card however many lines it
    has; otherwise each line is one. `between` separates number and password within a text."""

    path: str
    number: str = ""
    password: str = ""
    form: Literal["list", "text", "json_text"] = "list"
    whole: bool = False
    between: list[str] = []
    cipher: Cipher | None = None


class Shown(Part, frozen=True, kw_only=True):
    """How an order is read from an answer whose code says success.

    `outer` is where our number stands; only a reading without it may believe a lone row. `states` is closed. `unsaid`
    is what an order is that shows no status. `empty_is_not_found`: a list without rows means that they know nothing.
    """

    rows: str = ""
    outer: str = ""
    status: str = ""
    states: dict[str, State] = {}
    unsaid: State | None = None
    number: str = ""
    cost: str = ""
    cost_unit: Unit = "yuan"
    reason: str = ""
    cards: Cards | None = None
    empty_is_not_found: bool = False


class Told(Part, frozen=True, kw_only=True):
    """How an answer is read. `code` are paths: the first that says something counts. Closed tables: a code that is
    not named is unknown, never "failed". `unwrap` is the path of a text that holds JSON."""

    format: Literal["json", "xml", "form", "text"] = "json"
    charset: Charset = "utf-8"
    statuses: tuple[int, ...] = (200,)
    signature: Signature | None = None
    unwrap: str = ""
    code: list[str] = []
    success: list[str] = []
    refusals: dict[str, Word] = {}
    known_already: list[str] = []
    not_found: list[str] = []
    message: str = ""


class Verb(Part, frozen=True, kw_only=True):
    """One request. `word` is what `{word}` stands for; empty choices are those of `sending`."""

    path: str
    word: str = ""
    method: Literal["", "POST", "GET"] = ""
    format: Literal["", "json", "form", "query"] = ""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    fields: dict[str, Any] = {}
    told: Told | None = None
    shown: Shown | None = None


class Submit(Verb, frozen=True, kw_only=True):
    """A purchase of these kinds."""

    kinds: list[Kind]


class Query(Verb, frozen=True, kw_only=True):
    """Asking about an order. `by` says by which number; where only theirs is taken and we do not have it, `repeat`
    asks by sending the purchase again: allowed only when their document says that a number counts once."""

    by: Literal["outer_number", "supplier_number"] = "outer_number"
    repeat: bool = False


class BalanceLook(Verb, frozen=True, kw_only=True):
    """What we have left with them: `amount` is a path."""

    amount: str
    unit: Unit = "yuan"


class FieldsShown(Part, frozen=True, kw_only=True):
    """The recharge fields of a product: a list of objects at `path`."""

    path: str
    name: str
    title: str = ""
    required: str = ""
    pattern: str = ""
    options: str = ""


class Goods(Part, frozen=True, kw_only=True):
    """How a product is read. `on_sale` holds one of `on_sale_words`; `stock` is a number or one of `stock_words`."""

    number: str
    title: str
    kind: str = ""
    kinds: dict[str, Kind] = {}
    price: str = ""
    unit: Unit = "yuan"
    stock: str = ""
    stock_words: dict[str, int] = {}
    on_sale: str = ""
    on_sale_words: list[str] = []
    fields: FieldsShown | None = None


class ProductsLook(Verb, frozen=True, kw_only=True):
    """A page of products. A page with as many rows as `size` may have a next one; `size` 0: there is one page."""

    rows: str
    goods: Goods
    size: int = 0
    first: int = 1


class ProductLook(Verb, frozen=True, kw_only=True):
    """One product, by its number."""

    row: str
    goods: Goods


class Fresh(Part, frozen=True, kw_only=True):
    """A callback's time: a text (`{field.time}`, `{header.x-timestamp}`) that may be this far from now."""

    text: str
    unit: Literal["ms", "s", "any", "text"] = "any"
    format: str = "%Y-%m-%d %H:%M:%S"
    zone_hours: int = 8
    window_s: int = 7200


class Ack(Part, frozen=True, kw_only=True):
    """The answer after which they stop calling."""

    status: int = 200
    content_type: str = "text/plain"
    body: str = "success"


class Calling(Part, frozen=True, kw_only=True):
    """How their callbacks are read. They name an order of ours, nothing more; without a signature none is trusted."""

    format: Literal["json", "form", "query", "xml"] = "json"
    charset: Charset = "utf-8"
    outer: str
    signature: Signature | None = None
    fresh: Fresh | None = None
    ack: Ack = Ack()
    in_order: bool = True


class Profile(Part, frozen=True, kw_only=True):
    """A supplier's dialect. `beta`: built to public documents or client code, not yet proved with a real account."""

    code: str
    title: str
    source: str
    beta: bool = True
    base_url: str = ""
    credentials: list[Credential]
    clock: Clock = Clock()
    accounts: Accounts = Accounts()
    sending: Sending = Sending()
    told: Told
    shown: Shown
    submit: list[Submit]
    query: Query
    balance: BalanceLook | None = None
    products: ProductsLook | None = None
    product: ProductLook | None = None
    callback: Calling | None = None
    hidden: list[str] = []
    grace_ms: int = 60_000
    first_query_ms: int = 0
    query_gap_ms: int = 500
