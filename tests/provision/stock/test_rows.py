"""From bytes to cards: encodings, delimiters, columns, and what is wrong with a row. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heyi.kernel.errors import Refused
from heyi.provision.stock.model import BATCHES, IMPORTS, KEYS, Fault, Layout
from heyi.provision.stock.reading import LINE_BYTES_MAX, Lines, Table
from heyi.provision.stock.rules import VALUE_CHARS_MAX, Judge, read_expiry, text_of_cell

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MAPPED = Layout("csv", {"code": "code", "secret": "secret", "expires": "until"})


def judged(layout: Layout, text: bytes, *, chunk: int = 1000) -> list[str]:
    """What becomes of each row, as `line code|secret|expiry` or `line reason masked`."""
    lines = Lines()
    cut = lines.feed(text) + lines.end()
    table, judge = Table(layout), Judge(default_expiry=layout.expires_at, zone=ZONE, now=NOW)
    said: dict[int, str] = {}
    for start in range(0, len(cut), chunk):
        first, rows = table.rows(cut[start : start + chunk])
        assert table.columns is not None
        cards, faults = judge.rows(first, rows, table.columns)
        for line, code, secret, expiry in cards:
            until = "" if expiry is None else expiry.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
            said[line] = f"{line} {code}|{secret or ''}|{until}"
        said |= {fault.line: f"{fault.line} {fault.reason.value} {fault.masked}" for fault in faults}
    return [said[line] for line in sorted(said)]


ROWS = [
    # row of a file with code,secret,until          what becomes of it
    ("ABCD-1234-EFGH-5678,pw1,2027-01-31", "2 ABCD-1234-EFGH-5678|pw1|2027-02-01 00:00"),
    ("ABCD,pw,", "2 ABCD|pw|"),
    ("  ABCD\t,　pw　,2027/1/3", "2 ABCD|pw|2027-01-04 00:00"),
    ('="00123456",="0099",20270131', "2 00123456|0099|2027-02-01 00:00"),
    ('"AB,CD","p""w",', '2 AB,CD|p"w|'),
    ("ABCD,pw,2027年1月31日", "2 ABCD|pw|2027-02-01 00:00"),
    ("ABCD,pw,2027-01-31 08:30", "2 ABCD|pw|2027-01-31 08:30"),
    ("ABCD,pw,2027-01-31T00:30:00Z", "2 ABCD|pw|2027-01-31 08:30"),
    (",pw,", "2 empty ****"),
    ("ABCDEFGH,,", "2 empty ****GH"),
    ("", "2 empty ****"),
    (",,", "2 empty ****"),
    ("ABCD,pw", "2 wrong_columns ****"),
    ("ABCD,pw,,", "2 wrong_columns ****"),
    ("K" * (VALUE_CHARS_MAX + 1) + ",pw,", "2 too_long ****KKKK"),
    ("K" * (LINE_BYTES_MAX + 1) + ",pw,", "2 too_long ****"),
    ("AB\x07CD,pw,", "2 control_characters ****"),
    ("ABCDEFGH,p\x00w,", "2 control_characters ****GH"),
    ("ABCD\u200bEFGH,pw,", "2 control_characters ****"),
    ("1.2345E+15,pw,", "2 mangled_number ****15"),
    ("ABCDEFGH,6.22E+18,", "2 mangled_number ****GH"),
    ("ABCDEFGH,pw,soon", "2 unreadable_expiry ****GH"),
    ("ABCDEFGH,pw,2027-02-30", "2 unreadable_expiry ****GH"),
    ("ABCDEFGH,pw,2026-11-21", "2 expired ****GH"),
    ("ABCDEFGH,pw,2026-11-22", "2 ABCDEFGH|pw|2026-11-23 00:00"),
    ('"ABCDEFGH,pw,', "2 unclosed_quotes ****"),
    ('"ABCD"x,pw,', "2 unclosed_quotes ****"),
]


@pytest.mark.parametrize(("row", "becomes"), ROWS)
def test_rows(row: str, becomes: str) -> None:
    assert judged(MAPPED, f"code,secret,until\n{row}\n".encode()) == [becomes]


def test_one_bad_line_does_not_hurt_its_neighbours() -> None:
    text = 'code,secret,until\nA1,p,\n"A2,p,\nA3,p,\n"A4",p,\n\nA5,p,\n'
    expected = ["2 A1|p|", "3 unclosed_quotes ****", "4 A3|p|", "5 A4|p|", "6 empty ****", "7 A5|p|"]
    for chunk in (1000, 1, 2):
        assert judged(MAPPED, text.encode(), chunk=chunk) == expected


def test_all_rows_of_the_table_in_one_file_become_the_same() -> None:
    text = "\n".join(["code,secret,until", *(row for row, _ in ROWS)])
    said = judged(MAPPED, text.encode())
    assert [one.partition(" ")[2] for one in said] == [becomes.partition(" ")[2] for _, becomes in ROWS]


ENCODINGS = [
    ("utf-8", "auto"), ("utf-8-sig", "auto"), ("gb18030", "auto"), ("gb18030", "gb18030"), ("utf-8", "utf-8"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "layout"), ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(written: str, layout: str, end: str) -> None:
    text = end.join(["卡号,密码,有效期", "甲子ABCD,乙丑,2027年1月31日", "A1,p,", ""])
    mapped = Layout("csv", {"code": "卡号", "secret": "密码", "expires": "有效期"}, encoding=layout)
    assert judged(mapped, text.encode(written), chunk=1) == ["2 甲子ABCD|乙丑|2027-02-01 00:00", "3 A1|p|"]


def test_the_encoding_once_found_stays() -> None:
    text = "code\n甲\n".encode() + "乙丑".encode("gb18030") + b"\nA1\n"
    assert judged(Layout("csv"), text) == ["2 甲||", "3 undecodable ****", "4 A1||"]


LAYOUTS = [
    # layout                                                       file                     what becomes of it
    (Layout("txt", header=False, delimiter=None), "K1,x\nK2\n", ["1 K1,x||", "2 K2||"]),
    (Layout("txt", {"code": "1", "secret": "2"}, header=False, delimiter="----"), "K1----p1\n", ["1 K1|p1|"]),
    (Layout("txt", {"code": "2", "secret": "1"}, header=False, delimiter="\t"), "p1\tK1\n", ["1 K1|p1|"]),
    (Layout("csv", {"code": "1"}, header=False), "K1\nK2", ["1 K1||", "2 K2||"]),
    (Layout("csv"), "卡号,卡密,有效期\nK1,p,\n", ["2 K1|p|"]),
    (Layout("csv"), "卡密\nK1\n", ["2 K1||"]),
    (Layout("csv"), "Code,Secret\nK1,p\n", ["2 K1|p|"]),
    (Layout("csv", expires_at=datetime(2027, 1, 1, tzinfo=UTC)), "code\nK1\n", ["2 K1||2027-01-01 08:00"]),
]


@pytest.mark.parametrize(("layout", "text", "becomes"), LAYOUTS)
def test_layouts(layout: Layout, text: str, becomes: list[str]) -> None:
    assert judged(layout, text.encode()) == becomes


REFUSED = [
    # a file that would lose keys or swap columns is refused before anything is taken
    (Layout("csv"), b"SG000001ABCD\nSG000002ABCD\n", "stock.import_columns"),  # no header after all
    (Layout("csv"), "序号,卡号\n1,K1\n".encode(), "stock.import_columns"),
    (Layout("csv", header=False), b"K1,p1\n", "stock.import_columns"),
    (Layout("csv", {"code": "no such"}), b"code\nK1\n", "stock.import_columns"),
    (Layout("csv", {"code": "3"}), b"a,b\nK1,p\n", "stock.import_columns"),
    (Layout("csv"), "code\nK1\n".encode("utf-16"), "stock.import_unreadable"),
    (Layout("csv"), b"PK\x03\x04\x00\x00\n", "stock.import_unreadable"),
]


@pytest.mark.parametrize(("layout", "text", "code"), REFUSED)
def test_files_that_are_refused_whole(layout: Layout, text: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        judged(layout, text)
    assert refused.value.code == code
    assert "K1" not in str(refused.value)
    assert "SG00" not in str(refused.value)


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=20))
def test_lines_are_the_same_however_the_bytes_arrive(text: bytes, sizes: list[int]) -> None:
    lines, said, at = Lines(), [], 0
    for size in sizes:
        said += lines.feed(text[at : at + size])
        at += size
    said += lines.feed(text[at:]) + lines.end()
    expected = text.split(b"\n")
    assert said == (expected[:-1] if expected[-1] == b"" else expected)


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(text: bytes) -> None:
    try:
        said = judged(MAPPED, b"code,secret,until\n" + text, chunk=3)
    except Refused:
        return
    expected = text.split(b"\n")
    assert len(said) == len(expected) - (expected[-1] == b"")


def test_an_endless_line_takes_no_memory() -> None:
    lines = Lines()
    for _ in range(1000):
        assert lines.feed(b"x" * 100_000) == []
    assert [len(line) for line in lines.end()] == [LINE_BYTES_MAX + 1]


CELLS = [
    (1234567.0, "1234567"), (123456789012345.0, "123456789012345"), ("00123", "00123"), ("", ""), (None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "text"), CELLS)
def test_cells_that_are_exact(cell: object, text: str) -> None:
    assert (text_of_cell(cell), type(text_of_cell(cell))) == (text, str)


@pytest.mark.parametrize("cell", [1.2345e15, 6.22848e18, 12.5, True, float("inf"), datetime(2027, 1, 31)])
def test_cells_that_lost_something_are_refused_as_keys(cell: object) -> None:
    table = Table(Layout("xlsx", {"code": "code"}))
    first, rows = table.name(1, [["code"], [text_of_cell(cell)]])
    assert table.columns is not None
    cards, faults = Judge(default_expiry=None, zone=ZONE, now=NOW).rows(first, rows, table.columns)
    assert cards == []
    assert [fault.reason.value for fault in faults] == ["mangled_number"]


def test_expiries_far_away_do_not_crash() -> None:
    assert read_expiry("9999-12-31", ZONE) is None or read_expiry("9999-12-31", ZONE) > NOW  # type: ignore[operator]
    assert read_expiry("0000-01-01", ZONE) is None


@pytest.mark.parametrize("machine", [KEYS, BATCHES, IMPORTS])
def test_every_state_is_reachable(machine: object) -> None:
    assert machine.reachable() == machine.states()  # type: ignore[attr-defined]


def test_a_fault_never_shows_the_key() -> None:
    (said,) = judged(MAPPED, b"code,secret,until\nVERY-SECRET-CODE-0001,pw,never\n")
    assert said == "2 unreadable_expiry ****0001"
    assert "VERY" not in repr(Fault(2, "x", said))  # type: ignore[arg-type]
