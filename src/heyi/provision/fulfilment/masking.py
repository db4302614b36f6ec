"""Pure: what may be kept of an exchange with a supplier."""

from __future__ import annotations

import re
from collections.abc import Iterable

from heyi.kernel.masking import mask

TEXT_MAX = 4_000  # characters kept of each side of an exchange
_MASKED_MIN = 4  # shorter secrets would blank out half of the text; known field names cover those


def masked(text: str, secrets: Iterable[str], hidden: re.Pattern[str]) -> str:
    """A side of an exchange as it may be kept: no keys, no card data, of accounts the last digits."""
    for secret in secrets:
        if len(secret) >= _MASKED_MIN:
            text = text.replace(secret, mask(secret))
    text = hidden.sub(_blank, text)
    return text[:TEXT_MAX].replace("\x00", "")


def _blank(found: re.Match[str]) -> str:
    start, end = found.start("value") - found.start(), found.end("value") - found.start()
    masked_already = end == start or found["value"].startswith("****")
    return found[0] if masked_already else f"{found[0][:start]}****{found[0][end:]}"
