"""What tills are refused, and when. Every refused attempt is kept with its code."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class RedemptionNotFound(Refused):
    """No such redemption, or it is another partner's."""

    code, kind = "redemption.not_found", Kind.NOT_FOUND
    zh = "没有这笔核销"
    en = "There is no such redemption"


class CodeMalformed(Refused):
    """What was scanned is not one of our codes."""

    code, kind = "redemption.code_malformed", Kind.UNPROCESSABLE
    zh = "无法识别的核销码"
    en = "This is not a redemption code"


class CodeWrong(Refused):
    """It looks like a code of ours, and its digits are not right."""

    code, kind = "redemption.code_wrong", Kind.UNPROCESSABLE
    zh = "核销码不正确"
    en = "The redemption code is wrong"


class CodeStale(Refused):
    """The code was right once; the buyer shows a new one every half minute."""

    code, kind = "redemption.code_stale", Kind.CONFLICT
    zh = "核销码已过期,请用户刷新后再扫"
    en = "The redemption code is out of date; ask for a fresh one"


class CodeUsed(Refused):
    """The same picture was scanned before; each code counts once."""

    code, kind = "redemption.code_used", Kind.CONFLICT
    zh = "核销码已使用,请用户刷新后再扫"
    en = "The redemption code was used already; ask for a fresh one"


class RequestNoReused(Refused):
    """The partner's request number was given to another question before."""

    code, kind = "redemption.request_no_reused", Kind.UNPROCESSABLE
    zh = "请求号 {request_no} 已用于另一笔核销"
    en = "The request number {request_no} belongs to another question"


class RedemptionExpired(Refused):
    """Confirmed too late: the units cannot be taken again, or were reported as used meanwhile."""

    code, kind = "redemption.expired", Kind.CONFLICT
    zh = "核销已超时失效"
    en = "The redemption has expired"


class NotPrepared(Refused):
    """Only a prepared redemption can be confirmed or released."""

    code, kind = "redemption.not_prepared", Kind.CONFLICT
    zh = "这笔核销的状态是 {state},不能确认或放弃"
    en = "The redemption is {state}; it cannot be confirmed or released"


class NotRedeemed(Refused):
    """Only a redeemed redemption can be reversed."""

    code, kind = "redemption.not_redeemed", Kind.CONFLICT
    zh = "这笔核销的状态是 {state},不能撤销"
    en = "The redemption is {state}; it cannot be reversed"
