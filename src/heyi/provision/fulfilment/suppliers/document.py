"""A supplier's dialect as a document: what is sent, what is signed, and what their words mean (decision 0008).

Texts hold places: `{outer_number}`, `{cost:yuan}`; a text that is exactly one place keeps the value's type, and a field
whose place has nothing to say (no account was asked for) is left out, as is an object whose fields were all left out.
A field named `...` is spread into its object. texts.py names the places and filters, canonical.py what can be signed.
Paths into answers are names and list positions with dots between: `data.list.0.price`.
"""

from __future__ import annotations

from typing import Any, Literal

from heyi.provision.fulfilment.suppliers.pieces import Cards, Charset, Clock, Credential, Currency, Part, Signature

Format = Literal["json", "form", "query", "xml", "text"]
Kind = Literal["top_up", "card_key"]
Unit = Literal["yuan", "fen", "li"]
State = Literal["working", "done", "failed", "refunded"]
# Our word for a definite no; speech.py knows their cures.
Word = Literal[
    "account", "balance", "busy", "clock", "endpoint", "forbidden", "maintenance", "no_product", "off_sale", "price",
    "refused", "request", "signature", "sold_out",
]  # fmt: skip


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
    not named is unknown, never "failed". `unwrap` is the path of a text that holds JSON. A code in `spoken` means
    what the message says: the first phrase of `says` in it, and without one whatever the tables say of the code.
    `*` in `spoken` is every code that no table names."""

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
    spoken: list[str] = []
    says: dict[str, Word | Literal["known_already", "not_found"]] = {}


class Verb(Part, frozen=True, kw_only=True):
    """One request. `word` is what `{word}` stands for; empty choices are those of `sending`."""

    path: str
    word: str = ""
    method: Literal["", "POST", "GET"] = ""
    format: Literal["", "json", "form", "query"] = ""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    fields: dict[str, Any] = {}
    signature: Signature | None = None
    told: Told | None = None
    shown: Shown | None = None


class Submit(Verb, frozen=True, kw_only=True):
    """A purchase of these kinds."""

    kinds: list[Kind]


class Query(Verb, frozen=True, kw_only=True):
    """Asking about an order. `by` says by which number: theirs is known only after an answer that told it."""

    by: Literal["outer_number", "supplier_number"] = "outer_number"


class BalanceLook(Verb, frozen=True, kw_only=True):
    """What we have left with them: `amount` is a path; `unit` is the same for other currencies (whole, hundredths,
    thousandths). `told_currency` is the path of the currency, where they tell it; else it is `currency`."""

    amount: str
    unit: Unit = "yuan"
    currency: Currency = "CNY"
    told_currency: str = ""


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
    """A page of products; `each` names a list in each row that holds what is sold. A page with as many rows as `size`
    may have a next one; `size` 0: there is one page."""

    rows: str
    each: str = ""
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
    """A supplier's dialect. `beta`: built to public documents or client code, not yet proved with a real account.

    `counts_once`: their document says that a purchase sent again under the same number answers the first one and never
    makes a second; only then is that a way to ask, where there is no other.
    """

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
    query: Query | None = None
    counts_once: bool = False
    balance: BalanceLook | None = None
    products: ProductsLook | None = None
    product: ProductLook | None = None
    callback: Calling | None = None
    hidden: list[str] = []
    grace_ms: int = 60_000
    first_query_ms: int = 0
    query_gap_ms: int = 500
