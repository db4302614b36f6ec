"""What may be shown of something secret or personal."""

from __future__ import annotations


def mask(text: str, kept: int = 4) -> str:
    """`****1234`: the last characters, and at most a quarter of the text."""
    shown = min(kept, len(text) // 4)
    return "****" + (text[-shown:] if shown else "")
