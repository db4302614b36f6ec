"""Pure: what is different between two documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place: a JSON pointer, and what stands there before and after. None: nothing."""

    pointer: str
    before: object
    after: object


def differences(before: object, after: object, at: str = "") -> Iterator[Difference]:
    """Every place where two documents differ, in the order of the first; lists are compared place by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
            yield from differences(before.get(name, _ABSENT), after.get(name, _ABSENT), place)
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            mine, theirs = (one[number] if number < len(one) else _ABSENT for one in (before, after))
            yield from differences(mine, theirs, f"{at}/{number}")
    elif before != after or type(before) is not type(after):
        yield Difference(at, None if before is _ABSENT else before, None if after is _ABSENT else after)
