"""Ways in for those we called first."""

from heyi.doors.callbacks.suppliers import HANDLERS

__all__ = ["HANDLERS"]
