"""What rights refuse, and when."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class EntitlementNotFound(Refused):
    """No such right, or it belongs to somebody else."""

    code, kind = "entitlement.not_found", Kind.NOT_FOUND
    zh = "没有这项权益"
    en = "There is no such entitlement"


class Held(Refused):
    """The right is frozen: a pause, a refund under way, a dispute or a risk check."""

    code, kind = "entitlement.held", Kind.CONFLICT
    zh = "这项权益被冻结({reasons})"
    en = "This entitlement is held ({reasons})"


class AlreadyHeld(Refused):
    """The right is already held for this reason."""

    code, kind = "entitlement.already_held", Kind.CONFLICT
    zh = "这项权益已因 {reason} 被冻结"
    en = "This entitlement is already held for {reason}"


class NotHeld(Refused):
    """There is no such hold to lift."""

    code, kind = "entitlement.not_held", Kind.CONFLICT
    zh = "这项权益没有因 {reason} 被冻结"
    en = "This entitlement is not held for {reason}"


class Ended(Refused):
    """The right is over: used up, expired, cancelled, revoked or transferred."""

    code, kind = "entitlement.ended", Kind.CONFLICT
    zh = "这项权益已结束({why})"
    en = "This entitlement has ended ({why})"


class Failed(Refused):
    """Delivery failed for good; a refund or a person's help is what is left."""

    code, kind = "entitlement.failed", Kind.CONFLICT
    zh = "这项权益发放失败"
    en = "This entitlement could not be delivered"


class NotDelivered(Refused):
    """Scheduled or on its way: nothing can be shown or used yet."""

    code, kind = "entitlement.not_delivered", Kind.CONFLICT
    zh = "这项权益还没有到账"
    en = "This entitlement has not been delivered yet"


class NotActivated(Refused):
    """Delivered, but the buyer has not activated it yet."""

    code, kind = "entitlement.not_activated", Kind.CONFLICT
    zh = "请先激活这项权益"
    en = "Activate this entitlement first"


class Exhausted(Refused):
    """Fewer units are left than asked for; units reserved at another till count as taken."""

    code, kind = "entitlement.exhausted", Kind.CONFLICT
    zh = "剩余次数不足:还剩 {left},需要 {asked}"
    en = "Not enough units: {left} left, {asked} asked for"


class NothingToActivate(Refused):
    """The buyer cannot activate this: delivery does not wait for him, or it begins with its first reveal."""

    code, kind = "entitlement.nothing_to_activate", Kind.CONFLICT
    zh = "这项权益不需要激活"
    en = "There is nothing to activate on this entitlement"


class AlreadyActivating(Refused):
    """Other accounts were sent before; delivery to them cannot be called back."""

    code, kind = "entitlement.already_activating", Kind.CONFLICT
    zh = "已用其他账号提交激活,不能更改"
    en = "Activation was already sent with other accounts"


class NothingToReveal(Refused):
    """Only card keys and links can be revealed."""

    code, kind = "entitlement.nothing_to_reveal", Kind.CONFLICT
    zh = "这项权益没有可查看的卡密或链接"
    en = "This entitlement has no key or link to reveal"


class NoCode(Refused):
    """Only vouchers have a redemption code."""

    code, kind = "entitlement.no_code", Kind.CONFLICT
    zh = "这项权益没有核销码"
    en = "This entitlement has no redemption code"


class AccountMissing(Refused):
    """The benefit asks for an account that was not given."""

    code, kind = "entitlement.account_missing", Kind.UNPROCESSABLE
    zh = "请填写{label}"
    en = "Missing account: {label}"


class AccountMalformed(Refused):
    """The account does not look as the benefit wants it."""

    code, kind = "entitlement.account_malformed", Kind.UNPROCESSABLE
    zh = "{label}格式不正确"
    en = "Malformed account: {label}"


class AccountUnknown(Refused):
    """The benefit does not ask for an account of this name."""

    code, kind = "entitlement.account_unknown", Kind.UNPROCESSABLE
    zh = "不需要账号 {name}"
    en = "No account named {name} is asked for"


class NothingToChoose(Refused):
    """This right is for one benefit: there was no choice, or it has been made already."""

    code, kind = "entitlement.nothing_to_choose", Kind.CONFLICT
    zh = "这项权益无需选择或已选定"
    en = "There is nothing to choose for this entitlement, or it was chosen already"
