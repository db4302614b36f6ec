"""Makes the demo's card keys: 100,000 invented ones in CSV and XLSX files, the same ones every time.

    python -m heyi.app.demo.make_keys .heyi/demo

The files are what a partner would send; `heyi keys import` takes them in. The same seed gives the same keys, so that
importing them again shows how repetitions are found.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that are mistaken for each other


@dataclass(frozen=True)
class KeyFile:
    """One file of keys for a benefit. `cost` is in yuan as the partner's bill says it."""

    name: str
    benefit: str
    batch: str
    rows: int
    cost: str
    prefix: str
    expires: str | None

    def keys(self) -> Iterator[tuple[str, str, str]]:
        """(code, secret, expiry), unique within the file."""
        chance = random.Random(f"heyi demo {self.name}")
        for number in range(self.rows):
            code = f"{self.prefix}{number:06d}" + "".join(chance.choices(LETTERS, k=8))
            yield code, "".join(chance.choices(LETTERS, k=12)), self.expires or ""


FILES = (
    KeyFile("takeaway-15.csv", "takeaway-15", "songguo-2026-11", 60_000, "13.00", "SG", "2028-12-31"),
    KeyFile("charge-20.csv", "charge-20", "lvdian-2026-11", 30_000, "16.00", "LD", "2028-06-30"),
    KeyFile("takeaway-5.xlsx", "takeaway-5", "songguo-small-2026-11", 10_000, "4.50", "SX", None),
)
HEADER = ("卡号", "卡密", "有效期")


def make(folder: Path, say: Callable[[str], None] = print) -> list[Path]:
    """Write the files that are not there yet; answers all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for file in FILES:
        path = folder / file.name
        if not path.exists():
            new = path.with_name("new-" + path.name)
            _write_xlsx(file, new) if path.suffix == ".xlsx" else _write_csv(file, new)
            new.replace(path)
            say(f"{path.name}: {file.rows:,} keys")
        made.append(path)
    return made


def _write_csv(file: KeyFile, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as to:
        rows = csv.writer(to)
        rows.writerow(HEADER)
        rows.writerows(file.keys())


def _write_xlsx(file: KeyFile, path: Path) -> None:
    import xlsxwriter  # slow to import, and needed once

    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("卡密")
        for number, row in enumerate([HEADER, *file.keys()]):
            sheet.write_row(number, 0, row)


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else ".heyi/demo"))
