"""What happened, in words: one line per fact name, Chinese and English, with {places} filled from the fact's data.

A place that the data does not have becomes an empty word. Names of `attempt.`, `call.` and `webhook.` lines are not
facts: the timeline adds them from where they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from heyi.kernel.money import decimal

WORDS: Mapping[str, tuple[str, str]] = {
    "order.paid": ("已支付 {amount}，商品 {bundle}", "paid {amount} for {bundle}"),
    "order.fulfilled": ("全部明细已了结：{fulfilment}", "every item has come to its end: {fulfilment}"),
    "order.cancelled": ("订单已取消", "order cancelled"),
    "item.delivered": ("{benefit} 已交付", "{benefit} delivered"),
    "item.failed": ("{benefit} 交付失败 {problem}", "{benefit} could not be delivered {problem}"),
    "item.cancelled": ("{benefit} 已取消", "{benefit} cancelled"),
    "item.waiting": ("{benefit} 等待中：{state} {reason}", "{benefit} waits: {state} {reason}"),
    "item.chosen": ("已选择 {benefit}", "{benefit} was chosen"),
    "item.started": ("{benefit} 开始交付", "{benefit} is being delivered"),
    "item.scheduled": ("{benefit} 已排期", "{benefit} is scheduled"),
    "delivery.notice": ("通知：{title[zh]}", "told: {title[en]}"),
    "delivery.decided": (
        "流程判断 {node} → {branch}：{because[zh]} {missing}",
        "the flow decided {node} → {branch}: {because[en]} {missing}",
    ),
    "task.unknown": (
        "供货商 {supplier} 结果未知，持续查询中（{problem}）",
        "{supplier} did not say ({problem}); we keep asking",
    ),
    "task.declined": (
        "供货商 {supplier} 未受理，将重试 {problem}",
        "{supplier} declined; it will be tried again {problem}",
    ),
    "task.waiting_for_person": ("等待人工处理 {problem}", "waits for a person {problem}"),
    "task.difference": (
        "供货商 {supplier} 迟到成功：明细已另行了结，列入差异",
        "{supplier} delivered after the item had ended otherwise: listed as a difference",
    ),
    "task.difference_settled": (
        "供货商 {supplier} 的差异已处理（{by}）",
        "the difference at {supplier} was settled ({by})",
    ),
    "task.resolved": ("人工处理：{outcome}（{by}）", "a person decided: {outcome} ({by})"),
    "entitlement.activated": ("{benefit} 权益已生效", "the right to {benefit} is active"),
    "entitlement.ended": ("{benefit} 权益已结束：{why}", "the right to {benefit} has ended: {why}"),
    "entitlement.held": ("{benefit} 权益被冻结：{reason}", "the right to {benefit} is held: {reason}"),
    "entitlement.freed": ("{benefit} 权益已解冻：{reason}", "the right to {benefit} is no longer held for {reason}"),
    "key.revealed": ("卡密已查看（{by}）", "the key was read by {by}"),
    "redemption.prepared": ("核销已锁定 {units} 次，终端 {till}", "{units} unit(s) held at {till}"),
    "redemption.redeemed": ("已核销 {units} 次，终端 {till}", "{units} unit(s) redeemed at {till}"),
    "redemption.released": ("核销已释放", "the held units were released"),
    "redemption.expired": ("核销超时已释放", "the held units were given back: not confirmed in time"),
    "redemption.reversed": ("核销已冲正", "the redemption was reversed"),
    "usage.drifted": (
        "{benefit} 与合作方状态不一致（{class}）：我方 {ours}，对方 {theirs}",
        "we and the partner differ about {benefit} ({class}): ours is {ours}, theirs {theirs}",
    ),
    "usage.settled": ("{benefit} 的差异已处理：{how}（{by}）", "a drift of {benefit} was settled: {how} ({by})"),
    "refund.completed": ("退款完成 {amount}", "refunded {amount}"),
    "stock.arrived": ("新库存到货 {count}", "{count} new keys arrived"),
    "warning.raised": ("预警：{zh}", "warning: {en}"),
    "warning.cleared": ("预警解除：{zh}", "warning cleared: {en}"),
    "webhook.disabled": ("回调地址已停用：{reason}", "webhook endpoint disabled: {reason}"),
    "attempt.started": (
        "第 {number} 次尝试，供货商 {supplier}，外部单号 {outer_number}",
        "attempt {number} at {supplier}, our number {outer_number}",
    ),
    "attempt.accepted": (
        "供货商 {supplier} 已受理，单号 {supplier_number}",
        "{supplier} accepted it, number {supplier_number}",
    ),
    "attempt.ended": (
        "第 {number} 次尝试结束：{state} {why} {supplier_number}",
        "attempt {number} ended: {state} {why} {supplier_number}",
    ),
    "call.made": (
        "{verb} → {supplier}：{status} {error}（{duration_ms} ms）",
        "{verb} → {supplier}: {status} {error} ({duration_ms} ms)",
    ),
    "webhook.sent": (
        "回调 {event} → {url}：{status} {error}（{duration_ms} ms）",
        "webhook {event} → {url}: {status} {error} ({duration_ms} ms)",
    ),
}


class _Known(dict[str, object]):
    def __missing__(self, _name: str) -> str:
        return ""


def say(name: str, data: Mapping[str, object]) -> tuple[str, str]:
    """(Chinese, English) for something that happened; a name without words is said as it is."""
    words = WORDS.get(name, (name, name))
    filled = _Known({key: _plain(value) for key, value in data.items()})
    zh, en = (" ".join(text.format_map(filled).split()) for text in words)
    return zh.rstrip("：，: "), en.rstrip("：，:, ")


def _plain(value: object) -> object:
    """Money as 99.00 CNY, nothing as an empty word."""
    if isinstance(value, Mapping) and {"amount_minor", "currency"} <= value.keys():
        return f"{decimal(int(str(value['amount_minor'])))} {value['currency']}"
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else value
