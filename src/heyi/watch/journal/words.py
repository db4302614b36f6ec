"""What happened, in words: one line per fact name, Chinese and English, with {places} filled from the fact's data.

A place that the data does not have becomes an empty word. Names of `attempt.`, `call.` and `webhook.` lines are not
facts: the timeline adds them from where they are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "order.paid": ("已支付 {amount}，商品 {bundle}", "paid {amount} for {bundle}"),
    "order.fulfilled": ("全部明细已了结：{fulfilment}", "every item has come to its end: {fulfilment}"),
    "order.cancelled": ("订单已取消", "order cancelled"),
    "item.delivered": ("{benefit} 已交付", "{benefit} delivered"),
    "item.failed": ("{benefit} 交付失败 {problem}", "{benefit} could not be delivered {problem}"),
    "item.cancelled": ("{benefit} 已取消", "{benefit} cancelled"),
    "item.waiting": ("{benefit} 等待中：{state} {reason}", "{benefit} waits: {state} {reason}"),
    "item.started": ("{benefit} 开始交付", "{benefit} is being delivered"),
    "item.scheduled": ("{benefit} 已排期", "{benefit} is scheduled"),
    "task.sent": ("已向供货商提交", "sent to the supplier"),
    "task.accepted": ("供货商已受理 {supplier_number}", "the supplier accepted it {supplier_number}"),
    "task.unknown": ("供货商结果未知，将查询 {why}", "the supplier's answer is unknown; it will be asked {why}"),
    "task.declined": ("供货商拒绝 {why}", "the supplier declined {why}"),
    "task.waiting_for_person": ("等待人工处理 {why}", "waits for a person {why}"),
    "entitlement.activated": ("{benefit} 权益已生效", "the right to {benefit} is active"),
    "entitlement.ended": ("{benefit} 权益已结束：{why}", "the right to {benefit} has ended: {why}"),
    "key.revealed": ("卡密已查看（{by}）", "the key was read by {by}"),
    "redemption.prepared": ("核销已锁定 {units} 次，终端 {till}", "{units} unit(s) held at {till}"),
    "redemption.redeemed": ("已核销 {units} 次，终端 {till}", "{units} unit(s) redeemed at {till}"),
    "redemption.released": ("核销已释放", "the held units were released"),
    "redemption.expired": ("核销超时已释放", "the held units were given back: not confirmed in time"),
    "redemption.reversed": ("核销已冲正", "the redemption was reversed"),
    "refund.completed": ("退款完成 {amount}", "refunded {amount}"),
    "stock.arrived": ("新库存到货 {count}", "{count} new keys arrived"),
    "webhook.disabled": ("回调地址已停用：{reason}", "webhook endpoint disabled: {reason}"),
    "attempt.started": ("第 {number} 次尝试，外部单号 {outer_number}", "attempt {number}, our number {outer_number}"),
    "attempt.ended": (
        "尝试结束：{state} {why}，供货商单号 {supplier_number}",
        "attempt ended: {state} {why}, the supplier's number {supplier_number}",
    ),
    "call.made": (
        "{verb} {method} {url} → {status} {error}（{duration_ms} ms）",
        "{verb} {method} {url} → {status} {error} ({duration_ms} ms)",
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
        minor = int(str(value["amount_minor"]))
        return f"{minor // 100}.{minor % 100:02d} {value['currency']}"
    return "" if value is None else value
