"""What is refused about reports, drifts and sources."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class RightNotFound(Refused):
    """No right of this partner's has that id or number."""

    code, kind = "entitlement.not_found", Kind.NOT_FOUND
    zh, en = "没有这项权益", "There is no such entitlement"


class ReferenceMissing(Refused):
    """An event names exactly one right: by entitlement, outer_number or supplier_number."""

    code, kind = "usage.reference_missing", Kind.UNPROCESSABLE
    zh = "事件须且只须给出 entitlement、outer_number、supplier_number 之一"
    en = "an event names its right by exactly one of entitlement, outer_number, supplier_number"


class TimeWrong(Refused):
    """The event's time lies in the future, or too far back to be meant."""

    code, kind = "usage.time_wrong", Kind.UNPROCESSABLE
    zh, en = "at 须在 2000 年之后,且不在将来", "`at` is after the year 2000 and not in the future"


class UnitsWrong(Refused):
    """Units belong to a use, and are 1 to 10,000."""

    code, kind = "usage.units_wrong", Kind.UNPROCESSABLE
    zh, en = "units 只用于 used 事件,取 1 至 10000", "units belong to `used`, from 1 to 10,000"


class EventReused(Refused):
    """The event's number was given to another event before."""

    code, kind = "usage.event_reused", Kind.CONFLICT
    zh, en = "event_id 已用于另一事件", "this event_id belongs to another event"


class EventMalformed(Refused):
    """The event does not have the documented shape."""

    code, kind = "usage.malformed", Kind.INVALID
    zh, en = "事件格式有误", "the event does not have the documented shape"


class DriftsUnseen(Refused):
    """Drifts were to be settled that nobody has looked at: `until`, as the preview names it, is missing."""

    code, kind = "usage.drifts_unseen", Kind.INVALID
    zh, en = "请先预览，再以 newest 作为 until 提交", "Look first, then send the preview's `newest` as `until`"


class DriftNotFound(Refused):
    """No drift has this id."""

    code, kind = "usage.drift_not_found", Kind.NOT_FOUND
    zh, en = "没有这条差异", "There is no such drift"


class DriftSettled(Refused):
    """The drift was settled before."""

    code, kind = "usage.drift_settled", Kind.CONFLICT
    zh, en = "这条差异已处理({state})", "This drift is {state} already"


class CannotFollow(Refused):
    """Following them would move our right backwards, or deliver what only its task can deliver."""

    code, kind = "usage.cannot_follow", Kind.CONFLICT
    zh = "不能按对方状态修复:我方为 {ours},对方为 {theirs}"
    en = "Ours is {ours} and theirs {theirs}; this cannot be followed: settle the task, or keep ours"


class RightNeeded(Refused):
    """A number that we do not know is followed by saying which right it means."""

    code, kind = "usage.right_needed", Kind.UNPROCESSABLE
    zh, en = "请指明对应的权益 entitlement", "say which entitlement it means"


class SourceNotFound(Refused):
    """No status source has this id."""

    code, kind = "usage.source_not_found", Kind.NOT_FOUND
    zh, en = "没有这个状态源", "There is no such status source"


class SourceTaken(Refused):
    """A partner has one status source."""

    code, kind = "usage.source_taken", Kind.CONFLICT
    zh, en = "该合作方已有状态源", "This partner has a status source already"


class ProtocolUnknown(Refused):
    """No reader speaks this protocol."""

    code, kind = "usage.protocol_unknown", Kind.UNPROCESSABLE
    zh, en = "未知协议 {value};可用:{known}", "Unknown protocol {value}; known: {known}"


class AddressNeeded(Refused):
    """A polled source has an address and a key; a pushing one has neither."""

    code, kind = "usage.address_needed", Kind.UNPROCESSABLE
    zh = "轮询的状态源须有地址与密钥,推送的不能有"
    en = "a polled source needs base_url and key; a pushing one has neither"


class NotPolled(Refused):
    """The partner of this right reports by itself, or has no status source that is on: there is nothing to ask."""

    code, kind = "usage.not_polled", Kind.CONFLICT
    zh, en = "该合作方没有可查询的状态源", "This partner has no status source that can be asked"


class NoNumber(Refused):
    """Nothing was bought for this right under a number that the partner would know."""

    code, kind = "usage.no_number", Kind.CONFLICT
    zh, en = "该权益没有可向合作方查询的单号", "This entitlement has no number that the partner would know"


class SourceSilent(Refused):
    """The partner did not answer in a way that can be read."""

    code, kind = "usage.source_silent", Kind.CONFLICT
    zh, en = "合作方未给出可用的应答:{problem}", "The partner gave no answer that can be read: {problem}"
