"""What every dialect must be able to do, and the money words they share."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import parse_qsl

import msgspec

from simulator import signing
from simulator.asgi import Answer, Request
from simulator.callbacks import Message
from simulator.desk import Asked, Desk, Faults
from simulator.model import Order, Product, Refused, State, Supplier, Why
from simulator.world import Shop, clock_ms, now_ms

Json = dict[str, Any]
Step = Literal["buy", "query", "look"]
UNMAPPED_STATUS, UNMAPPED_CODE = 97, 9797


class Asking(msgspec.Struct):
    """A request that was signed correctly."""

    endpoint: str
    step: Step
    product: str
    outer: str
    body: Json


class Problem(Exception):
    """The request is answered with a code of the dialect and nothing happens."""

    def __init__(self, code: int | str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Speech(Protocol):
    # Who calls, and the secret, which is always named `key` or `secret`.
    credentials: ClassVar[tuple[str, str]] = ("", "")
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


def amount(fen: int) -> float:
    """Money as the JSON number that some suppliers write."""
    return fen / 100


def as_json(thing: object) -> Answer:
    return Answer(body=signing.compact_json(thing).encode())


def endpoint(request: Request, prefix: str = "") -> str:
    """The path without the instance's name and the dialect's own prefix."""
    return request.path.lstrip("/").partition("/")[2].removeprefix(prefix)


def json_object(raw: bytes, code: int | str) -> Json:
    """Numbers stay as they were written, since a signature covers the text and not the value. Nothing at all is {}."""
    try:
        body = json.loads(raw, parse_int=str, parse_float=str) if raw.strip() else {}
    except ValueError as problem:
        raise Problem(code, "请求内容不是 JSON") from problem
    if body == []:
        return {}  # PHP writes an empty map as an empty list
    if not isinstance(body, dict):
        raise Problem(code, "请求内容不是 JSON 对象")
    return body


def form_object(raw: bytes) -> Json:
    """PHP's reading of a form: `datas[target]=1` is a field of `datas`, deeper brackets are not needed by anyone."""
    fields: Json = {}
    for name, value in parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True):
        outer, bracket, inner = name.partition("[")
        if bracket and isinstance(inside := fields.setdefault(outer, {}), dict):
            inside[inner.removesuffix("]")] = value
        elif not bracket:
            fields[name] = value
    return fields


def on_time(supplier: Supplier, stamp: str, window_ms: int) -> bool:
    """A time in seconds (ten digits) or milliseconds (thirteen), near the supplier's own."""
    if not stamp.isdecimal() or len(stamp) not in (10, 13):
        return False
    return abs(int(stamp.ljust(13, "0")) - clock_ms(supplier)) <= window_ms


def take(desk: Desk, shop: Shop, asked: Asked, faults: Faults, codes: Mapping[Why, int | str]) -> Order:
    try:
        return desk.take(shop, asked, faults)
    except Refused as refusal:
        raise Problem(codes[refusal.why], refusal.text) from refusal


def guard(fields: Json, name: str, codes: Mapping[Why, int | str]) -> int | None:
    """What an order may cost at most; one that cannot be read must not be overlooked."""
    most = fen(fields.get(name))
    if most is None and text(fields.get(name)):
        raise Problem(codes[Why.BAD_REQUEST], f"{name} 格式错误")
    return most


def order_asked_for(shop: Shop, outer: str, identity: str, code: int | str) -> Order:
    """The newest order under our number, or the one with the supplier's own; hidden ones are not there yet."""
    one = shop.orders.get(identity)
    known = shop.by_outer.get(outer, []) if outer else [one] if one else []
    found = [order for order in known if order.plan.hidden_until_ms <= now_ms()]
    if not found:
        raise Problem(code, "订单不存在")
    return found[-1]


def product_asked_for(shop: Shop, identity: str, codes: Mapping[Why, int | str]) -> Product:
    product = shop.supplier.products.get(identity)
    if product is None:
        raise Problem(codes[Why.NO_PRODUCT], "商品不存在")
    return product


def page_of(things: Sequence[Json], page: int, size: int) -> list[Json]:
    start = (max(1, page) - 1) * size
    return list(things[start : start + size])


def strange(faults: Faults | None) -> str:
    """Which value of an answer a `wrong_status` makes one that no document names: code, status or none."""
    rule = (faults or {}).get("wrong_status")
    return "" if rule is None else "code" if rule.what == "code" else "status"


def answer_state(order: Order, faults: Faults) -> State:
    """A callback that overtakes its answer must not be overtaken itself: the answer still says "processing"."""
    return State.PROCESSING if "callback_before_answer" in faults else order.state
