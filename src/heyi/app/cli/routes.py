"""`heyi route …`: where a benefit is bought, and the breakers of supplier accounts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json
from heyi.app.process import Trouble

app = make_app("Routes 路由: where a benefit would be bought now and why; breakers 熔断.")
Supplier = Annotated[str, typer.Argument(help="A supplier account's code or id (sup_…).")]


@command(app, "show", "heyi route show video-month")
def show(
    benefit: Annotated[str, typer.Argument(help="A benefit's code or id (ben_…).")], as_json: Json = False
) -> None:
    """Its supplier offers, best first: what speaks against each, success, speed, and which is preferred. 货源路由

    Success and speed are measured; before there is anything to measure, 95% and the account's typical time are assumed.
    """
    with Client.operator() as api:
        found = api.get(f"/benefits/{find(api, benefit, 'benefits', 'ben_')['id']}/routes")
    columns = {
        "": lambda r: "→" if r["preferred"] else "",
        "supplier": lambda r: r["supplier"],
        "product": lambda r: r["product_no"],
        "cost>": lambda r: money(r["cost"]),
        "priority>": lambda r: r["priority"],
        "weight>": lambda r: r["weight"],
        "success>": lambda r: f"{r['success_percent']}%",
        "speed>": lambda r: f"{r['speed_ms'] / 1000:.1f} s",
        "why not": lambda r: r["hindrance"] or "",
    }
    listing(found, as_json, columns)


@command(
    app, "breaker", "heyi route breaker kasushou", "heyi route breaker kasushou open --why 'maintenance tonight'",
    "heyi route breaker kasushou closed --why 'they are back'",
)  # fmt: skip
def breaker(
    supplier: Supplier,
    state: Annotated[Literal["open", "closed"] | None, typer.Argument(help="Nothing: show what became of it.")] = None,
    why: Annotated[str, typer.Option(help="What for, kept with the breaker; needed to open or close it.")] = "",
    as_json: Json = False,
) -> None:
    """Show, open or close a supplier's breaker. Opened by hand, it stays open until somebody closes it. 熔断"""
    with Client.operator() as api:
        id = find(api, supplier, "suppliers", "sup_")["id"]
        if state is not None:
            if not why:
                raise Trouble("no reason is given", f"say why: heyi route breaker {supplier} {state} --why '…'")
            made = api.post(f"/suppliers/{id}/breaker", {"state": state, "why": why})
            if as_json:
                say_json(made)
            else:
                out.print(f"{made['supplier']}  {made['state']}  {made['why']}")
            return
        found = api.get(f"/suppliers/{id}/breaker")["data"]
    columns = {
        "at": lambda b: moment(b["at"]),
        "state": lambda b: b["state"],
        "why": lambda b: b["why"],
        "by": lambda b: b["by"] or "the rule",
        "until": lambda b: moment(b["until"]),
    }
    listing(found, as_json, columns)
