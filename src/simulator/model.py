"""What the simulator remembers. Money is integer fen; times are Unix milliseconds."""

import enum
from typing import Literal

import msgspec

MINUTE_MS = 60_000
UNLIMITED_STOCK = 10_000_000

ProductKind = Literal["top_up", "card", "mobile"]
Step = Literal["buy", "query", "look", "any"]  # any: buy and query, never a look
RightState = Literal["delivered", "activated", "used", "expired", "cancelled", "missing"]

FaultKind = Literal[
    "delay", "timeout_before_accept", "timeout_after_accept", "error_500_before_accept", "error_500_after_accept",
    "unreadable_body", "wrong_status", "garbled_charset", "query_error", "query_not_found_for_ms", "no_callback",
    "callback_before_answer", "callback_twice", "callback_out_of_order", "callback_unsigned", "callback_tampered",
    "sold_out", "price_rise", "balance_empty", "decline", "fail_after_accept", "lie_failed_then_success", "stuck",
    "partial_cards", "duplicate_card", "slow_drip", "ip_refused", "query_rate_limited", "clock_skew", "stock_lies",
    "price_lies",
]  # fmt: skip


class State(enum.StrEnum):
    UNTREATED = "untreated"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


class Why(enum.StrEnum):
    """Why an order was not taken; each dialect has its own code for it."""

    NO_PRODUCT = "no_product"
    OFF_SALE = "off_sale"
    WRONG_KIND = "wrong_kind"
    SOLD_OUT = "sold_out"
    PRICE = "price"
    DECLINED = "declined"
    BALANCE = "balance"
    BAD_ACCOUNT = "bad_account"
    DUPLICATE = "duplicate"
    BAD_REQUEST = "bad_request"


class Refused(Exception):
    """The order was refused before acceptance: no money moved, nothing will be delivered."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why, self.text = why, text


class Product(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    id: str
    name: str
    kind: ProductKind = "top_up"
    price_fen: int = 100
    face_value_fen: int = 0
    stock: int = UNLIMITED_STOCK
    pattern: str = ""
    work_ms: int | None = None  # None: the supplier's own
    on_sale: bool = True


class FaultRule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong. `used` counts how often it did; a rule whose `times` are used up is silent."""

    fault: FaultKind
    rate: float = 1.0
    times: int | None = None
    product: str | None = None
    outer: str | None = None  # only outer numbers that begin with this
    on: Step = "buy"  # which request a transport fault strikes
    delay_ms: int | None = None
    hold_ms: int = 30_000
    percent: int = 20  # price_rise, price_lies
    limit: int = 20  # query_rate_limited: so many queries in window_ms are answered
    window_ms: int = 1_000
    what: str | None = None  # wrong_status: status | code; callback_out_of_order: processing | failed; refusals: http
    used: int = 0

    def live(self, product: str | None, outer: str | None) -> bool:
        if self.times is not None and self.used >= self.times:
            return False
        if self.product is not None and product is not None and self.product != product:
            return False
        return self.outer is None or (outer or "").startswith(self.outer)


class Supplier(msgspec.Struct, kw_only=True):
    name: str
    dialect: str
    credentials: dict[str, str]
    balance_fen: int = 1_000_000_000
    callback_url: str = ""
    callback_gap_ms: int = 5 * MINUTE_MS  # the n-th re-send follows after n gaps: 5, 10, 15, 20, 25 minutes
    callback_resends: int = 5
    work_ms: int = 50
    dedupe: bool = False
    seed: int = 1
    bad_prefix: str = "bad"
    fail_suffix: str = "0000"
    calls_per_s: int = 0  # more are refused; 0: no limit
    partner_key: str = ""  # opens this partner's view of its rights
    products: dict[str, Product] = msgspec.field(default_factory=dict)
    faults: list[FaultRule] = msgspec.field(default_factory=list)
    made: int = 0  # orders ever taken: the source of our numbers
    drawn: int = 0  # random numbers used, so that a restart continues the same sequence
    received: dict[str, int] = msgspec.field(default_factory=dict)  # requests by endpoint
    turned_away: dict[str, int] = msgspec.field(default_factory=dict)  # at the door: 403 address, 429 too often

    @property
    def secret(self) -> str:
        """Every dialect's secret is the credential named `key` or `secret`."""
        return self.credentials["key" if "key" in self.credentials else "secret"]


class Card(msgspec.Struct):
    number: str
    password: str


class Plan(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What will go wrong with an accepted order, fixed when it was taken."""

    fails: bool = False
    lies_ms: int | None = None
    stuck: bool = False
    hidden_until_ms: int = 0
    no_callback: bool = False
    twice: bool = False
    out_of_order: str | None = None
    unsigned: bool = False
    tampered: bool = False
    partial: bool = False
    duplicate: bool = False


class Order(msgspec.Struct, kw_only=True):
    number: str
    outer: str
    product: str
    kind: ProductKind
    quantity: int
    account: str
    price_fen: int
    state: State
    taken_ms: int
    due_ms: int
    callback_url: str
    plan: Plan
    finished_ms: int = 0
    text: str = ""
    serial: str = ""
    refunded: bool = False
    delivered: int = 0
    cards: list[Card] = msgspec.field(default_factory=list)
    right: RightState | None = None  # what became of it at the partner, once it was delivered
    right_ms: int = 0
    callbacks_sent: int = 0
    callback_sent_round: int = 0  # since the last change of state
    callback_acked: bool = False
    callback_due_ms: int = 0  # 0: none is waiting
    callback_answer: str = ""

    @property
    def made(self) -> int:
        """The supplier's own count of it: a small number for dialects that have small ones."""
        return int(self.number[-7:])


class Receiver(msgspec.Struct, kw_only=True):
    name: str
    secret: str = ""
    fail_status: int = 0
    fail_times: int | None = None


class Received(msgspec.Struct, kw_only=True):
    """One webhook delivery that arrived at a receiver."""

    sequence: int
    receiver: str
    id: str
    type: str
    verified: bool
    answered: int
    at_ms: int
    body: str
    problem: str = ""


class Call(msgspec.Struct):
    """A raw request as it came in. Kept in memory only: it is for looking, not for counting."""

    at_ms: int
    endpoint: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    status: int = 0
    answer: bytes = b""
    faults: list[str] = []
