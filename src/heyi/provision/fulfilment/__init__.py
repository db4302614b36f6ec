"""Fulfilment: the promise is kept. Durable tasks, attempts at suppliers, calls, callbacks. This is the front door.

`delivering` is the worker's round at suppliers, `waiting` all that waits and what our own hands give, `walking`
what brings the waiting on, `slots` choices left open, `holding` what stands still, `hearing` and `judging` the
suppliers' callbacks, `accounts` the supplier accounts, `desk` what operators see of tasks and decide, `numbers` what
was bought under which number.
"""

from heyi.provision.fulfilment import (
    accounts,
    breakers,
    delivering,
    desk,
    hearing,
    holding,
    numbers,
    slots,
    waiting,
    walking,
)
from heyi.provision.fulfilment.actions import plan, route
from heyi.provision.fulfilment.desk import AttemptSeen, history
from heyi.provision.fulfilment.model import Plan, Release, Scene, Told
from heyi.provision.fulfilment.waiting import waiting_for_stock
from heyi.provision.fulfilment.walking import told_at_purchase

__all__ = [
    "AttemptSeen",
    "Plan",
    "Release",
    "Scene",
    "Told",
    "accounts",
    "breakers",
    "delivering",
    "desk",
    "hearing",
    "history",
    "holding",
    "numbers",
    "plan",
    "route",
    "slots",
    "told_at_purchase",
    "waiting",
    "waiting_for_stock",
    "walking",
]
