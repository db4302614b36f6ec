"""What partner refuses."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class PartnerNotFound(Refused):
    """No partner has this id."""

    code, kind = "partner.not_found", Kind.NOT_FOUND
    zh, en = "没有这个合作方", "There is no such partner"


class ChannelNotFound(Refused):
    """No channel has this id."""

    code, kind = "channel.not_found", Kind.NOT_FOUND
    zh, en = "没有这个渠道", "There is no such channel"


class CodeTaken(Refused):
    """Another partner (or channel) has this code already."""

    code, kind = "partner.code_taken", Kind.CONFLICT
    zh, en = "编码 {value} 已被使用", "Code {value} is taken"


class WrongState(Refused):
    """It is suspended already, or active already."""

    code, kind = "partner.wrong_state", Kind.CONFLICT
    zh, en = "当前状态为 {state}，不能执行该操作", "It is {state}, and this cannot be done then"


class KeyNotFound(Refused):
    """No access key has this id, or it is revoked or expired."""

    code, kind = "access_key.not_found", Kind.NOT_FOUND
    zh, en = "没有这个有效的 API 密钥", "There is no such live access key"


class TwoLive(Refused):
    """A holder has at most two live keys under one label: revoke the old one first."""

    code, kind = "access_key.two_live", Kind.CONFLICT
    zh = "名为 {label} 的密钥已有两把有效，请先吊销旧密钥"
    en = "two keys labelled {label} are live; revoke the old one first"


class ScopeUnknown(Refused):
    """This kind of holder cannot have the scope, or the maker of the key does not have it."""

    code, kind = "access_key.scope_unknown", Kind.UNPROCESSABLE
    zh, en = "不可授予权限 {scope}", "Scope {scope} cannot be given"


class ExpiryInPast(Refused):
    """A key that would be dead at once."""

    code, kind = "access_key.expiry_in_past", Kind.UNPROCESSABLE
    zh, en = "到期时间须在将来", "The expiry must be in the future"
