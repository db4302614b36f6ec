"""Fulfilment: the promise is kept. Durable tasks, attempts at suppliers, calls, callbacks. This is the front door.

`delivering` is the worker's round at suppliers, `waiting` all that waits and what our own hands give, `hearing` the
suppliers' callbacks, `desk` what operators see and do.
"""

from heyi.provision.fulfilment import delivering, waiting
from heyi.provision.fulfilment.actions import plan
from heyi.provision.fulfilment.model import Plan, Release
from heyi.provision.fulfilment.waiting import release, waiting_for_stock

__all__ = ["Plan", "Release", "delivering", "plan", "release", "waiting", "waiting_for_stock"]
