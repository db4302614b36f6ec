"""The journal: facts for channels, partners and operators, in an order in which nothing can be missed."""

from heyi.watch.journal.actions import note, read
from heyi.watch.journal.model import ALLIANCE, OPERATOR, Holder, Noted, Page
from heyi.watch.journal.rules import PUBLIC, body, concerned, heard_by
from heyi.watch.journal.words import WORDS, say

__all__ = [
    "ALLIANCE", "OPERATOR", "PUBLIC", "WORDS", "Holder", "Noted", "Page", "body", "concerned", "heard_by", "note",
    "read", "say",
]  # fmt: skip
