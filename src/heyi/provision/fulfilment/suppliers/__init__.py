"""Suppliers: a dialect is a profile, and those that ship with heyi stand in profiles/. Everything here is pure."""

from importlib.resources import files

from heyi.provision.fulfilment.suppliers import engine, profile
from heyi.provision.fulfilment.suppliers.document import Profile
from heyi.provision.fulfilment.suppliers.speech import PASSING, UNWELL, Ack, Callback, Dialect, Heard, Order, Refusal

# The shipped profiles are version 0 of their codes.
SHIPPED: dict[str, Profile] = {
    one.code: one
    for one in [
        profile.read(file.read_bytes())
        for file in sorted(files(__name__).joinpath("profiles").iterdir(), key=lambda file: file.name)
        if file.name.endswith(".json")
    ]
}
DIALECTS: dict[str, Dialect] = {code: engine.compile(one) for code, one in SHIPPED.items()}

__all__ = [
    "DIALECTS",
    "PASSING",
    "SHIPPED",
    "UNWELL",
    "Ack",
    "Callback",
    "Dialect",
    "Heard",
    "Order",
    "Profile",
    "Refusal",
]
