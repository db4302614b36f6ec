"""Excel workbooks, read whole: they are small by rule, and their rows then go the way of every other row."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook

from heyi.provision.stock.errors import TooLarge, TooManyRows, Unreadable
from heyi.provision.stock.rules import text_of_cell

ROWS_MAX = 100_000  # with one line more for the header
PACKED_MB_MAX = 64
UNPACKED_MB_MAX = 512
_MB = 1 << 20


def rows_of(file: BinaryIO, *, header: bool) -> list[list[str]]:
    """The first sheet's rows as text, with empty ones at the end left out. Takes CPU: run it in a thread.

    Raises Unreadable, TooLarge (also for a small file that unpacks into a huge one) or TooManyRows.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as broken:
        raise Unreadable(format="xlsx") from broken
    if size > UNPACKED_MB_MAX * _MB:
        raise TooLarge(most_mb=UNPACKED_MB_MAX)
    file.seek(0)
    try:
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
        if sheet.total_height > ROWS_MAX + header + 1000:  # some empty rows at the end may be formatted
            raise TooManyRows(most=ROWS_MAX)
        cells = sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as broken:
        raise Unreadable(format="xlsx") from broken
    while cells and not any(cell != "" for cell in cells[-1]):
        cells.pop()
    if len(cells) > ROWS_MAX + header:
        raise TooManyRows(most=ROWS_MAX)
    return [[text_of_cell(cell) for cell in row] for row in cells]
