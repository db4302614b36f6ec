"""Warnings in words: one line per kind, Chinese and English, with {places} filled from the warning's numbers.

A place that the numbers do not have becomes an empty word. Amounts are minor units in the numbers (`…_minor`, with a
`currency` beside them) and are read as 99.00 CNY in the text.
"""

from __future__ import annotations

from collections.abc import Mapping

from heyi.watch.warning import model

WORDS: Mapping[str, tuple[str, str]] = {
    model.BREAKER_OPEN: (
        "供货商 {supplier} 已熔断：{why}",
        "the breaker of {supplier} is open: {why}",
    ),
    model.UNMAPPED_ANSWER: (
        "供货商 {supplier} 的应答值 {value} 未登记，按未知处理",
        "{supplier} answered {value}, which its profile does not name: treated as unknown",
    ),
    model.OFFER_HELD: (
        "{benefit} 的货源（供货商 {supplier}）已停用：{why}",
        "the offer of {benefit} at {supplier} is held: {why}",
    ),
    model.CALLBACKS_REFUSED: (
        "供货商 {supplier} 的回调被拒 {count} 次：{why}",
        "{count} callbacks of {supplier} were refused: {why}",
    ),
    model.DRIFT: (
        "合作方 {partner} 与我方状态不一致 {count} 条",
        "{count} rights differ between {partner} and us",
    ),
}


class _Known(dict[str, object]):
    def __missing__(self, _name: str) -> str:
        return ""


def say(kind: str, numbers: Mapping[str, object]) -> tuple[str, str]:
    """(Chinese, English); a kind without words is said as it is."""
    currency = str(numbers.get("currency", ""))
    filled = _Known({name: _plain(name, value, currency) for name, value in numbers.items()})
    zh, en = (" ".join(text.format_map(filled).split()) for text in WORDS.get(kind, (kind, kind)))
    return zh.rstrip("：，: "), en.rstrip("：，:, ")


def _plain(name: str, value: object, currency: str) -> object:
    if name.endswith("_minor") and isinstance(value, int):
        sign = "-" if value < 0 else ""
        return f"{sign}{abs(value) // 100}.{abs(value) % 100:02d} {currency}".rstrip()
    return "" if value is None else value
