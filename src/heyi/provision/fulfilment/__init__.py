"""Fulfilment: the promise is kept. Durable tasks, attempts at suppliers, calls, callbacks. This is the front door.

`delivering` is the worker's round at suppliers, `waiting` all that waits and what our own hands give, `hearing` the
suppliers' callbacks, `accounts` the supplier accounts, `desk` what operators see of tasks and decide.
"""

from heyi.provision.fulfilment import accounts, delivering, desk, hearing, waiting
from heyi.provision.fulfilment.actions import plan, route
from heyi.provision.fulfilment.desk import AttemptSeen, history
from heyi.provision.fulfilment.model import Plan, Release
from heyi.provision.fulfilment.waiting import release, waiting_for_stock

__all__ = [
    "AttemptSeen",
    "Plan",
    "Release",
    "accounts",
    "delivering",
    "desk",
    "hearing",
    "history",
    "plan",
    "release",
    "route",
    "waiting",
    "waiting_for_stock",
]
