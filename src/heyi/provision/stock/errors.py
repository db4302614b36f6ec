"""What the vault says no to."""

from __future__ import annotations

from heyi.kernel.errors import Kind, Refused


class NoKeyHere(Refused):
    """The item has no card key that could be read: not delivered yet, or it is not a card."""

    code, kind = "stock.no_key", Kind.NOT_FOUND
    zh = "没有可查看的卡密"
    en = "there is no card key to show"
