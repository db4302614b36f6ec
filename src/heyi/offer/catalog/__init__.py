"""Catalog: benefits, their offers, and bundles with immutable versions."""

from heyi.offer.catalog.model import Filled, Wish
from heyi.offer.catalog.rules import Sale, fill
from heyi.offer.catalog.selling import on_sale

__all__ = ["Filled", "Sale", "Wish", "fill", "on_sale"]
