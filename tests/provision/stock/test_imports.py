"""Files on their way into the vault: nothing lost, nothing twice, whatever breaks off where."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import xlsxwriter
from tests.provision.stock.world import COST, states

from heyi.flows import import_keys as flow
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.provision import stock
from heyi.provision.stock import batches, imports, sheets
from heyi.provision.stock.model import Import, Layout

CSV = Layout("csv", {"code": "code", "secret": "secret"})
CHUNK_LINES = 1000


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty times as many chunks for the same file."""
    monkeypatch.setattr(imports, "CHUNK_LINES", CHUNK_LINES)


async def announce(
    tools: Tools, benefit: UUID, batch: str, layout: Layout = CSV, *, dry_run: bool = False, cost: Money = COST
) -> Import:
    async with tools.db.transaction() as tx:
        return await imports.create(
            tx, tools.sealing, benefit_id=benefit, batch=batch, cost=cost, layout=layout, dry_run=dry_run,
            now=tools.clock.now(),
        )  # fmt: skip


async def pieces(content: bytes, size: int = 1 << 16, *, breaks_after: int | None = None) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        if breaks_after is not None and at >= breaks_after:
            raise ConnectionResetError
        yield content[at : at + size]


def csv_of(rows: Iterable[tuple[str, str]]) -> bytes:
    return "".join(["code,secret\n", *(f"{code},{secret}\n" for code, secret in rows)]).encode()


def rows(count: int, word: str = "K") -> list[tuple[str, str]]:
    return [(f"{word}{number:09d}", f"p{number}") for number in range(count)]


def counts(work: Import) -> tuple[str, int, int, int, int]:
    return work.state.value, work.rows_read, work.rows_added, work.rows_bad, work.rows_repeated


async def faults_of(tools: Tools, work: Import) -> list[tuple[int, str]]:
    async with tools.db.reading() as tx:
        return [(f.line, f.reason.value) for f in await imports.faults(tx, work.id, after_line=0)]


async def test_a_file_comes_in_and_the_same_file_again_adds_nothing(tools: Tools) -> None:
    benefit = uuid4()
    content = csv_of(rows(300, "same"))
    work = await announce(tools, benefit, "same-1")
    done = await flow.import_keys(tools, work.id, pieces(content))
    assert counts(done) == ("done", 300, 300, 0, 0)
    assert counts(await flow.import_keys(tools, work.id, pieces(content))) == ("done", 300, 300, 0, 0)
    again = await announce(tools, benefit, "same-1")
    assert counts(await flow.import_keys(tools, again.id, pieces(content))) == ("done", 300, 0, 0, 300)
    elsewhere = await announce(tools, uuid4(), "same-2")  # nor under another benefit: one card is not sold twice
    assert counts(await flow.import_keys(tools, elsewhere.id, pieces(content))) == ("done", 300, 0, 0, 300)
    assert await states(tools, benefit) == Counter(available=300)


async def test_what_came_in_can_be_claimed_and_read(tools: Tools) -> None:
    benefit, item, now = uuid4(), uuid4(), tools.clock.now()
    work = await announce(tools, benefit, "read-1", replace(CSV, expires_at=now + timedelta(days=9)))
    await flow.import_keys(tools, work.id, pieces("code,secret\nCARD-甲-0001,密-1\n".encode()))
    async with tools.db.transaction() as tx:
        (key,) = (await stock.claim(tx, {benefit: 1}, now=now))[benefit]
        assert (key.tail, key.cost, key.expires_at) == ("****01", COST, now + timedelta(days=9))
        await stock.issue(tx, [(key.id, item)], now=now)
        shown = (await stock.reveal(tx, tools.sealing, [item], by="u", now=now))[item]
    assert (shown.code, shown.secret) == ("CARD-甲-0001", "密-1")


