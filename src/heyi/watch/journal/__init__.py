"""The journal: which facts a channel or a partner may read, in an order in which nothing can be missed."""

from heyi.watch.journal.actions import note, read
from heyi.watch.journal.model import Holder, Noted, Page
from heyi.watch.journal.rules import PUBLIC, body, concerned
from heyi.watch.journal.words import WORDS, say

__all__ = ["PUBLIC", "WORDS", "Holder", "Noted", "Page", "body", "concerned", "note", "read", "say"]
