"""`heyi keys …`: the vault of card keys: import files, look at batches, take keys out of sale."""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from heyi.app.cli.apply import price
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, err, listing, make_app, moment, money, out, say_json
from heyi.app.cli.sending import Sending
from heyi.app.process import Trouble

app = make_app("Card keys 卡密: import files, look at batches, take keys out of sale.")
FORMATS = {".csv": "csv", ".txt": "txt", ".xlsx": "xlsx"}
DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}
What = Annotated[list[str], typer.Argument(help="A batch's code or id (bat_…), or ids of keys (key_…).")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


@command(
    app,
    "import",
    "heyi keys import keys.csv --benefit takeaway-15 --batch songguo-2026-11 --cost 12.50",
    "heyi keys import keys.csv --benefit takeaway-15 --batch songguo-2026-11 --cost 12.50 "
    "--map code=卡号,secret=密码,expires=有效期 --dry-run --errors-to bad.csv",
    "heyi keys import keys.txt --benefit ebook --batch ebook-1 --cost 3.00 --delimiter ---- --map code=1,secret=2",
)
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV, TXT or XLSX.")],
    benefit: Annotated[str | None, typer.Option(help="The benefit's code or id.")] = None,
    batch: Annotated[str | None, typer.Option(help="The batch's code; made if it is new.")] = None,
    cost: Annotated[str | None, typer.Option(help="What one key costs: 12.50, or 12.50 CNY.")] = None,
    columns: Annotated[
        str | None, typer.Option("--map", help="Which column is what: code=…,secret=…,expires=… (names, or from 1).")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between columns; tab, comma, or the characters.")] = None,
    header: Annotated[bool | None, typer.Option(help="The first line names columns (CSV, XLSX: yes; TXT: no).")] = None,
    encoding: Annotated[str, typer.Option(help="auto, utf-8 or gb18030.")] = "auto",
    expires: Annotated[
        str | None, typer.Option(help="For rows without one: 2027-12-31 (its end), or a time with its offset.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report everything, keep nothing.")] = False,
    errors_to: Annotated[Path | None, typer.Option(help="Save the rows that were not taken as CSV.")] = None,
    go_on: Annotated[str | None, typer.Option("--continue", help="An import that broke off (imp_…).")] = None,
    as_json: Json = False,
) -> None:
    """Import a file of card keys. Any size; sending the same file again adds nothing."""
    with Client.operator() as api:
        if go_on is None:
            announced = {
                "benefit": _needed(benefit, "--benefit"), "batch": _needed(batch, "--batch"),
                "cost": _cost(_needed(cost, "--cost")), "format": _format(file), "columns": _columns(columns),
                "delimiter": DELIMITERS.get(delimiter or "", delimiter), "header": header, "encoding": encoding,
                "expires_at": _expiry(expires), "dry_run": dry_run,
            }  # fmt: skip
            go_on = str(api.post("/key_imports", announced)["id"])
        done = Sending(api, go_on, file, quiet=as_json).send()
        if errors_to is not None:
            api.download(f"/key_imports/{go_on}/errors", errors_to)
    if as_json:
        say_json(done)
        return
    _report(done, errors_to)


@command(app, "imports", "heyi keys imports", "heyi keys imports --batch songguo-2026-11")
def imports(batch: Annotated[str | None, typer.Option(help="A batch's code.")] = None, as_json: Json = False) -> None:
    """The latest imports."""
    with Client.operator() as api:
        found = api.get("/key_imports", batch=batch, limit=100)["data"]
    columns = {
        "id": lambda i: i["id"],
        "batch": lambda i: i["batch"] + (" (dry run)" if i["dry_run"] else ""),
        "state": lambda i: i["state"],
        "rows>": lambda i: f"{i['rows_read']:,}",
        "in>": lambda i: f"{i['rows_added']:,}",
        "bad>": lambda i: f"{i['rows_bad']:,}",
        "repeated>": lambda i: f"{i['rows_repeated']:,}",
        "at": lambda i: moment(i["updated_at"]),
    }
    listing(found, as_json, columns)


@command(app, "errors", "heyi keys errors imp_01j… --to bad.csv")
def errors(
    import_id: Annotated[str, typer.Argument(help="An import (imp_…).")],
    to: Annotated[Path, typer.Option(help="Where to save them.")] = Path("errors.csv"),
) -> None:
    """Save the rows of an import that were not taken: line, reason, masked value."""
    with Client.operator() as api:
        api.download(f"/key_imports/{import_id}/errors", to)
    out.print(str(to))


@command(app, "batches", "heyi keys batches", "heyi keys batches --search songguo --state open")
def batches(
    search: Annotated[str | None, typer.Option(help="Anywhere in the code.")] = None,
    state: Annotated[str | None, typer.Option(help="open, quarantined or void.")] = None,
    as_json: Json = False,
) -> None:
    """Batches, newest first, with what became of their keys."""
    with Client.operator() as api:
        found = list(api.every("/key_batches", search=search, state=state))
    columns = {
        "code": lambda b: b["code"],
        "state": lambda b: b["state"],
        "cost>": lambda b: money(b["cost"]),
        "ready>": lambda b: f"{b['ready']:,}",
        "issued>": lambda b: f"{b['issued'] + b['revealed']:,}",
        "aside>": lambda b: f"{b['quarantined']:,}",
        "expired>": lambda b: f"{b['expired']:,}",
        "all>": lambda b: f"{b['total']:,}",
        "days left>": lambda b: "—" if b["days_left"] is None else b["days_left"],
        "id": lambda b: b["id"],
    }
    listing(found, as_json, columns)


@command(app, "list", "heyi keys list songguo-2026-11 --state quarantined")
def list_(
    batch: Annotated[str, typer.Argument(help="A batch's code or id.")],
    state: Annotated[str | None, typer.Option(help="available, issued, revealed, quarantined or void.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """A batch's newest keys, masked."""
    with Client.operator() as api:
        found = api.get(f"/key_batches/{_batch(api, batch)['id']}/keys", state=state, limit=limit)["data"]
    columns = {
        "id": lambda k: k["id"],
        "key": lambda k: k["tail"],
        "state": lambda k: k["state"],
        "expires": lambda k: moment(k["expires_at"], seconds=False),
        "item": lambda k: k["item"] or "",
        "revealed": lambda k: moment(k["revealed_at"]),
    }
    listing(found, as_json, columns)


@command(app, "days", "heyi keys days", "heyi keys days --search coffee")
def days(
    search: Annotated[str | None, typer.Option(help="Anywhere in the benefit's code and title.")] = None,
    as_json: Json = False,
) -> None:
    """How many keys are left per benefit, how many days they last, and what will expire unsold. 库存天数"""
    with Client.operator() as api:
        found = list(api.every("/stock", search=search))
    columns = {
        "benefit": lambda s: s["code"],
        "ready>": lambda s: f"{s['ready']:,}{'+' if s['bounded'] else ''}",
        "waiting>": lambda s: s["waiting"],
        "a day, 7 d>": lambda s: f"{s['a_day_week']:.1f}",
        "a day, 28 d>": lambda s: f"{s['a_day_month']:.1f}",
        "days left>": lambda s: "—" if s["days_left"] is None else f"{s['days_left']}{'+' if s['bounded'] else ''}",
        "expire in 7 d>": lambda s: s["expiring_7_days"],
        "in 30 d>": lambda s: s["expiring_30_days"],
        "unsold by then>": lambda s: s["unsold_30_days"],
        "first expiry": lambda s: moment(s["first_expires_at"], seconds=False),
    }
    listing(found, as_json, columns)


@command(app, "quarantine", "heyi keys quarantine songguo-2026-11 --reason 'partner reports a leak'")
def quarantine(what: What, reason: Why, as_json: Json = False) -> None:
    """Sell none of a batch's keys (or of single keys) until they are released."""
    _move(what, "quarantine", reason, as_json)


@command(app, "release", "heyi keys release songguo-2026-11 --reason 'checked by the partner'")
def release(what: What, reason: Why, as_json: Json = False) -> None:
    """Sell them again; who waits is served first."""
    _move(what, "release", reason, as_json)


@command(app, "void", "heyi keys void key_01j… --reason 'dead on arrival'")
def void(what: What, reason: Why, as_json: Json = False) -> None:
    """Throw unsold keys away, for good."""
    _move(what, "void", reason, as_json)


def _move(what: list[str], move: str, reason: str, as_json: bool) -> None:
    with Client.operator() as api:
        if all(one.startswith("key_") for one in what):
            done = api.post(f"/keys/{move}", {"keys": what, "reason": reason})
        elif len(what) == 1:
            done = api.post(f"/key_batches/{_batch(api, what[0])['id']}/{move}", {"reason": reason})
        else:
            raise Trouble("either one batch, or keys", "name one batch, or any number of key_… ids")
    if as_json:
        say_json(done)
    elif "count" in done:
        out.print(f"{done['count']} keys: {move}")
    else:
        out.print(f"{done['code']}: {done['state']}, {done['ready']:,} ready, {done['quarantined']:,} aside")


def _batch(api: Client, named: str) -> Any:
    if named.startswith("bat_"):
        return api.get(f"/key_batches/{named}")
    for one in api.every("/key_batches", search=named):
        if one["code"] == named:
            return one
    raise Trouble(f"there is no batch {named}", "see them all with: heyi keys batches")


def _report(done: Any, errors_to: Path | None) -> None:
    words = "would come in" if done["dry_run"] else "came in"
    out.print(
        f"{done['batch']}: {done['rows_read']:,} rows, [green]{done['rows_added']:,} {words}[/green], "
        f"{done['rows_bad']:,} bad, {done['rows_repeated']:,} repeated   [dim]{done['id']}[/dim]"
    )
    if done["rows_bad"] + done["rows_repeated"]:
        where = str(errors_to) if errors_to else f"heyi keys errors {done['id']}"
        err.print(f"  row by row: {where}")


def _needed(value: str | None, option: str) -> str:
    if value is None:
        raise Trouble(f"{option} is missing", "a new import needs --benefit, --batch and --cost")
    return value


def _format(file: Path) -> str:
    found = FORMATS.get(file.suffix.lower())
    if found is None:
        raise Trouble(f"{file.name} is neither .csv, .txt nor .xlsx", "rename it to what it is")
    return found


def _cost(text: str) -> Any:
    return price(text if " " in text.strip() else f"{text.strip()} CNY")


def _columns(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(field.strip() not in ("code", "secret", "expires") or not name.strip() for field, _, name in pairs):
        raise Trouble(f"--map {text} cannot be read", "write it so: --map code=卡号,secret=密码,expires=有效期")
    return {field.strip(): name.strip() for field, _, name in pairs}


def _expiry(text: str | None) -> str | None:
    """A day means its end on the alliance's calendar."""
    if text is None:
        return None
    try:
        if len(text) == len("2027-12-31"):
            after = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(after, time(), ZoneInfo(os.environ.get("HEYI_ZONE", "Asia/Shanghai"))).isoformat()
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise Trouble(f"--expires {text} is not a time", "write 2027-12-31, or 2027-12-31T12:00:00+08:00") from None
