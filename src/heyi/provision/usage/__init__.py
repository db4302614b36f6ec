"""What partners report of the rights they honour, what they believe, and where they and we differ. The front door.

`reports` are kept as they came, `drifts` lists disagreements and settles them, `sources` says where a partner's word
comes from and how it is followed.
"""

from heyi.provision.usage import drifts, reports, sources
from heyi.provision.usage.actions import (
    answer,
    asked,
    claim,
    expect,
    hear,
    link,
    linked,
    listen,
    policies,
    silent,
    told_of,
)
from heyi.provision.usage.model import Answer, Event, Reference, Told, Unread
from heyi.provision.usage.rules import compare, fresh

__all__ = [
    "Answer",
    "Event",
    "Reference",
    "Told",
    "Unread",
    "answer",
    "asked",
    "claim",
    "compare",
    "drifts",
    "expect",
    "fresh",
    "hear",
    "link",
    "linked",
    "listen",
    "policies",
    "reports",
    "silent",
    "sources",
    "told_of",
]
