"""What fulfilment refuses about the call log."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class CallNotFound(Refused):
    """No call has this id, or its time was over."""

    code, kind = "call.not_found", Kind.NOT_FOUND
    zh, en = "没有这条调用记录，或已过保存期", "There is no such call, or it is kept no longer"


class CallAboutNothing(Refused):
    """A call about no purchase (a balance, products, a rehearsal) has no task to be asked about or tried again."""

    code, kind = "call.about_nothing", Kind.CONFLICT
    zh, en = "该调用不属于任何履约任务，无法重放", "This call is about no purchase: there is nothing to replay"


class CallbackNotFound(Refused):
    """No callback has this id, or its time was over."""

    code, kind = "callback.not_found", Kind.NOT_FOUND
    zh, en = "没有这条回调记录，或已过保存期", "There is no such callback, or it is kept no longer"
