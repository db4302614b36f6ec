"""Fulfilment: the promise is kept. Durable tasks, attempts at suppliers, calls, callbacks. This is the front door."""

from heyi.provision.fulfilment.actions import plan
from heyi.provision.fulfilment.model import Plan

__all__ = ["Plan", "plan"]
