"""`heyi route …`: where a benefit is bought, and the breakers of supplier accounts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from heyi.app.cli.apply import price
from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json
from heyi.app.process import Trouble

app = make_app("Routes 路由: where a benefit would be bought now and why, another place for it; breakers 熔断.")
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
    app, "add", "heyi route add video-month yqd 40001 '15.05 CNY' --priority 5",
    "heyi route add music-month mifeng 70002 '8.15 CNY' --weight 2",
)  # fmt: skip
def add(
    benefit: Annotated[str, typer.Argument(help="A benefit's code or id (ben_…).")],
    supplier: Supplier,
    product: Annotated[str, typer.Argument(help="The product's number there: heyi product list.")],
    cost: Annotated[str, typer.Argument(help="What it costs us there, as on a price tag: 15.05 CNY.")],
    priority: Annotated[int, typer.Option(min=0, help="The lowest comes first.")] = 100,
    weight: Annotated[int, typer.Option(min=0, max=1000, help="Among equals: 2 is chosen twice as often as 1.")] = 1,
    as_json: Json = False,
) -> None:
    """Buy a benefit at this supplier as well: an offer of it, from the next order on. 新增货源"""
    with Client.operator() as api:
        made = api.post(f"/benefits/{find(api, benefit, 'benefits', 'ben_')['id']}/offers", {
            "source": "supplier", "supplier": find(api, supplier, "suppliers", "sup_")["id"], "product_no": product,
            "cost": price(cost), "priority": priority, "weight": weight,
        })  # fmt: skip
    if as_json:
        say_json(made)
    else:
        out.print(f"{made['id']}  {product} at {supplier} for {money(made['cost'])}; heyi route show {benefit}")


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