async def test_repetitions_are_told_apart_row_by_row(tools: Tools) -> None:
    benefit = uuid4()
    first = await announce(tools, benefit, "rep-1")
    await flow.import_keys(tools, first.id, pieces(csv_of([("old-1", "p"), ("old-2", "p")])))
    many = rows(CHUNK_LINES + 10, "rep")
    content = csv_of([many[0], many[0], ("old-2", "p"), ("", "p"), *many, many[5]])
    second = await announce(tools, benefit, "rep-2")
    done = await flow.import_keys(tools, second.id, pieces(content))
    assert counts(done) == ("done", len(many) + 5, len(many), 1, 4)
    # many[0] on lines 2, 3 and 6; the last line lies in another chunk than the row that it repeats
    assert await faults_of(tools, second) == [
        (3, "repeated_in_file"), (4, "repeated_in_vault"), (5, "empty"), (6, "repeated_in_file"),
        (len(many) + 6, "repeated_in_file"),
    ]  # fmt: skip


async def test_a_broken_upload_goes_on_where_it_was(tools: Tools) -> None:
    benefit, count = uuid4(), CHUNK_LINES * 3
    content = csv_of(rows(count, "broken"))
    work = await announce(tools, benefit, "broken-1")
    with pytest.raises(ConnectionResetError):
        await flow.import_keys(tools, work.id, pieces(content, 4096, breaks_after=len(content) * 3 // 4))
    async with tools.db.reading() as tx:
        half = await imports.read(tx, work.id)
    assert half.state == "running"
    assert CHUNK_LINES <= half.position < count
    assert half.rows_added == half.position - 1 == (await states(tools, benefit))["available"]
    changed = content.replace(b"broken000000007", b"broken99999999x")
    with pytest.raises(Refused) as refused:  # another file is not taken for the rest of this one
        await flow.import_keys(tools, work.id, pieces(changed))
    assert refused.value.code == "stock.import_other_file"
    with pytest.raises(Refused):
        await flow.import_keys(tools, work.id, pieces(content[:1000]))
    done = await flow.import_keys(tools, work.id, pieces(content, 7777))
    assert counts(done) == ("done", count, count, 0, 0)
    assert await states(tools, benefit) == Counter(available=count)
    with pytest.raises(Refused):  # what is done does not grow
        await flow.import_keys(tools, work.id, pieces(content + b"one-more,p\n"))


async def test_two_uploads_of_one_import_add_every_row_once(tools: Tools) -> None:
    benefit, count = uuid4(), CHUNK_LINES * 2
    content = csv_of(rows(count, "both"))
    work = await announce(tools, benefit, "both-1")
    ends = await asyncio.gather(
        *(flow.import_keys(tools, work.id, pieces(content)) for _ in range(3)), return_exceptions=True
    )
    for end in ends:
        assert isinstance(end, Import) or (isinstance(end, Refused) and end.code == "stock.import_busy"), end
    done = await flow.import_keys(tools, work.id, pieces(content))
    assert counts(done) == ("done", count, count, 0, 0)
    assert await states(tools, benefit) == Counter(available=count)


async def test_two_imports_of_the_same_cards_at_once_do_not_deadlock(tools: Tools) -> None:
    benefits, content = [uuid4(), uuid4()], rows(CHUNK_LINES * 2, "race")
    works = [await announce(tools, benefit, f"race-{number}") for number, benefit in enumerate(benefits)]
    ends = await asyncio.gather(
        flow.import_keys(tools, works[0].id, pieces(csv_of(content))),
        flow.import_keys(tools, works[1].id, pieces(csv_of(reversed(content)))),
    )
    assert sum(end.rows_added for end in ends) == sum(end.rows_repeated for end in ends) == len(content)
    assert sum([(await states(tools, benefit))["available"] for benefit in benefits]) == len(content)


async def test_a_dry_run_says_the_same_and_keeps_nothing(tools: Tools) -> None:
    benefit, many = uuid4(), rows(CHUNK_LINES + 5, "dry")
    kept = await announce(tools, benefit, "dry-1")
    await flow.import_keys(tools, kept.id, pieces(csv_of([("dry-old", "p")])))
    content = csv_of([*many, ("dry-old", "p"), many[0], ("", "")])
    dry = await announce(tools, benefit, "dry-2", dry_run=True)
    done = await flow.import_keys(tools, dry.id, pieces(content))
    assert counts(done) == ("done", len(many) + 3, len(many), 1, 2)
    assert await states(tools, benefit) == Counter(available=1)
    real = await announce(tools, benefit, "dry-2")
    assert counts(await flow.import_keys(tools, real.id, pieces(content))) == counts(done)
    assert await faults_of(tools, real) == await faults_of(tools, dry)
    async with tools.db.reading() as tx:
        assert (await tx.row("select count(*) as left from stock.tried")).left == 0


async def test_a_batch_is_one_benefit_at_one_cost(tools: Tools) -> None:
    benefit = uuid4()
    await announce(tools, benefit, "one-batch")
    cheap = Money(1, "CNY")
    for other, cost, dry in ((uuid4(), COST, False), (benefit, cheap, False), (benefit, cheap, True)):
        with pytest.raises(Refused) as refused:
            await announce(tools, other, "one-batch", cost=cost, dry_run=dry)
        assert refused.value.code == "stock.batch_differs"


async def test_quarantined_keys_are_never_claimed(tools: Tools) -> None:
    benefit, now = uuid4(), tools.clock.now()
    work = await announce(tools, benefit, "aside-1")
    await flow.import_keys(tools, work.id, pieces(csv_of(rows(5, "aside"))))
    assert work.batch_id is not None

    async def claimable() -> int:
        async with tools.db.rehearsal() as tx:
            return len((await stock.claim(tx, {benefit: 99}, now=now))[benefit])

    async with tools.db.reading() as tx:
        bad = (await batches.page_keys(tx, work.batch_id, state=None, before=None, most=1))[0]
    await flow.move_keys(tools, [bad.id], "quarantine", reason="a buyer says so", by="operator:x")
    assert await claimable() == 4
    aside = await flow.move_batch(tools, work.batch_id, "quarantine", reason="leak", by="operator:x")
    assert (aside.ready, aside.quarantined, await claimable()) == (0, 5, 0)
    late = await announce(tools, benefit, "aside-1")  # what arrives meanwhile is not for sale either
    await flow.import_keys(tools, late.id, pieces(csv_of(rows(2, "late"))))
    assert await claimable() == 0
    free = await flow.move_batch(tools, work.batch_id, "release", reason="checked", by="operator:x")
    assert (free.ready, free.quarantined) == (6, 1)  # the one that was quarantined by itself stays
    await flow.move_keys(tools, [bad.id], "release", reason="checked", by="operator:x")
    assert await claimable() == 7
    with pytest.raises(Refused) as refused:
        await flow.move_keys(tools, [bad.id], "release", reason="again", by="operator:x")
    assert refused.value.code == "stock.wrong_state"


async def test_voided_cards_may_come_in_again(tools: Tools) -> None:
    wrong, right = uuid4(), uuid4()
    content = csv_of(rows(50, "void"))
    work = await announce(tools, wrong, "void-1")
    await flow.import_keys(tools, work.id, pieces(content))
    assert work.batch_id is not None
    gone = await flow.move_batch(tools, work.batch_id, "void", reason="wrong benefit", by="operator:x")
    assert (gone.ready, gone.void, gone.state) == (0, 50, "void")
    with pytest.raises(Refused):
        await announce(tools, wrong, "void-1")
    again = await announce(tools, right, "void-2")
    assert counts(await flow.import_keys(tools, again.id, pieces(content))) == ("done", 50, 50, 0, 0)
    third = await announce(tools, right, "void-3")
    assert counts(await flow.import_keys(tools, third.id, pieces(content))) == ("done", 50, 0, 0, 50)


async def test_moving_a_batch_while_it_is_sold(tools: Tools) -> None:
    benefit, now = uuid4(), tools.clock.now()
    work = await announce(tools, benefit, "sold-1")
    await flow.import_keys(tools, work.id, pieces(csv_of(rows(200, "sold"))))
    assert work.batch_id is not None

    async def buy() -> int:
        async with tools.db.transaction() as tx:
            keys = (await stock.claim(tx, {benefit: 2}, now=now))[benefit]
            await stock.issue(tx, [(key.id, uuid4()) for key in keys], now=now)
            return len(keys)

    first = [asyncio.create_task(buy()) for _ in range(40)]
    aside = await flow.move_batch(tools, work.batch_id, "quarantine", reason="leak", by="operator:x")
    late = await asyncio.gather(*(buy() for _ in range(10)))
    sold = sum(await asyncio.gather(*first))
    assert sum(late) == 0
    assert await states(tools, benefit) == Counter(issued=sold, quarantined=200 - sold)
    assert aside.ready == 0


def workbook(content: list[list[object]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(content):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell) if isinstance(cell, str) else sheet.write(number, column, cell)
    return file.getvalue()


async def test_a_workbook(tools: Tools) -> None:
    benefit = uuid4()
    cells = [["00123", "2027-01-31"], [1.2345e15, ""], [99887766, ""], ["", ""], ["x", 5]]
    content = workbook([["卡号", "有效期"], *cells])
    work = await announce(tools, benefit, "book-1", Layout("xlsx", delimiter=None))
    done = await flow.import_keys(tools, work.id, pieces(content, 100))
    assert counts(done) == ("done", 5, 2, 3, 0)
    assert await faults_of(tools, work) == [(3, "mangled_number"), (5, "empty"), (6, "unreadable_expiry")]
    assert counts(await flow.import_keys(tools, work.id, pieces(content))) == counts(done)


@pytest.mark.parametrize(
    ("content", "code"), [(b"not a workbook", "stock.import_unreadable"), (b"", "stock.import_unreadable")]
)
async def test_what_is_no_workbook(tools: Tools, content: bytes, code: str) -> None:
    for layout in (Layout("xlsx", delimiter=None), CSV):
        if layout.format == "xlsx" or not content:
            work = await announce(tools, uuid4(), f"no-book-{uuid4()}", layout)
            with pytest.raises(Refused) as refused:
                await flow.import_keys(tools, work.id, pieces(content))
            assert refused.value.code == code


async def test_a_workbook_with_too_many_rows(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ROWS_MAX", 3)
    work = await announce(tools, uuid4(), "book-2", Layout("xlsx", delimiter=None))
    with pytest.raises(Refused) as refused:
        await flow.import_keys(tools, work.id, pieces(workbook([["code"], ["a1"], ["a2"], ["a3"], ["a4"]])))
    assert refused.value.code == "stock.import_too_many_rows"


async def test_a_long_file_needs_no_more_memory_than_a_short_one(tools: Tools) -> None:
    async def endless(count: int, word: str) -> AsyncIterator[bytes]:
        yield b"code,secret\n"
        for start in range(0, count, 1000):
            yield "".join(f"{word}{n:012d},secret-{n}\n" for n in range(start, start + 1000)).encode()

    async def peak(count: int, word: str) -> int:
        work = await announce(tools, uuid4(), f"long-{word}")
        tracemalloc.start()
        done = await flow.import_keys(tools, work.id, endless(count, word))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert done.rows_added == count
        return used

    short = await peak(CHUNK_LINES * 4, "short")
    assert await peak(CHUNK_LINES * 40, "long") < short * 1.3


async def test_facts_tell_that_stock_arrived(tools: Tools) -> None:
    benefit = uuid4()
    work = await announce(tools, benefit, "facts-1")
    await flow.import_keys(tools, work.id, pieces(csv_of(rows(3, "facts"))))
    async with tools.db.reading() as tx:
        found = await tx.rows(
            "select data from infra.facts where name = 'stock.arrived' and data->>'benefit_id' = %(b)s", b=str(benefit)
        )
    assert [row.data["count"] for row in found] == [3]


async def test_counts_of_a_batch(tools: Tools) -> None:
    benefit, now = uuid4(), tools.clock.now()
    work = await announce(tools, benefit, "Counted-1", replace(CSV, expires_at=now + timedelta(days=3, hours=1)))
    await flow.import_keys(tools, work.id, pieces(csv_of(rows(4, "counted"))))
    async with tools.db.transaction() as tx:
        (key,) = (await stock.claim(tx, {benefit: 1}, now=now))[benefit]
        await stock.issue(tx, [(key.id, uuid4())], now=now)
        page = await batches.page(
            tx, benefit_id=None, state=None, source=None, search="COUNTED", before=None, most=5, now=now
        )
        later = await batches.read(tx, key.batch_id, now=now + timedelta(days=4))
    assert [(b.code, b.total, b.ready, b.issued, b.first_expires_at) for b in page] == [
        ("Counted-1", 4, 3, 1, now + timedelta(days=3, hours=1))
    ]
    assert (later.ready, later.expired) == (0, 3)
