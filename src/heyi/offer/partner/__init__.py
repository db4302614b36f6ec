"""Partner: our counterparts, and the keys with which they call us."""

from heyi.offer.partner.actions import find_access, find_accesses
from heyi.offer.partner.model import Access

__all__ = ["Access", "find_access", "find_accesses"]
