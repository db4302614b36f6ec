"""What a row must be to become a card key. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from heyi.kernel.masking import mask
from heyi.provision.stock.model import Fault, Reason
from heyi.provision.stock.reading import Columns, Row

VALUE_CHARS_MAX = 256
DAYS_REMEMBERED_MAX = 10_000
# What Excel leaves of a long number: its digits are gone.
_MANGLED = re.compile(r"[+-]?\d(\.\d+)?[eE]\+\d+")
_DAY = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|[-/.年](\d{1,2})[-/.月](\d{1,2})日?)")


class NotText(str):
    """A cell that a spreadsheet holds as a number or a date beyond what a key could be."""


Card = tuple[int, str, str | None, datetime | None]  # a good row: line, code, secret, expiry (None: never)


class Judge:
    """Judges the rows of one file; remembers the days it has read, for they repeat."""

    def __init__(self, *, default_expiry: datetime | None, zone: ZoneInfo, now: datetime) -> None:
        self._default = default_expiry
        self._zone = zone
        self._now = now
        self._days: dict[str, datetime | None] = {}

    def rows(self, first: int, rows: Sequence[Row], columns: Columns) -> tuple[list[Card], list[Fault]]:
        """The good rows and the bad ones, both in the file's order."""
        cards: list[Card] = []
        faults: list[Fault] = []
        width, code_at, secret_at, expires_at = columns.width, columns.code, columns.secret, columns.expires
        for line, row in enumerate(rows, first):
            if isinstance(row, Fault):
                faults.append(row)
                continue
            if len(row) != width:
                # Which field is the key is unclear, so nothing of the row is shown.
                faults.append(Fault(line, Reason.COLUMNS if any(map(str.strip, row)) else Reason.EMPTY, "****"))
                continue
            code, reason = _value(row[code_at])
            secret = None
            if secret_at is not None and reason is None:
                secret, reason = _value(row[secret_at])
            expiry = self._default
            if expires_at is not None and reason is None and (given := row[expires_at].strip()):
                expiry = self._days[given] if given in self._days else self._read(given)
                if expiry is None:
                    reason = Reason.EXPIRY
            if expiry is not None and expiry <= self._now and reason is None:
                reason = Reason.EXPIRED
            if reason is None:
                cards.append((line, code, secret, expiry))
            else:
                faults.append(Fault(line, reason, glimpse(code)))
        return cards, faults

    def _read(self, text: str) -> datetime | None:
        if len(self._days) >= DAYS_REMEMBERED_MAX:
            self._days.clear()
        self._days[text] = read_expiry(text, self._zone)
        return self._days[text]


def _value(raw: str) -> tuple[str, Reason | None]:
    """A tidy code or secret, and what is wrong with it. Letters and digits need no second look."""
    if raw.isalnum() and type(raw) is str and len(raw) <= VALUE_CHARS_MAX:
        return raw, None
    value = tidy(raw)
    return value, wrong(value)


def wrong(value: str) -> Reason | None:
    """What is wrong with a code or a secret, or None."""
    if not value:
        return Reason.EMPTY
    if len(value) > VALUE_CHARS_MAX:
        return Reason.TOO_LONG
    if not value.isprintable():  # control characters, and the invisible ones that come with copy and paste
        return Reason.CONTROL
    if type(value) is NotText or ("+" in value and _MANGLED.fullmatch(value)):
        return Reason.MANGLED
    return None


def tidy(value: str) -> str:
    """Without the blanks around it (tabs and full-width ones too), and without Excel's ="…" around text."""
    if type(value) is NotText:
        return value
    value = value.strip()
    return value[2:-1].strip() if value.startswith('="') and value.endswith('"') and len(value) > 3 else value


def glimpse(code: str) -> str:
    """A masked value for a list of faults; nothing of it when it could break that list."""
    return mask(code) if code.isprintable() else "****"


def read_expiry(text: str, zone: ZoneInfo) -> datetime | None:
    """When a key stops being good, or None when the text cannot be read.

    A day (2027-01-31, 2027/1/31, 20270131, 2027年1月31日) means its end in the alliance's zone; a time without an
    offset is the zone's.
    """
    text = text.strip()
    day = _DAY.fullmatch(text)
    try:
        if day is not None:
            last = date(int(day[1]), int(day[2] or day[4]), int(day[3] or day[5]))
            return datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
        moment = datetime.fromisoformat(text.replace("/", "-"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def text_of_cell(cell: object) -> str:
    """A spreadsheet's cell as text. Whole numbers of up to 15 digits are exact; others lost something on the way."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return NotText(str(cell).upper())
    if isinstance(cell, (int, float)):
        exact = cell == int(cell) and abs(cell) < 10**15 if cell - cell == 0 else False
        return str(int(cell)) if exact else NotText(repr(cell))
    if isinstance(cell, datetime):
        return NotText(cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" "))
    return NotText(cell.isoformat() if isinstance(cell, date) else str(cell))
