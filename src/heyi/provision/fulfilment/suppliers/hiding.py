"""Pure: what must not be kept of a text, found by the names of the fields that hold it.

Stretches are cut out where they stand and nothing is written anew: people compare what is left with what was signed. A
text may be JSON (also inside a JSON string), XML, a form, a mixture, or the beginning of one: a value whose end is not
there goes on to the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

Span = tuple[int, int]
HIDDEN = "****"
DEPTH_MAX = 2  # writings inside writings
_CORE = re.compile(r"[A-Za-z0-9]+")
_QUOTE = re.compile(r"\\{0,31}[\"']")
_MASKED = re.compile(r"\*{4}.{0,4}")
_PLAIN = re.compile(r'[^&<"\s]*')
_ELEMENT = re.compile(
    r"<!\[CDATA\[(?P<data>.*?)(?:\]\]>|\Z)|<\\*/(?:[\w.-]+:)?(?P<end>[^\s<>]+)\s*>|<[^<>]*>|<|(?P<text>[^<]+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Writing:
    """A way to write a text inside another one. `worth`: only where marks or names are written so, it hides any."""

    worth: re.Pattern[str]
    one: re.Pattern[str]
    meant: Callable[[re.Match[str]], str]

    def read(self, text: str) -> tuple[str, list[int]]:
        """The text that is meant, and where each of its characters (and its end) stands in this one."""
        meant: list[str] = []
        places: list[int] = []
        last = 0
        for found in self.one.finditer(text):
            meant += (text[last : found.start()], self.meant(found))
            places += range(last, found.start() + 1)
            last = found.end()
        return "".join([*meant, text[last:]]), [*places, *range(last, len(text) + 1)]


def _entity(one: re.Match[str]) -> str:
    word, named = one[1], {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
    if word in named:
        return named[word]
    number = int(word[2:], 16) if word[1] in "xX" else int(word[1:])
    return chr(number) if number < 0x110000 else "?"


WRITINGS = (
    # What is not ASCII stays as it is: names are looked for in that form too.
    Writing(
        re.compile(r"%(?:2[257]|3[CEce]|5[BDFbdf]|7[BDbd])"),
        re.compile(r"\+|%([0-7][0-9A-Fa-f])"),
        lambda one: chr(int(one[1] or "20", 16)),
    ),
    # Quotes and backslashes stay as they are: they would end the string in which they stand.
    Writing(
        re.compile(r"\\u00[2-7]"),
        re.compile(r"\\{1,31}u00((?!22|5[Cc])[2-7][0-9A-Fa-f])"),
        lambda one: chr(int(one[1], 16)),
    ),
    Writing(
        re.compile(r"&(?:lt|quot|#)"), re.compile(r"&(lt|gt|amp|quot|apos|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});"), _entity
    ),
)


class Hidden:
    """Hides the values of fields with these names, and everything below them."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(filter(None, names))
        self._cores = tuple({core for name in self.names for core in _cores(name)})
        spelled = [_spelled(name) for name in sorted(self.names, key=lambda one: (-len(one), one))]
        self._opener = re.compile(
            rf"(?P<name>{'|'.join(spelled) or '(?!)'})"
            r"(?:(?P<quote>\\{0,31}[\"'])\s*:\s*|(?P<tag>(?:(?:\s|\\+[nrt])[^<>]{0,200})?>)"
            r"|(?P<pair>(?:(?:[\[\]]|%5[BDbd])[^=&\s]{0,200})?\s?=\s?))"
        )

    def blank(self, text: str) -> str:
        """The text with **** in place of what is hidden. What is stars already stays: it shows the last digits."""
        spans = self._spans(text, DEPTH_MAX)
        if not spans:
            return text
        parts, last = [], 0
        for start, end in sorted(spans):
            if end > max(start, last) and _MASKED.fullmatch(text, start, end) is None:
                parts += [text[last:start], HIDDEN] if start >= last else []
                last = end
        return "".join([*parts, text[last:]])

    def _spans(self, text: str, depth: int) -> list[Span]:
        found: list[Span] = []
        if any(core in text for core in self._cores):
            at = 0
            while (opener := self._opener.search(text, at)) is not None:
                at = max(opener.end("name"), self._value(text, opener, found))
        for writing in WRITINGS:
            if depth and writing.worth.search(text):
                meant, places = writing.read(text)
                found += [(places[start], places[end]) for start, end in self._spans(meant, depth - 1)]
        return found

    def _value(self, text: str, opener: re.Match[str], found: list[Span]) -> int:
        """Where the value ends that this opens, if it does."""
        start, end = opener.start(), opener.end()
        if (mark := opener["quote"]) is not None:
            return _json(text, end, mark, found) if text.endswith(mark, 0, start) else 0
        if opener["tag"] is not None:
            opens = text[start - 1 : start] in ("<", ":") and not opener["tag"].endswith("/>")
            return _xml(text, end, opener["name"], found) if opens else 0
        before = text[start - 1 : start]
        if (before.isalnum() or before == "_") and text[start - 3 : start] not in ("%5B", "%5b"):
            return 0
        return _pair(text, end, found)


