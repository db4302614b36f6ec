"""闲管家's virtual-supply standard, by which 闲鱼 shops buy cards and top-ups.

From the public document 闲管家虚拟货源标准接口 (s.apifox.cn/cf4d53fd-8bb2-41c5-8da3-371ba9a38956): the signature over
app_id, app_secret, md5(body), timestamp, mch_id and mch_secret, ±300 s; goods types 1 (top-up) and 2 (cards); order
states 10, 20, 30; `biz_content` with account, game_name, game_role, game_area, game_server, also in the answer to a
query about a top-up; card_items; the feature flags of open/info; codes 0, 401, 403, 408, 1100 to 1102, 1200 to 1203,
1209; notifications signed the same way and answered {"code": 0}. The document names no code for an empty deposit: any
code but 0 is a failure, so that is 1. Not seen there: what `check` in a template means (0 here), and whether a failed
order may carry cards (it does not).
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from heyi.kernel.errors import Refused
from heyi.kernel.talk import Call
from heyi.offer.partner import errors
from heyi.offer.partner.model import SupplyAccess
from heyi.offer.partner.standards.words import (
    ACCOUNT,
    CARDS,
    DOING,
    DONE,
    Bundled,
    Goods,
    Report,
    handed_over,
    said_in,
    unsayable,
)

SKEW_S = 300
SHOWN_IN = (DONE,)
TELLS_ALL = False  # whoever placed it has the answer already; notifications are for what takes its time
TOP_UP, CARD = 1, 2
TYPES = {CARDS: CARD, ACCOUNT: TOP_UP}
STOCK_MOST = 99_999  # what it says for "plenty"
OWN_FIELDS = ("account", "game_name", "game_role", "game_area", "game_server")
FEATURES = {"is_support_order_refund": False, "is_support_goods_notify": False, "is_support_loss_purchase": True}
OK, REFUSED, BAD_SIGN, BAD_ADDRESS, BAD_TIME = 0, 1, 401, 403, 408
NO_GOODS, OFF_SALE, SOLD_OUT = 1100, 1101, 1102
NO_ORDER, BAD_ORDER, TOO_DEAR, NUMBER_USED, TOO_LATE = 1200, 1201, 1202, 1203, 1209
_encode = msgspec.json.Encoder().encode


def signature(access: SupplyAccess, timestamp: str, body: bytes) -> str:
    said = (access.app_id, access.app_secret, _md5(body), timestamp, access.key, access.secret)
    return _md5(",".join([part or "" for part in said]).encode())


def sellable(bundle: Bundled) -> Goods | Refused:
    """Only cards and links: a card order. Only accounts that fit its fields: a top-up. Nothing else can be said."""
    if fault := unsayable(bundle):
        return fault
    if bundle.price.currency != "CNY":
        return errors.SupplyCurrency(currency=bundle.price.currency)
    if not bundle.fields:
        others = [part.benefit for part in bundle.parts if not handed_over(part)]
        return errors.SupplyNothing(benefit=others[0]) if others else Goods(bundle, CARDS)
    if any(handed_over(part) for part in bundle.parts):
        return errors.SupplyMixed()
    fields = [(_own_name(one.name), one) for one in bundle.fields]
    names = [name for name, _ in fields]
    if len(set(names)) < len(names) or "account" not in names:
        return errors.SupplyAccounts(count=len(names))
    return Goods(bundle, ACCOUNT, tuple(fields))


def goods(one: Goods) -> dict[str, Any]:
    """A line of the list of goods."""
    bundle = one.bundle
    shown: dict[str, Any] = {
        "goods_no": bundle.code, "goods_type": TYPES[one.kind], "goods_name": bundle.title,
        "price": bundle.price.amount_minor, "stock": STOCK_MOST if bundle.stock is None else bundle.stock, "status": 1,
        "update_time": int(bundle.published_at.timestamp()),
    }  # fmt: skip
    if one.kind == ACCOUNT:
        shown["template"] = [
            {"code": name, "name": ours.label, "desc": ours.label, "check": 0} for name, ours in one.fields
        ]
    return shown


def placed(report: Report) -> dict[str, Any]:
    """The answer to a new order: 30 only when nothing (or not everything) was delivered and nothing more will be."""
    state = report.state
    told: dict[str, Any] = {
        "order_no": report.number, "out_order_no": report.order, "order_status": _status(state),
        "order_amount": report.amount.amount_minor, "order_time": int(report.placed_at.timestamp()),
    }  # fmt: skip
    if report.ended_at is not None and state != DOING:
        told["end_time"] = int(report.ended_at.timestamp())
    if state == DONE and report.bought.kind == CARDS:
        told["card_items"] = _cards(report)
    if report.remark:
        told["remark"] = report.remark
    return told


def detail(report: Report) -> dict[str, Any]:
    """The answer to a query."""
    told = {
        "order_type": TYPES[report.bought.kind], "goods_no": report.goods, "goods_name": report.bought.title,
        "buy_quantity": report.quantity, **placed(report),
    }  # fmt: skip
    if report.bought.kind == ACCOUNT:
        told["biz_content"] = {_own_name(name): value for name, value in report.accounts.items()}
    return told


def body(report: Report) -> bytes:
    told = {"order_type": TYPES[report.bought.kind], **placed(report)}
    told.pop("order_amount")
    told.pop("order_time")
    return _encode(told)


def call(access: SupplyAccess, url: str, body: bytes, wall: datetime) -> Call:
    timestamp = str(int(wall.timestamp()))
    query = urlencode({"mch_id": access.key, "timestamp": timestamp, "sign": signature(access, timestamp, body)})
    joined = f"{url}{'&' if '?' in url else '?'}{query}"
    return Call("POST", joined, {"content-type": "application/json", "user-agent": "heyi-supply/1"}, body)


def acknowledged(answer: bytes) -> bool:
    code = said_in(answer).get("code")
    return code == OK and code is not False


def _own_name(name: str) -> str:
    """The standard's own field for one of ours."""
    return name if name in OWN_FIELDS else "account"


def _status(state: str) -> int:
    return {DOING: 10, DONE: 20}.get(state, 30)


def _cards(report: Report) -> list[dict[str, str]]:
    pairs = [card.pair for card in report.cards]
    return [{"card_pwd": secret} if code is None else {"card_no": code, "card_pwd": secret} for code, secret in pairs]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
