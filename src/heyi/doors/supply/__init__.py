"""Ways in for those who sell our bundles in a standard of their own; each speaks its own words, also of refusal."""

from heyi.doors.supply.dujiao_next import ROUTER as DUJIAO_NEXT
from heyi.doors.supply.goofish import ROUTER as GOOFISH

HANDLERS = [GOOFISH, DUJIAO_NEXT]

__all__ = ["HANDLERS"]
