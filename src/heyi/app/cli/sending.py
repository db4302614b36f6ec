"""Sends a file of card keys to a running heyi, as often as it takes: a broken line continues the same import."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from heyi.app.cli.client import Client
from heyi.app.cli.frame import err
from heyi.app.process import Trouble

PIECE_BYTES = 1 << 18
ASK_EVERY_S = 1.0
GAPS_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # long enough for a restart


class Sending:
    """One file on its way to one import, with a progress bar when somebody watches."""

    def __init__(self, api: Client, import_id: str, file: Path, *, quiet: bool) -> None:
        self._api, self._id, self._file = api, import_id, file
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[rows]}"),
            console=err, transient=True, disable=quiet or not sys.stderr.isatty(),
        )  # fmt: skip

    def send(self) -> Any:
        """The import as it ended. Raises ApiRefused, or Trouble when the line breaks again and again."""
        with self._bar as bar:
            task = bar.add_task(self._file.name, total=self._file.stat().st_size, rows="")
            for gap in (*GAPS_S, None):
                bar.reset(task)
                try:
                    work = self._api.get(f"/key_imports/{self._id}")
                    if work["state"] == "done":  # only the answer was lost
                        return work
                    return self._api.upload(f"/key_imports/{self._id}/file", self._pieces(task))
                except Trouble as broken:
                    if gap is None:
                        cure = f"the import keeps its place; repeat the command with --continue {self._id}"
                        raise Trouble(broken.what, cure) from broken
                    time.sleep(gap)
        raise AssertionError("the last attempt returns or raises")

    def _pieces(self, task: TaskID) -> Iterator[bytes]:
        asked = time.monotonic()
        with self._file.open("rb") as content:
            while piece := content.read(PIECE_BYTES):
                yield piece
                self._bar.advance(task, len(piece))
                if not self._bar.disable and time.monotonic() - asked > ASK_EVERY_S:
                    asked = time.monotonic()
                    self._bar.update(task, rows=self._rows())
        self._bar.update(task, rows="the last rows …")

    def _rows(self) -> str:
        with contextlib.suppress(Exception):  # only the bar's words; the upload itself tells of trouble
            work = self._api.get(f"/key_imports/{self._id}")
            return f"{work['rows_added']:,} in, {work['rows_bad']:,} bad, {work['rows_repeated']:,} repeated"
        return ""
