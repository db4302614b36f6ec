"""What checkout refuses."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class SoldOut(Refused):
    """A card key of this bundle is sold out, and the bundle refuses rather than waits."""

    code, kind = "stock.sold_out", Kind.CONFLICT
    zh = "权益 {benefit} 已售罄"
    en = "the benefit {benefit} is sold out"


class NumberReused(Refused):
    """This channel_order_no was accepted with another content before."""

    code, kind = "order.number_reused", Kind.CONFLICT
    zh = "渠道订单号 {number} 已用于另一笔内容不同的订单"
    en = "channel_order_no {number} was used for an order with another content"


class DepositTooLow(Refused):
    """The channel's deposit does not cover the order; nothing was placed and the order number stays free."""

    code, kind = "ledger.deposit_too_low", Kind.PAYMENT
    zh = "渠道预存款不足:需要 {needed} 分,可用 {spendable} 分"
    en = "the channel's deposit is too low: {needed} needed, {spendable} spendable (minor units)"


class WrongCurrency(Refused):
    """The bundle is sold in one currency and the channel's deposit is kept in another."""

    code, kind = "order.wrong_currency", Kind.UNPROCESSABLE
    zh = "套餐以 {price} 计价,而渠道预存款是 {deposit}"
    en = "the bundle is priced in {price}, and the channel's deposit is kept in {deposit}"


class ShipToMissing(Refused):
    """A physical part needs an address."""

    code, kind = "order.ship_to_missing", Kind.UNPROCESSABLE
    zh = "套餐含实物权益 {benefit},需要收货信息 ship_to"
    en = "the bundle contains the physical benefit {benefit}, so ship_to is needed"


class OrderNotFound(Refused):
    """There is no such order, or it is a stranger's."""

    code, kind = "order.not_found", Kind.NOT_FOUND
    zh = "订单不存在"
    en = "there is no such order"
