"""`heyi supplier topup|balance|looks|adjust|correct`: our money at suppliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from heyi.app.cli.apply import price
from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, moment, money, out, say_json
from heyi.app.cli.suppliers import Supplier, app
from heyi.app.process import Trouble

Reference = Annotated[str, typer.Option("--ref", help="Your own reference (a bank slip); it counts once.")]


@command(
    app, "balance", "heyi supplier balance kss-main", "heyi supplier balance kss-main --now", "heyi supplier balance"
)
def balance(
    supplier: Annotated[str | None, typer.Argument(help="An account's code or id; all of them unless given.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Ask the supplier first.")] = False,
    as_json: Json = False,
) -> None:
    """What we have there, how fast it is spent, and how long it lasts. 余额"""
    with Client.operator() as api:
        named = [find(api, supplier, "suppliers", "sup_")] if supplier else list(api.every("/suppliers"))
        if now:
            for one in named:
                api.post(f"/suppliers/{one['id']}/balance/looks")
        found = [api.get(f"/suppliers/{one['id']}/balance") for one in named]
    if supplier and not as_json:
        _say(found[0])
        return
    columns = {
        "code": lambda b: b["code"],
        "left>": lambda b: money(b["left"]),
        "booked>": lambda b: money(b["booked"]),
        "in flight>": lambda b: money(b["in_flight"]),
        "difference>": lambda b: money(b["difference"]),
        "an hour>": lambda b: _rate(b),
        "hours left>": lambda b: "—" if b["hours_left"] is None else f"{b['hours_left']:,}",
        "asked": lambda b: moment(b["reported_at"]),
    }
    listing(found[0] if supplier else found, as_json, columns)


@command(
    app, "topup",
    "heyi supplier topup kss-main '50000.00 CNY' --ref slip-20261122-7",
)  # fmt: skip
def topup(
    supplier: Supplier,
    amount: Annotated[str, typer.Argument(help="As on a price tag: 50000.00 CNY.")],
    reference: Reference,
    memo: Annotated[str, typer.Option(help="A remark.")] = "top-up",
    as_json: Json = False,
) -> None:
    """Book money that was sent to a supplier. 登记充值"""
    _book(supplier, "top_ups", {"amount": price(amount), "key": reference, "memo": memo}, as_json)


@command(
    app, "adjust",
    "heyi supplier adjust kss-main --lost '12.00 CNY' --ref fee-11 --memo 'their monthly fee'",
    "heyi supplier adjust kss-main --gained '30.00 CNY' --ref gift-2 --memo 'their anniversary'",
)  # fmt: skip
def adjust(
    supplier: Supplier,
    reference: Reference,
    memo: Annotated[str, typer.Option(help="What it was.")],
    gained: Annotated[str | None, typer.Option(help="As on a price tag.")] = None,
    lost: Annotated[str | None, typer.Option(help="As on a price tag.")] = None,
    as_json: Json = False,
) -> None:
    """Book what the account there gained or lost without heyi: fees, gifts, purchases by hand. 调整"""
    if (gained is None) == (lost is None):
        raise Trouble("either --gained or --lost", "say what changed: --lost '12.00 CNY'")
    value = price(gained or lost)
    signed = {**value, "amount_minor": value["amount_minor"] * (1 if gained else -1)}
    _book(supplier, "adjustments", {"amount": signed, "key": reference, "memo": memo}, as_json)


@command(app, "correct", "heyi supplier correct kss-main lge_01k… --memo 'typed twice'")
def correct(
    supplier: Supplier,
    entry: Annotated[str, typer.Argument(help="A top-up or an adjustment (lge_…), as `heyi supplier lines` lists it.")],
    memo: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """Reverse a top-up or an adjustment that was a mistake. 冲正"""
    _book(supplier, "corrections", {"entry": entry, "memo": memo}, as_json)


@command(app, "lines", "heyi supplier lines kss-main")
def lines(supplier: Supplier, limit: Annotated[int, typer.Option(min=1, max=200)] = 50, as_json: Json = False) -> None:
    """Everything booked there, newest first. 账目"""
    with Client.operator() as api:
        found = api.get(f"/suppliers/{_id(api, supplier)}/balance/lines", limit=limit)["data"]
    columns = {
        "at": lambda one: moment(one["at"]),
        "what": lambda one: one["kind"],
        "amount>": lambda one: money(one["amount"]),
        "memo": lambda one: one["memo"] or one["item"] or "",
        "entry": lambda one: one["entry"],
    }
    listing(found, as_json, columns)


@command(app, "looks", "heyi supplier looks kss-main")
def looks(supplier: Supplier, limit: Annotated[int, typer.Option(min=1, max=200)] = 20, as_json: Json = False) -> None:
    """What the supplier said we have there, compared with the books, newest first. 对账"""
    with Client.operator() as api:
        found = api.get(f"/suppliers/{_id(api, supplier)}/balance/looks", limit=limit)["data"]
    columns = {
        "at": lambda one: moment(one["at"]),
        "reported>": lambda one: money(one["reported"]),
        "booked>": lambda one: money(one["booked"]),
        "in flight>": lambda one: money(one["in_flight"]),
        "difference>": lambda one: money(one["difference"]),
        "problem": lambda one: one["problem"] or "",
    }
    listing(found, as_json, columns)


def _book(supplier: str, what: str, body: Mapping[str, Any], as_json: bool) -> None:
    with Client.operator() as api:
        found = api.post(f"/suppliers/{_id(api, supplier)}/{what}", dict(body))
    if as_json:
        say_json(found)
    else:
        _say(found)


def _id(api: Client, supplier: str) -> str:
    return str(find(api, supplier, "suppliers", "sup_")["id"])


def _rate(one: Mapping[str, Any]) -> str:
    burn = one["burn"]
    return money({"amount_minor": max(burn["day_minor"], burn["week_minor"]), "currency": one["booked"]["currency"]})


def _say(one: Mapping[str, Any]) -> None:
    hours = "nothing is spent" if one["hours_left"] is None else f"{one['hours_left']:,} hours left"
    out.print(f"[bold]{escape(one['code'])}[/bold] ({one['pays']})  left {money(one['left'])}  {hours}")
    out.print(f"booked {money(one['booked'])}  in flight {money(one['in_flight'])} in {one['in_flight_count']}")
    if one["reported"]:
        out.print(
            f"they say {money(one['reported'])} at {moment(one['reported_at'])}, difference {money(one['difference'])}"
        )
    if one["problem"]:
        out.print(f"[red]{escape(one['problem'])}[/red]")
    out.print(f"spent {_rate(one)} an hour   [dim]put in {money(one['paid_in'])}, spent {money(one['spent'])}[/dim]")


__all__ = ["app"]
