"""The right in the buyer's wallet, from the grant to its end. This is the front door."""

from heyi.provision.entitlement.actions import grant
from heyi.provision.entitlement.model import Arrival, Grant

__all__ = ["Arrival", "Grant", "grant"]
