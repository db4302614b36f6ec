"""What warnings refuse."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class WarningUnknown(Refused):
    """No warning with this id."""

    code, kind = "warning.unknown", Kind.NOT_FOUND
    zh, en = "没有这条预警", "there is no such warning"


class WarningOver(Refused):
    """It was cleared already; there is nothing to acknowledge or to snooze."""

    code, kind = "warning.over", Kind.CONFLICT
    zh, en = "该预警已解除", "this warning is over"


class SnoozePast(Refused):
    """A warning is to be quiet until a time that has passed."""

    code, kind = "warning.snooze_past", Kind.UNPROCESSABLE
    zh, en = "静默截止时间须在将来", "a warning can be quiet only until a time to come"
