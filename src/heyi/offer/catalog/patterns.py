"""Patterns that operators write for account fields: small, and unable to keep a process busy.

Python's matcher goes back and tries again, so a careless pattern can take longer than the universe. Instead of
bounding time, a pattern's possible ways to match are counted before it is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from heyi.offer.catalog.model import ACCOUNT_CHARS_MAX, PATTERN_CHARS_MAX

# Ways in which the matcher could divide the longest account: three open repetitions fit, four do not.
WAYS_MAX = 10_000_000

_TOKEN = re.compile(
    r"""(?P<escape>\\.) | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\]) | (?P<open>\((?:\?:)?) | (?P<close>\)) | (?P<or>\|)
      | (?P<many>[*+?]|\{\d*,?\d*\}) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(slots=True)
class _Group:
    branching: bool = False  # something in it can match in more than one way


def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Why a pattern cannot be used, in Chinese and English; None when it can."""
    if not 0 < len(pattern) <= PATTERN_CHARS_MAX:
        return f"长度须在 1 到 {PATTERN_CHARS_MAX} 之间", f"it has 1 to {PATTERN_CHARS_MAX} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return "不是有效的正则表达式", "it is not a regular expression"
    if re.search(r"\(\?(?!:)|\\[1-9]", pattern):
        return "不支持断言、反向引用与标志", "lookarounds, back references and flags are not supported"
    ways, nested = _ways(pattern)
    if nested:
        return "重复的分组内不能再有可变重复或分支", "a repeated group cannot hold repetitions or alternatives"
    if ways > WAYS_MAX:
        return "可变重复过多", "it has too many open repetitions"
    return None


def _ways(pattern: str) -> tuple[int, bool]:
    """An upper bound of the ways to match, and whether a repeated group holds something that branches."""
    ways, stack, closed, nested = 1, [_Group()], None, False
    for kind, text in _tokens(pattern):
        last, closed = closed, None
        if kind == "open":
            stack.append(_Group())
        elif kind == "close":
            closed = stack.pop()
            stack[-1].branching |= closed.branching
        elif kind == "or":
            ways *= 2
            stack[-1].branching = True
        elif kind == "many":
            least, most = _bounds(text)
            nested |= last is not None and last.branching and most > 1
            if most > least:
                ways *= most - least + 1
                stack[-1].branching = True
    return ways, nested


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(pattern):
        yield match.lastgroup or "other", match.group()


def _bounds(repetition: str) -> tuple[int, int]:
    """Least and most of `*`, `+`, `?`, `{3}`, `{2,}`, `{2,5}`; no most is the longest account."""
    if repetition in ("*", "+", "?"):
        return {"*": (0, ACCOUNT_CHARS_MAX), "+": (1, ACCOUNT_CHARS_MAX), "?": (0, 1)}[repetition]
    low, comma, high = repetition[1:-1].partition(",")
    if not comma:
        return (int(low), int(low)) if low else (1, 1)
    return int(low or 0), min(int(high), ACCOUNT_CHARS_MAX) if high else ACCOUNT_CHARS_MAX
