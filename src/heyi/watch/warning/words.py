"""Warnings in words: one line per kind, Chinese and English, with {places} filled from the warning's numbers.

A kind with a "/word" behind it is another way to say it. A place that the numbers do not have becomes an empty word.
Amounts are minor units in the numbers (`…_minor`, with a `currency` beside them) and are read as 99.00 CNY in the text.
"""

from __future__ import annotations

from collections.abc import Mapping

from heyi.kernel.money import decimal
from heyi.watch.warning import model

WORDS: Mapping[str, tuple[str, str]] = {
    model.BALANCE_LOW: (
        "供货商 {supplier} 余额不足：剩 {left_minor}，按近期消耗（每小时 {rate_minor}）还可用 {hours_left} 小时",
        "the balance at {supplier} is low: {left_minor} left, {hours_left} hours at {rate_minor} an hour",
    ),
    f"{model.BALANCE_LOW}/unspent": (
        "供货商 {supplier} 余额不足：剩 {left_minor}",
        "the balance at {supplier} is low: {left_minor} left",
    ),
    f"{model.BALANCE_DIFFERS}/more": (
        "供货商 {supplier} 的余额比账面多 {difference_minor}。可能：有一笔充值未登记，或供货商售后退款、赠送",
        "{supplier} reports {difference_minor} more than the books. It may be that a top-up was not recorded, or that"
        " they gave money back after the sale",
    ),
    f"{model.BALANCE_DIFFERS}/more_growing": (
        "供货商 {supplier} 的余额比账面多 {difference_minor}，且在增大。可能：入账成本高于供货商实扣",
        "{supplier} reports {difference_minor} more than the books, and it grows. It may be that costs are booked"
        " higher than what is charged",
    ),
    f"{model.BALANCE_DIFFERS}/less": (
        "供货商 {supplier} 的余额比账面少 {difference_minor}。可能：登记的充值尚未到账，系统外采购、手续费，"
        "或供货商称失败却扣了款",
        "{supplier} reports {difference_minor} less than the books. It may be that a recorded top-up has not arrived,"
        " that somebody bought there without heyi, a fee was taken, or a purchase they call failed was charged",
    ),
    f"{model.BALANCE_DIFFERS}/less_growing": (
        "供货商 {supplier} 的余额比账面少 {difference_minor}，且在增大。可能：实扣高于入账成本，或有人在系统外采购",
        "{supplier} reports {difference_minor} less than the books, and it grows. It may be that more is charged than"
        " was booked, or that somebody buys there without heyi",
    ),
    model.BALANCE_UNREAD: (
        "供货商 {supplier} 的余额连续 {count} 次查询失败：{why}",
        "the balance at {supplier} could not be read {count} times running: {why}",
    ),
    model.STOCK_LOW: (
        "{benefit} 卡密仅剩 {ready} 张（日均需求 {demand}，{waiting} 笔在等货）",
        "{benefit}: only {ready} keys are left ({demand} go a day, {waiting} items wait)",
    ),
    model.STOCK_FORECAST: (
        "{benefit} 卡密剩 {ready} 张，按日均需求 {demand} 约可用 {days_left} 天",
        "{benefit}: {ready} keys last about {days_left} days at {demand} a day",
    ),
    model.KEYS_EXPIRING: (
        "{benefit} 有 {expiring} 张卡密将在 {within_days} 天内过期，按近期需求约 {wasted} 张卖不完",
        "{benefit}: {expiring} keys expire within {within_days} days, about {wasted} of them unsold at recent demand",
    ),
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
    f"{model.OFFER_HELD}/price": (
        "{benefit} 的货源（供货商 {supplier}，商品 {product}）已停用：供货价 {price_minor} 高于 {bundle} v{version}"
        " 允许的成本 {limit_minor}（原成本 {cost_minor}）",
        "the offer of {benefit} at {supplier} (product {product}) is held: its price of {price_minor} is above what"
        " {bundle} v{version} allows, {limit_minor} (it cost {cost_minor})",
    ),
    f"{model.OFFER_HELD}/currency": (
        "{benefit} 的货源（供货商 {supplier}，商品 {product}）已停用：供货价为 {price_minor}，"
        "而成本以 {cost_currency} 计",
        "the offer of {benefit} at {supplier} (product {product}) is held: it is priced {price_minor} now, and its cost"
        " is kept in {cost_currency}",
    ),
    model.UNSOURCED: (
        "{benefit} 已无可用货源：供货商 {supplier} 的商品 {product} 已下架或消失",
        "{benefit} can be had nowhere any more: {supplier} does not sell product {product} now",
    ),
    f"{model.PRODUCTS_UNREAD}/failed": (
        "供货商 {supplier} 的商品未能读完，价格与上下架可能已变：{why}",
        "the products of {supplier} could not be read to their end, prices may have changed: {why}",
    ),
    f"{model.PRODUCTS_UNREAD}/doubted": (
        "供货商 {supplier} 的商品列表存疑，未将任何商品视为下架（确认：heyi product confirm {sync}）：{why}",
        "the list of {supplier} is in doubt, nothing was taken for gone (heyi product confirm {sync}): {why}",
    ),
    model.CALLBACKS_REFUSED: (
        "供货商 {supplier} 的回调被拒 {count} 次：{why}",
        "{count} callbacks of {supplier} were refused: {why}",
    ),
    model.TASKS_WAITING: (
        "{count} 个履约任务等待人工处理超过一小时（heyi task list --stuck）",
        "{count} tasks have waited for a person for more than an hour (heyi task list --stuck)",
    ),
    model.FLOWS_STUCK: (
        "{count} 条发放流程无法继续，例如订单 {order}，系统会再次尝试（详见 worker 日志）",
        "{count} delivery flows cannot go on, for example in order {order}; tried again later (see the worker's log)",
    ),
    model.DIFFERENCES_OPEN: (
        "{count} 条履约差异未处理，供货商 {suppliers}（heyi task differences）",
        "{count} differences with {suppliers} are not settled (heyi task differences)",
    ),
    model.DRIFT: (
        "合作方 {partner} 与我方状态不一致 {count} 条",
        "{count} rights differ between {partner} and us",
    ),
    model.PARTNER_UNREAD: (
        "合作方 {partner} 的权益状态自 {since} 起未能完整查询：{why}",
        "what {partner} says of rights has not been read to its end since {since}: {why}",
    ),
    model.WEBHOOK_DISABLED: (
        "运营 webhook {url} 已停用，不再发送通知：{why}",
        "the operators' webhook {url} is disabled, nothing is sent to it: {why}",
    ),
    model.MAIL_GIVEN_UP: (
        "预警邮件多次未能寄出，已放弃：{why}（heyi warning mails）",
        "a digest could not be mailed and was given up: {why} (heyi warning mails)",
    ),
    model.PURCHASES_WAIT: (
        "供货商 {supplier} 处有 {count} 笔采购已到期未发出，最早已等 {minutes} 分钟，且无处可转：{why_zh}",
        "{count} due purchases wait at {supplier}, the oldest for {minutes} minutes, with nowhere to go: {why}",
    ),
    model.NOTHING_TO_BUY: (
        "{benefit} 正在销售，但所有货源当前都无法采购：{why_zh}",
        "{benefit} is on sale, and nothing can be bought at any supplier now: {why}",
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
        return f"{decimal(value)} {currency}".rstrip()
    return "" if value is None else value
