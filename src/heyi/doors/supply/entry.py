"""What the doors of all standards share: who calls, from where, when; bodies; and an order on its way to the gatherer.

The signature itself is the standard's. Everything is checked on the bytes as they came, before anything is read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from msgspec import Meta

from heyi.doors import peers
from heyi.doors.access import Caller, Doorman
from heyi.flows import buy, supply
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.money import Money
from heyi.offer import partner
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards import Bought, Goods, bought_of
from heyi.order.checkout import Asked, Order
from heyi.watch.webhook import endpoints

T = TypeVar("T")
# What may be left out as an empty text; what accounts are made of.
_CLEAN = r"^[^\x00-\x1f\x7f\ud800-\udfff]*$(?!\n)"
Maybe = Annotated[str, Meta(max_length=64, pattern=_CLEAN)]
Text = Annotated[str, Meta(max_length=200, pattern=_CLEAN)]
Callback = Annotated[str, Meta(max_length=2000, pattern=r"^(https?://[^\s\x00-\x1f]+)?$(?!\n)")]
BUYER = "supply:"  # before an order's number: its buyer, as far as anybody knows
_question = msgspec.json.Encoder(order="deterministic")


class KeyUnknown(Refused):
    """No live key of this standard has this name."""

    code, kind = "supply.key_unknown", Kind.UNAUTHORISED
    zh, en = "密钥不存在或已失效", "there is no such live key"


class SignatureWrong(Refused):
    """The signature is missing, or is not that of these bytes under the key's secret."""

    code, kind = "supply.signature", Kind.UNAUTHORISED
    zh, en = "签名错误", "the signature is wrong"


class ClockWrong(Refused):
    """The call's time is too far from ours."""

    code, kind = "supply.clock", Kind.UNAUTHORISED
    zh, en = "时间戳已过期", "the timestamp is too far from now"


class AddressWrong(Refused):
    """The key may not be used from this address."""

    code, kind = "supply.address", Kind.FORBIDDEN
    zh, en = "IP 不在白名单", "this key may not be used from here"


class Replayed(Refused):
    """The same nonce came before."""

    code, kind = "supply.replayed", Kind.UNAUTHORISED
    zh, en = "该请求已被使用过", "this nonce was used before"


class BodyWrong(Refused):
    """The body or a parameter is not what the standard says."""

    code, kind = "supply.body", Kind.INVALID
    zh, en = "参数错误：{what}", "bad parameter: {what}"


class GoodsUnknown(Refused):
    """Nothing of this number is sold in this standard and this way to the caller."""

    code, kind = "supply.goods_unknown", Kind.NOT_FOUND
    zh, en = "商品不存在", "there are no such goods"


class CallbackRefused(Refused):
    """The address that came with the order is malformed, not https, or leads into a private network."""

    code, kind = "supply.callback", Kind.INVALID
    zh, en = "回调地址不可用：{why}", "the callback address cannot be used: {why}"


async def key_holder(request: Request[Any, Any, Any], tools: Tools, standard: str, key: str) -> SupplyAccess:
    """Who names himself so, from where he may. Raises KeyUnknown, AddressWrong."""
    access = None
    if key and len(key) <= 64 and key.isascii() and key.isalnum():
        async with tools.db.reading() as tx:
            access = await partner.supply.find(tx, tools.sealing, standard, key, now=tools.clock.now())
    if access is None:
        raise KeyUnknown
    if not partner.supply.may_come_from(access, peers.address_of(request, tools.settings.trusted_proxies)):
        raise AddressWrong
    return access


def count(request: Request[Any, Any, Any], access: SupplyAccess) -> None:
    """One call of this key, counted when it is known to be its holder's. Raises TooFast."""
    doorman: Doorman = request.app.state.doorman
    doorman.count(caller(access))


def caller(access: SupplyAccess) -> Caller:
    """The channel behind a supply key, as everything else knows it."""
    return Caller("channel", access.channel_id, access.id, frozenset(), access.rate_per_s)


def by(access: SupplyAccess) -> str:
    """How facts name the one who looked."""
    return f"{caller(access).name} by {access.standard}"


def check_clock(tools: Tools, timestamp: str, *, skew_s: int) -> None:
    """Raises ClockWrong for a time that is not near ours, or none at all."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise ClockWrong
    if abs(tools.clock.wall().timestamp() - int(timestamp)) > skew_s:
        raise ClockWrong


def check_signature(given: str, right: str) -> None:
    """Compared in constant time. Raises SignatureWrong."""
    if not hmac.compare_digest(given.encode(errors="replace"), right.encode()):
        raise SignatureWrong


def decoded(body: bytes, shape: type[T]) -> T:
    """The body in its shape; what is not named there is left alone, for standards grow. Raises BodyWrong."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BodyWrong(what=str(fault)[:200]) from None


async def check_callback(tools: Tools, url: str) -> None:
    """Raises CallbackRefused for an address that we would not call."""
    try:
        await endpoints.check_url(url, private_allowed=tools.settings.webhook_private)
    except Refused as fault:
        raise CallbackRefused(why=fault.sentence("zh")) from None


def fingerprint(*same: object) -> bytes:
    """What was asked, in 16 bytes: the same number with another one is another order's."""
    return hashlib.blake2b(_question.encode(same), digest_size=16).digest()


async def place(
    request: Request[Any, Any, Any], access: SupplyAccess, number: str, same: bytes, *, line: supply.Line | None,
    quantity: int = 1, accounts: Mapping[str, str] | None = None, bought: Bought | None = None,
    at_most: Money | None = None,
) -> Order:  # fmt: skip
    """Place an order, or find the one that has this number and content. Raises what the order path refuses.

    The other system's buyers are not known here: every order is its own buyer, and none of the channel's own. Where its
    end is told and what it may cost at most are not part of what was asked. `line` None: the number is taken, and only
    its content is compared.
    """
    bundle = ("", None) if line is None else (line.bundle.code, line.bundle.version)
    asked = Asked(
        access.channel_id, number, f"{BUYER}{number}", bundle[0], quantity, same, bundle[1], accounts or {},
        personal={"accounts": accounts} if accounts else {},
        metadata=None if bought is None else bought.metadata, at_most=at_most,
    )  # fmt: skip
    orders: Gather[Asked, buy.Answer] = request.app.state.orders
    answer = await orders.ask(asked)
    if isinstance(answer, Refused):
        raise answer
    return answer[0]


async def line_of(tools: Tools, access: SupplyAccess, bundle: str, kind: str) -> supply.Line:
    """The bundle as the caller's standard sells it now. Raises GoodsUnknown, and what the catalog says of a bundle that
    is known and not on sale."""
    line = await supply.line(tools, access.standard, access.channel_id, bundle)
    if isinstance(line, Refused):
        raise line
    if not isinstance(line.answer, Goods) or line.answer.kind != kind:
        raise GoodsUnknown
    return line


def bought_in(order: Order | None, access: SupplyAccess) -> tuple[Order, Bought] | None:
    """The order and how it was bought; orders that were not bought in the caller's standard are not there for him."""
    bought = None if order is None else bought_of(order.metadata)
    return None if order is None or bought is None or bought.standard != access.standard else (order, bought)
