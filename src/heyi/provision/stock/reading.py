"""From bytes to rows: lines, encodings, delimiters, columns. Pure; one line of the file is always one row.

A quoted field may not reach over a line's end: one stray quote would otherwise swallow the rest of the file.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heyi.provision.stock.errors import ColumnsUnclear, Unreadable
from heyi.provision.stock.model import Fault, Layout, Reason

LINE_BYTES_MAX = 8192
# Names that need no mapping, provided that every column of the header has one of them.
NAMES = {
    "code": ("code", "卡号", "兑换码", "激活码", "券码", "账号", "number", "card"),
    "secret": ("secret", "卡密", "密码", "password", "pin"),
    "expires": ("expires", "expires_at", "expiry", "有效期", "到期日", "到期时间", "过期时间", "失效时间", "有效期至"),
}
Row = list[str] | Fault


class Lines:
    """Cuts a stream of bytes into lines. Holds no more than one line, and of an endless line only its beginning."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that this piece completes, without their ends."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()[: LINE_BYTES_MAX + 1]
        return lines

    def end(self) -> list[bytes]:
        """The last line, if the file does not end with a line's end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def digest(before: bytes, lines: Sequence[bytes]) -> bytes:
    """What a file was up to here, given what it was before these lines."""
    return hashlib.blake2b(before + b"\n".join(lines), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Columns:
    """Where things stand in a row; `width` is how many fields every row must have."""

    width: int
    code: int
    secret: int | None
    expires: int | None


class Table:
    """Rows out of lines, chunk by chunk. The first line decides the columns; the encoding, once found, stays."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._encoding = None if layout.encoding == "auto" else layout.encoding
        self._next_line = 1
        self.columns: Columns | None = None

    def rows(self, lines: Sequence[bytes]) -> tuple[int, list[Row]]:
        """The line number of the first row, and the rows. Raises ColumnsUnclear or Unreadable at the first line."""
        lines = list(lines)
        first = self._next_line
        if first == 1:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
            if lines[0][:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in lines[0]:
                raise Unreadable(format=self._layout.format)
        self._next_line += len(lines)
        return self.name(first, self._split(first, self._decode(lines)))

    def name(self, first: int, rows: list[Row]) -> tuple[int, list[Row]]:
        """Find the columns in the first row of all, and take the header away."""
        if first != 1 or not rows:
            return first, rows
        top = rows[0]
        if isinstance(top, Fault):
            raise Unreadable(format=self._layout.format)
        self.columns = columns(self._layout, top)
        return (2, rows[1:]) if self._layout.header else (1, rows)

    def _decode(self, lines: list[bytes]) -> list[str | None]:
        whole = (b"\n".join(lines) + b"\n").replace(b"\r\n", b"\n")[:-1]
        if whole.isascii():
            return list(whole.decode("ascii").split("\n"))
        if self._encoding is None:
            self._encoding = _encoding_of(next(line for line in lines if not line.isascii()))
        try:
            return list(whole.decode(self._encoding).split("\n"))
        except UnicodeDecodeError:
            return [_decoded(line, self._encoding) for line in whole.split(b"\n")]

    def _split(self, first: int, texts: list[str | None]) -> list[Row]:
        delimiter = self._layout.delimiter
        rows: list[Row] = []
        if None not in texts and max(map(len, texts), default=0) <= LINE_BYTES_MAX:  # type: ignore[arg-type]
            whole = _split_all(texts, delimiter, quoted=self._layout.format == "csv")  # type: ignore[arg-type]
            if whole is not None:
                rows.extend(whole)
                return rows
        for line, text in enumerate(texts, first):
            if text is None:
                rows.append(Fault(line, Reason.UNDECODABLE, "****"))
            elif len(text) > LINE_BYTES_MAX:
                rows.append(Fault(line, Reason.TOO_LONG, "****"))
            else:
                alone = _split_all([text], delimiter, quoted=self._layout.format == "csv")
                rows.append(alone[0] if alone else Fault(line, Reason.QUOTES, "****"))
        return rows


def columns(layout: Layout, top: Sequence[str]) -> Columns:
    """Which field is what, from the mapping and the first row. Raises ColumnsUnclear.

    The first row's text is in no error: it is a key when the file has no header after all.
    """
    names = {name.strip(): at for at, name in reversed(list(enumerate(top)))} if layout.header else {}
    found = {} if layout.columns else _recognised(names, len(top))
    for field, name in layout.columns.items():
        at = names.get(name.strip())
        if at is None and name.isdecimal() and 1 <= int(name) <= len(top):
            at = int(name) - 1
        if at is None:
            raise ColumnsUnclear(f"/columns/{field}", found=len(top), missing=field)
        found[field] = at
    if "code" not in found:
        # Without a header a lone column can only be the code; with one, its name must say so, or a key is lost.
        if len(top) != 1 or layout.header:
            raise ColumnsUnclear("/columns", found=len(top), missing="code")
        found["code"] = 0
    return Columns(len(top), found["code"], found.get("secret"), found.get("expires"))


def _recognised(names: Mapping[str, int], width: int) -> dict[str, int]:
    """Columns by well-known names; nothing unless all of them are known. A lone 卡密 is the code."""
    meant = {name: field for field, known in NAMES.items() for name in known}
    found = {meant[name.lower()]: at for name, at in names.items() if name.lower() in meant}
    if len(found) != width:
        return {}
    return found if "code" in found else {("code" if field == "secret" else field): at for field, at in found.items()}


def _split_all(texts: list[str], delimiter: str | None, *, quoted: bool) -> list[list[str]] | None:
    """Every line split, or None when some line's quotes do not close."""
    if delimiter is None:
        return [[text] for text in texts]
    if not quoted or len(delimiter) != 1 or not any('"' in text for text in texts):
        return [text.split(delimiter) for text in texts]
    try:
        rows = list(csv.reader(texts, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(texts) else None  # fewer: a field ran over a line's end


def _encoding_of(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None
