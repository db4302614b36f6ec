"""Medians and plain tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

Numbers = Mapping[str, float]


def medians(runs: Sequence[Numbers]) -> dict[str, float]:
    """The median of each figure over several runs."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def spread(values: Sequence[float], digits: int = 0) -> str:
    """`median (lowest-highest)`."""
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers to the right."""
    texts = [list(head), *[[_text(cell) for cell in row] for row in rows]]
    widths = [max(len(row[place]) for row in texts) for place in range(len(head))]
    print(f"\n{title}")
    for row in texts:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  " + "  ".join([row[0].ljust(widths[0]), *cells[1:]]), flush=True)


def say(text: str) -> None:
    print(text, flush=True)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:,.2f}"
    return str(cell)
