"""As much of the form of a file to apply as must be known to take it apart; the rest is for the API to judge."""

from __future__ import annotations

from typing import Any

import msgspec


class Coded(msgspec.Struct):
    code: str


class Part(Coded):
    benefit: str
    delivery: dict[str, Any] | None = None


class Group(msgspec.Struct):
    options: list[Part] | None = None
    delivery: dict[str, Any] | None = None


class Benefit(Coded):
    offers: list[dict[str, Any]] = []


class Bundle(Coded):
    components: list[Part] | None = None
    groups: list[Group] | None = None
    channel_prices: dict[str, Any] = {}


class File(msgspec.Struct):
    profiles: list[Coded] | None = None
    suppliers: list[Coded] | None = None
    partners: list[Coded] | None = None
    channels: list[Coded] | None = None
    benefits: list[Benefit] | None = None
    bundles: list[Bundle] | None = None
