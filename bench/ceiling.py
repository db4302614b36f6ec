"""The ceiling: pgbench writes the rows of one order with one call of a function and one transaction.

The function is written from an order that heyi placed: same tables and columns, same values but for ids, number,
buyer, lane and times; so the rows are as wide as heyi's, whatever the schema looks like today.
"""

# ruff: noqa: S608 - every name and value in these statements comes from the catalogue or from rows of our own

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from bench.stage import BenchError
from heyi.app.embedded import bin_dir

Connection = psycopg.Connection[Any]
CONTEXTS = ("infra", "catalog", "partner", "checkout", "stock", "fulfilment", "entitlement", "redemption", "ledger",
            "webhook", "journal")  # fmt: skip
# Where the rows of one order are, in the order in which heyi writes them.
TABLES = (
    ("checkout.numbers", "order_id = %(order)s"),
    ("checkout.orders", "id = %(order)s"),
    ("checkout.items", "order_id = %(order)s"),
    ("entitlement.entitlements", "order_id = %(order)s"),
    ("entitlement.terms", "entitlement_id in (select id from entitlement.entitlements where order_id = %(order)s)"),
    ("fulfilment.tasks", "order_id = %(order)s"),
    ("infra.facts", "order_id = %(order)s"),
    ("ledger.entries", "order_id = %(order)s"),
    ("ledger.postings", "entry_id in (select id from ledger.entries where order_id = %(order)s)"),
)
SCRIPT = "\\set buyer random(1, 9999999)\nselect public.bench_order(:buyer);\n"


@dataclass(frozen=True, slots=True)
class Key:
    """A card key that the sample order was given."""

    id: UUID
    benefit_id: UUID
    item_id: UUID


def write_function(connection: Connection, order_id: UUID) -> None:
    """Create public.bench_order(buyer) in this database from the sample order."""
    order = _one(connection, "select * from checkout.orders where id = %(order)s", order_id)
    tables = {name: _rows(connection, name, where, order_id) for name, where in TABLES}
    keys = [
        Key(*row) for row in connection.execute(
            "select id, benefit_id, item_id from stock.keys where item_id in"
            " (select id from checkout.items where order_id = %s) order by benefit_id", [order_id],
        )
    ]  # fmt: skip
    known = {str(order_id): "o"}
    for columns, _, rows in tables.values():
        if "id" in columns:
            for row in rows:
                known.setdefault(row[columns.index("id")], f"i{len(known)}")
    known |= {str(key.id): f"k{place}" for place, key in enumerate(keys)}
    times = {row[columns.index("created_at")] for columns, _, rows in tables.values() if "created_at" in columns
             for row in rows}  # fmt: skip
    words = {order["number"]: "v_number", order["buyer"]: "v_buyer"} | dict.fromkeys(times, "v_now")
    body = [_claim(place, key) for place, key in enumerate(keys)]
    body += [_insert(name, columns, types, rows, known | words) for name, (columns, types, rows) in tables.items()]
    body.append(_issue(keys, known))
    facts = [known[row[tables["infra.facts"][0].index("id")]] for row in tables["infra.facts"][2]]
    body.append(
        f"insert into infra.unrelayed (id, fact_ids, at) values ({facts[0]}, array[{', '.join(facts)}], v_now);"
    )
    body.append(
        f"update ledger.accounts set balance_minor = balance_minor - {order['amount_minor']}"
        f" where code = {_literal('deposit:' + str(order['channel_id']))}"
        f" and balance_minor - {order['amount_minor']} >= floor_minor;\n"
        "if not found then raise exception 'no money'; end if;"
    )
    declared = [f"{name} uuid := uuidv7();" for id, name in known.items() if not name.startswith("k")]
    declared += [f"k{place} uuid;" for place in range(len(keys))]
    connection.execute("create sequence public.bench_numbers cache 50")
    connection.execute(_function(declared, body).encode())
    held = connection.execute(
        "select count(*) from ledger.accounts where code = %s", ["deposit:" + str(order["channel_id"])]
    ).fetchone()
    if not held or held[0] != 1:
        raise BenchError("the ceiling does not know how the deposit's account is called")