def _written(char: str) -> list[str]:
    """A character that is not ASCII in JSON (less the backslashes) and in forms."""
    return [f"u{ord(char):04x}", quote(char), quote(char, encoding="gbk", errors="replace")]


def _spelled(name: str) -> str:
    """A pattern for a name in every writing."""
    return "".join(
        re.escape(char) if char.isascii() else rf"(?:{char}|(?i:\\{{0,31}}(?:{'|'.join(_written(char))})))"
        for char in name
    )


def _cores(name: str) -> set[str]:
    """Of these, one stands in every text that names it."""
    if name.isascii():
        return {max(_CORE.findall(name), key=len, default=name)}
    char = next(one for one in name if not one.isascii())
    plain = [one.removeprefix("u") for one in _written(char)]
    return {char, *plain, *(one.upper() for one in plain), *(one.lower() for one in plain)}


@lru_cache(maxsize=64)
def _tokens(mark: str) -> re.Pattern[str]:
    """What JSON is made of where its strings begin and end with `mark`: a quote, and before it the backslashes of the
    strings in which it all stands (1, 3, 7 …). A quote that belongs to a string's text has more of them, one that ends
    the string around it fewer.
    """
    run, quote = len(mark) - 1, mark[-1]
    value, around = rf"(?:[^{quote}\\]|\\.)*+", "(?!)"
    if run:
        around = rf"(?<!\\)\\{{0,{run - 1}}}{quote}"
        value = rf".*?(?:(?<!\\)(?:\\{{{2 * run + 2}}})*(?={re.escape(mark)})|(?={around})|\Z)"
    string = rf"{re.escape(mark)}(?P<value>{value})(?:{re.escape(mark)})?(?P<name>\s*:)?"
    return re.compile(rf"{string}|(?P<around>{around})|(?P<number>-?\d[\d.eE+-]*)|(?P<sign>[\[\]{{}},])", re.DOTALL)


def _json(text: str, at: int, mark: str, found: list[Span]) -> int:
    """The plain values of the JSON value that begins here; `mark` is how its strings begin."""
    depth = 0
    for token in _tokens(mark).finditer(text, at):
        at = token.end()
        if token["around"] is not None:
            return token.start()
        if (sign := token["sign"]) is not None:
            depth += (sign in "[{") - (sign in "]}")
        elif token["number"] is not None:
            found.append(token.span())
        elif not depth or token["name"] is None:
            found.append(token.span("value"))
        if depth <= 0:
            return at
    return len(text)


def _xml(text: str, at: int, name: str, found: list[Span]) -> int:
    """The texts inside the element of this name that has just begun."""
    for token in _ELEMENT.finditer(text, at):
        if token["end"] == name:
            return token.end()
        if token["text"] is not None and not token["text"].isspace():
            found.append(token.span())
        elif token["data"]:
            found.append(token.span("data"))
    return len(text)


def _pair(text: str, at: int, found: list[Span]) -> int:
    """The value after `name=`: in quotes, JSON, or up to where the next pair can begin."""
    mark = _QUOTE.match(text, at)
    if mark is not None:
        return _json(text, at, mark[0], found)
    plain = _PLAIN.match(text, at)
    end = plain.end() if plain and text[at : at + 1] not in ("[", "{") else _json(text, at, '"', [])
    found.append((at, end))
    return end
