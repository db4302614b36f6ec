"""Delivery flows: graphs that an item walks, from its purchase until it is delivered or cancelled.

A checked graph is JSON and travels with the item. The purchase walks from its start to the first node at which the item
has to wait; whatever brings it on later (time, another component's event, the buyer, a failed delivery) walks on from
there by the same pure rule.
"""

from heyi.kernel.flow.fields import FlowFields, Seen, of_components
from heyi.kernel.flow.model import BUYER, EVENT, EVENTS, FAILED, TIME, Facts, Stand, Step, Way
from heyi.kernel.flow.walking import Flow, awaited, branches, read

__all__ = [
    "BUYER",
    "EVENT",
    "EVENTS",
    "FAILED",
    "TIME",
    "Facts",
    "Flow",
    "FlowFields",
    "Seen",
    "Stand",
    "Step",
    "Way",
    "awaited",
    "branches",
    "of_components",
    "read",
]