def _function(declared: Sequence[str], body: Sequence[str]) -> str:
    return f"""create function public.bench_order(p_buyer integer) returns void language plpgsql as $bench$
declare
v_now timestamptz := clock_timestamp();
v_lane smallint := p_buyer % 1024;
v_buyer text := 'u-' || lpad(p_buyer::text, 8, '0');
v_number text := 'pgbench-' || lpad(nextval('public.bench_numbers')::text, 10, '0');
{chr(10).join(declared)}
begin
{chr(10).join(body)}
end $bench$"""


def _claim(place: int, key: Key) -> str:
    return (
        f"select id into strict k{place} from stock.keys where benefit_id = {_literal(str(key.benefit_id))}"
        " and state = 'available' and expires_at > v_now order by expires_at, place limit 1 for update skip locked;"
    )


def _issue(keys: Sequence[Key], known: dict[str, str]) -> str:
    pairs = ", ".join(f"({known[str(key.id)]}, {known[str(key.item_id)]})" for key in keys)
    return (
        "update stock.keys k set state = 'issued', item_id = p.item_id, issued_at = v_now"
        f" from (values {pairs}) as p (key_id, item_id) where k.id = p.key_id and k.state = 'available';"
    )


def _insert(
    table: str, columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[str]], words: dict[str, str]
) -> str:
    def value(column: str, kind: str, text: str | None) -> str:
        if text is None:
            return "null"
        if column == "lane":
            return "v_lane"
        return words.get(text) or f"{_literal(text)}::{kind}"

    lines = ["(" + ", ".join(map(value, columns, types, row)) + ")" for row in rows]
    return f"insert into {table} ({', '.join(columns)}) values\n" + ",\n".join(lines) + ";"


def _rows(
    connection: Connection, table: str, where: str, order_id: UUID
) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    """The table's columns, their types, and the order's rows as text."""
    found = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
        " and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '' order by attnum", [table],
    ).fetchall()  # fmt: skip
    columns, types = [name for name, _ in found], [kind for _, kind in found]
    order_by = f"{table}.place" if "place" in columns else "1"
    texts = ", ".join(f"{name}::text" for name in columns)
    query = f"select {texts} from {table} where {where} order by {order_by}"
    rows = connection.execute(query.encode(), {"order": order_id}).fetchall()
    if not rows:
        raise BenchError(f"the sample order has no row in {table}")
    return columns, types, rows


def _one(connection: Connection, query: str, order_id: UUID) -> dict[str, Any]:
    cursor = connection.execute(query.encode(), {"order": order_id})
    row = cursor.fetchone()
    if row is None or cursor.description is None:
        raise BenchError("the sample order is not there")
    return {column.name: value for column, value in zip(cursor.description, row, strict=True)}


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None)


def run(url: str, *, connections: int, seconds: float) -> dict[str, float]:
    """One pgbench run: orders per second and its own CPU. Raises BenchError when a transaction failed."""
    before = os.times()
    done = subprocess.run(
        [str(bin_dir() / "pgbench"), "--no-vacuum", "-M", "prepared", "-c", str(connections), "-j", "2",
         "-T", str(max(1, round(seconds))), "-f", "/dev/stdin", url],
        input=SCRIPT, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    after = os.times()
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"transactions actually processed: (\d+)", done.stdout)
    if done.returncode or rate is None or count is None or "number of failed transactions: 0" not in done.stdout:
        raise BenchError(f"pgbench failed:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"orders_per_s": float(rate[1]), "orders": float(count[1]), "cpu_s": used}


def count_rows(connection: Connection) -> dict[str, int]:
    """Rows per table of all contexts, and how many card keys have been issued."""
    names = connection.execute(
        "select schemaname || '.' || relname from pg_stat_user_tables where schemaname = any(%s) order by 1",
        [list(CONTEXTS)],
    ).fetchall()
    counts = {}
    for (name,) in names:
        found = connection.execute(f"select count(*) from {name}".encode()).fetchone()
        counts[name] = found[0] if found else 0
    found = connection.execute("select count(*) from stock.keys where state <> 'available'").fetchone()
    counts["stock.keys issued"] = found[0] if found else 0
    found = connection.execute("select coalesce(sum(balance_minor), 0) from ledger.accounts").fetchone()
    counts["deposit, fen"] = -int(found[0]) if found else 0
    return counts
