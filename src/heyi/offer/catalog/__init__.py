"""Catalog: benefits, their offers, and bundles with immutable versions. This is the front door."""

from heyi.offer.catalog import benefits, bundles, choosing, delivery, model, naming, rehearsing, wording
from heyi.offer.catalog.actions import list_shown, on_sale, show
from heyi.offer.catalog.compiled import Sale, Shown
from heyi.offer.catalog.model import Filled, Wish
from heyi.offer.catalog.rules import fill

__all__ = [
    "Filled",
    "Sale",
    "Shown",
    "Wish",
    "benefits",
    "bundles",
    "choosing",
    "delivery",
    "fill",
    "list_shown",
    "model",
    "naming",
    "on_sale",
    "rehearsing",
    "show",
    "wording",
]
