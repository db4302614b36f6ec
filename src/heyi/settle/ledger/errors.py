"""What the ledger refuses."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class DepositTooLow(Refused):
    """The channel's deposit does not cover the order; nothing was placed and the order number stays free."""

    code, kind = "ledger.deposit_too_low", Kind.PAYMENT
    zh = "渠道预存款不足:需要 {needed},可用 {spendable}(单位:分)"
    en = "the channel's deposit is too low: {needed} needed, {spendable} spendable (minor units)"


class NoDeposit(Refused):
    """The channel has no deposit account in this currency yet."""

    code, kind = "ledger.no_deposit", Kind.PAYMENT
    zh = "该渠道尚无预存款账户,请先充值"
    en = "the channel has no deposit account yet; put money in first"


class WrongCurrency(Refused):
    """A deposit is kept in one currency, and this is another."""

    code, kind = "ledger.wrong_currency", Kind.UNPROCESSABLE
    zh = "该账户的币种是 {kept},不是 {given}"
    en = "this account is kept in {kept}, not {given}"


class KeyUsed(Refused):
    """The same reference was booked before, with another amount."""

    code, kind = "ledger.key_used", Kind.CONFLICT
    zh = "参考号 {key} 已用于另一笔金额"
    en = "the reference {key} was booked before with another amount"


class NothingToBook(Refused):
    """An amount of zero."""

    code, kind = "ledger.nothing_to_book", Kind.UNPROCESSABLE
    zh, en = "金额不能为零", "an amount of zero books nothing"


class EntryUnknown(Refused):
    """No such entry on this account."""

    code, kind = "ledger.entry_unknown", Kind.NOT_FOUND
    zh, en = "该账户没有这笔分录", "this account has no such entry"


class NotReversible(Refused):
    """Only what finance recorded is reversed by hand; purchases and differences happened."""

    code, kind = "ledger.not_reversible", Kind.CONFLICT
    zh, en = "只有充值与调整可以冲正,且只能一次", "only top-ups and adjustments are reversed by hand, once"


class DepositMoved(Exception):
    """Not a refusal: another order took the money between our look and our write. Look again with the lock held."""
