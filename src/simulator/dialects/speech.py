"""What every dialect must be able to do, and the money words they share."""

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal, Protocol

import msgspec

from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Desk, Faults
from simulator.model import Order, State, Supplier
from simulator.world import Shop

Json = dict[str, Any]


class Asking(msgspec.Struct):
    """A request that was signed correctly."""

    endpoint: str
    step: Literal["buy", "query", "look"]
    product: str
    outer: str
    body: Json


class Problem(Exception):
    """The request is answered with a code of the dialect and nothing happens."""

    def __init__(self, code: int | str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Speech(Protocol):
    credentials: ClassVar[tuple[str, str]] = (
        "",
        "",
    )  # who calls, and the secret, which is always named `key` or `secret`
    ack: ClassVar[str] = ""
    methods: ClassVar[tuple[str, ...]] = ("POST",)
    charset: ClassVar[str] = "utf-8"
    dedupe: ClassVar[bool] = False  # what a new instance does with a number that was used before
    calls_per_s: ClassVar[int] = 0
    ip_refused: ClassVar[int | str | None] = None  # the dialect's own code; None: it has only HTTP 403
    too_fast: ClassVar[int | str | None] = None  # None: it has only HTTP 429

    def read(self, supplier: Supplier, request: Request) -> Asking: ...

    def handle(self, desk: Desk, shop: Shop, asking: Asking, faults: Faults) -> tuple[Answer, Order | None]: ...

    def refuse(self, supplier: Supplier, problem: Problem) -> Answer: ...

    def callback(self, supplier: Supplier, order: Order, state: State, at_ms: int) -> Message:
        return Message(b"")  # never sent: a dialect without callbacks takes its orders without an address

    def acknowledged(self, answer: str) -> bool:
        return answer == self.ack


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fen(value: object) -> int | None:
    """Yuan as a text or a number into fen, rounded down; None for what is not an amount."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        return int(Decimal(str(value)) * 100)
    except (InvalidOperation, ValueError, OverflowError):
        return None


def text(value: object) -> str:
    """Clients send the same field as a number or as a text; both mean the same to the supplier."""
    return "" if value is None or isinstance(value, dict | list | bool) else str(value).strip()


def whole(value: object, otherwise: int) -> int:
    found = text(value)
    return int(found) if found.isdecimal() and len(found) < 10 else (otherwise if not found else -1)


def number(identity: str) -> int | str:
    return int(identity) if identity.isdecimal() else identity
