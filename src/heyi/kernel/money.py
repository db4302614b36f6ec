"""Money is a whole number of minor units (fen, cents) plus a currency; there are no floats near it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def shares(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by largest remainder: the parts add up to the fen, and weight 0 gets 0.

    Ties go to the earlier part. Raises ValueError when no weight is above zero or one is negative.
    """
    whole = sum(weights)
    if whole <= 0 or any(w < 0 for w in weights):
        raise ValueError("weights must be zero or more, and one must be above zero")
    parts = [amount_minor * w // whole for w in weights]
    rest = amount_minor - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount_minor * weights[i] % whole))
    for i in by_remainder[:rest]:
        parts[i] += 1
    return parts


def decimal(minor: int) -> str:
    """Minor units as people and most protocols write them: 1500 → "15.00", -5 → "-0.05"."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency (ISO 4217 code)."""

    amount_minor: int
    currency: str

    def split(self, *weights: int) -> list[Money]:
        """Shares by largest remainder; see `shares`."""
        return [Money(part, self.currency) for part in shares(self.amount_minor, weights)]

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __str__(self) -> str:
        return f"{decimal(self.amount_minor)} {self.currency}"

    def times(self, count: int) -> Money:
        return Money(self.amount_minor * count, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
