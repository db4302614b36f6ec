"""What bodies and answers are made of: bounded field types, so that bad input is refused before anything happens."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import from_text
from heyi.kernel.money import Money

# No control characters: PostgreSQL cannot store NUL, and the others only ever come from mistakes or attacks.
CLEAN_FORM = r"^[^\x00-\x1f\x7f\ud800-\udfff]*$(?!\n)"
TEXT_FORM = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*$(?!\n)"
CODE_FORM = r"^[a-z0-9][a-z0-9_-]{0,63}$(?!\n)"
ADDRESS_FORM = r"^https?://[^\s\x00-\x1f]+$(?!\n)"
CURRENCY_FORM = r"^[A-Z]{3}$(?!\n)"

CodeWord = Annotated[str, Meta(pattern=CODE_FORM, max_length=64, description="a stable word")]
Short = Annotated[str, Meta(min_length=1, max_length=64, pattern=CLEAN_FORM)]
Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=CLEAN_FORM)]
Long = Annotated[str, Meta(max_length=4000, pattern=TEXT_FORM)]
Address = Annotated[str, Meta(min_length=1, max_length=2000, pattern=ADDRESS_FORM)]
Count = Annotated[int, Meta(ge=1, le=1000)]
AmountMinor = Annotated[int, Meta(ge=0, le=10**15, description="minor units (fen, cents)")]
Currency = Annotated[str, Meta(pattern=CURRENCY_FORM, description="ISO 4217")]
Accounts = Annotated[dict[CodeWord, Line], Meta(max_length=50)]


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of request bodies: an unknown field is a mistake, and is said so."""


class Shape(msgspec.Struct, kw_only=True):
    """Base of answers."""


class MoneyShape(Shape):
    amount_minor: int
    currency: str


class MoneyBody(Body):
    amount_minor: AmountMinor
    currency: Currency


def money(value: Money) -> MoneyShape:
    return MoneyShape(amount_minor=value.amount_minor, currency=value.currency)


class NotFoundHere(Refused):
    """There is no such thing, or it is a stranger's: both sound the same."""

    code, kind = "request.not_found", Kind.NOT_FOUND
    zh = "找不到 {what}"
    en = "there is no {what} with this id"


class NoSuchId(NotFoundHere):
    """What stands in the path cannot be an id of that kind."""

    zh, en = "没有此编号的{zh}：应为 {prefix}_…", "there is no {en} with this id, which begins with {prefix}_"


_NAMES = {
    "acc": ("密钥", "access key"), "att": ("尝试", "attempt"), "bat": ("批次", "batch"), "ben": ("权益", "benefit"),
    "bnd": ("套餐", "bundle"), "cbk": ("回调", "callback"), "chn": ("渠道", "channel"), "cll": ("调用", "call"),
    "dlv": ("推送", "delivery"), "drf": ("差异", "drift"), "ent": ("权益持有", "entitlement"), 
    "imp": ("导入", "import"),
    "key": ("卡密", "card key"), "lge": ("账目", "entry"), "ofr": ("货源", "offer"), "ord": ("订单", "order"),
    "pch": ("商品变动", "product change"), "prt": ("合作方", "partner"), "rdm": ("核销", "redemption"),
    "spk": ("供货密钥", "supply key"), "src": ("状态源", "status source"), "sup": ("供货商", "supplier"),
    "syn": ("同步", "sync"), "tsk": ("履约任务", "task"), "whk": ("webhook", "webhook"), "wrn": ("预警", "warning"),
}  # fmt: skip


def id_in(prefix: str, text: str) -> UUID:
    """The id behind `prefix_…` in a path. Raises NotFoundHere for anything that cannot be one."""
    found = from_text(prefix, text)
    if found is None:
        zh, en = _NAMES.get(prefix, (prefix, prefix))
        raise NoSuchId(zh=zh, en=en, prefix=prefix)
    return found


def problem_of(value: Any) -> Any:
    """For answers that carry a refusal inside (a quote): {"code", "zh", "en"} or None."""
    return None if value is None else {"code": value.code, "zh": value.sentence("zh"), "en": value.sentence("en")}
