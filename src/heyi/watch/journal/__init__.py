"""The journal: facts for channels, partners and operators, in an order in which nothing can be missed."""

from heyi.watch.journal.actions import note, read
from heyi.watch.journal.model import Holder, Noted, Page
from heyi.watch.journal.rules import PUBLIC, body, concerned, heard_by, holder_of
from heyi.watch.journal.words import WORDS, say

__all__ = [
    "PUBLIC", "WORDS", "Holder", "Noted", "Page", "body", "concerned", "heard_by", "holder_of", "note",
    "read", "say",
]  # fmt: skip
