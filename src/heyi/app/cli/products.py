"""`heyi product …`: what suppliers offer, what they have changed, and what is to follow from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json, say_settled

app = make_app("Products 货源商品: what suppliers offer, their changes, accept and dismiss, sync.")
Supplier = Annotated[str, typer.Argument(help="A supplier account's code or id (sup_…).")]
OfSupplier = Annotated[str | None, typer.Option("--supplier", help="A supplier account's code or id (sup_…).")]
Kind = Annotated[
    Literal["new", "price", "price_missing", "title", "status", "fields", "gone"] | None,
    typer.Option(help="What has changed."),
]
Search = Annotated[str | None, typer.Option(help="Anywhere in product number and title.")]
News = Annotated[bool, typer.Option("--news", help="About products that no offer of ours names.")]
Ids = Annotated[list[str] | None, typer.Argument(help="Changes (pch_…); none: all that the options find.")]
Until = Annotated[
    str | None,
    typer.Option(
        help="Do it, up to this change (pch_…) and no newer; without it, all that are found are only counted."
    ),
]


@command(app, "list", "heyi product list kasushou --search 会员", "heyi product list kasushou --offered")
def list_(
    supplier: Supplier,
    search: Search = None,
    offered: Annotated[bool, typer.Option("--offered", help="Only those that our offers name.")] = False,
    gone: Annotated[
        bool | None, typer.Option("--gone/--not-gone", help="Only those that are shown no more, or only the others.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """What a supplier offers, by its own word, and our offers of it. 供货商商品"""
    with Client.operator() as api:
        id = find(api, supplier, "suppliers", "sup_")["id"]
        query = {"search": search, "offered": offered or None, "gone": gone, "limit": limit}
        found = api.get(f"/suppliers/{id}/products", **query)["data"]
    columns = {
        "product": lambda p: p["product_no"],
        "title": lambda p: p["heard"]["title"],
        "price>": lambda p: money(p["heard"]["price"]),
        "stock>": lambda p: "—" if p["heard"]["stock"] is None else p["heard"]["stock"],
        "state": lambda p: "gone" if p["heard"]["gone_at"] else "off sale" if p["heard"]["on_sale"] is False else "",
        "seen": lambda p: moment(p["heard"]["seen_at"]),
        "our offers": lambda p: ", ".join(f"{o['benefit']} {money(o['cost'])} {o['state']}" for o in p["offers"]),
    }
    listing(found, as_json, columns)


@command(app, "changes", "heyi product changes", "heyi product changes --kind price --supplier kasushou")
def changes(
    supplier: OfSupplier = None,
    kind: Kind = None,
    state: Annotated[
        Literal["open", "accepted", "dismissed", "superseded", "all"], typer.Option(help="Open ones unless told.")
    ] = "open",
    news: News = False,
    search: Search = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """What suppliers have changed, newest first. 商品变动"""
    with Client.operator() as api:
        id = find(api, supplier, "suppliers", "sup_")["id"] if supplier else None
        query = {"supplier": id, "kind": kind, "state": state, "news": news or None, "search": search, "limit": limit}
        found = api.get("/product_changes", **query)["data"]
    columns = {
        "id": lambda c: c["id"],
        "supplier": lambda c: c["supplier"],
        "product": lambda c: c["product_no"],
        "title": lambda c: c["title"],
        "what": lambda c: c["kind"],
        "before": lambda c: _short(c["before"]),
        "after": lambda c: _short(c["after"]),
        "held>": lambda c: len(c["held"]) or "",
        "found": lambda c: moment(c["found_at"]),
        "state": lambda c: c["state"] + (f" by {c['settled_by']}" if c["settled_by"] else ""),
    }
    listing(found, as_json, columns)


@command(
    app, "accept", "heyi product accept pch_…", "heyi product accept --supplier kasushou --kind price --until pch_…"
)
def accept(
    ids: Ids = None, supplier: OfSupplier = None, kind: Kind = None, news: News = False, search: Search = None,
    until: Until = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Accept changes: prices become the costs of our offers. Without ids, all that are found are counted first. 接受"""
    _settle("accept", ids, supplier, kind, news, search, until, as_json)


@command(app, "dismiss", "heyi product dismiss pch_…", "heyi product dismiss --news --until pch_…")
def dismiss(
    ids: Ids = None, supplier: OfSupplier = None, kind: Kind = None, news: News = False, search: Search = None,
    until: Until = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Leave everything as it is, until the supplier says something else. 忽略"""
    _settle("dismiss", ids, supplier, kind, news, search, until, as_json)


@command(app, "sync", "heyi product sync kasushou")
def sync(supplier: Supplier, as_json: Json = False) -> None:
    """Read a supplier's products now; `heyi product syncs` shows how far it is. 同步"""
    with Client.operator() as api:
        made = api.post(f"/suppliers/{find(api, supplier, 'suppliers', 'sup_')['id']}/syncs")
    if as_json:
        say_json(made)
    else:
        out.print(f"{made['id']}  {made['state']}; see heyi product syncs {escape(supplier)}")


@command(app, "syncs", "heyi product syncs kasushou")
def syncs(supplier: Supplier, as_json: Json = False) -> None:
    """The last runs over a supplier's products, and how far they got. 同步记录"""
    with Client.operator() as api:
        found = api.get(f"/suppliers/{find(api, supplier, 'suppliers', 'sup_')['id']}/syncs")["data"]
    columns = {
        "id": lambda s: s["id"],
        "started": lambda s: moment(s["started_at"]),
        "state": lambda s: s["state"] + (f", page {s['page']}" if s["state"] == "running" and s["page"] else ""),
        "calls>": lambda s: s["calls"],
        "products>": lambda s: s["products"],
        "changes>": lambda s: s["changes"],
        "news>": lambda s: s["news"],
        "held>": lambda s: s["held"],
        "gone>": lambda s: s["gone"],
        "problem": lambda s: s["problem"] or "",
    }
    listing(found, as_json, columns)


@command(app, "confirm", "heyi product confirm syn_…")
def confirm(sync: Annotated[str, typer.Argument(help="A doubted run (syn_…).")], as_json: Json = False) -> None:
    """A doubted list is right: what it did not show is gone. 确认存疑列表"""
    with Client.operator() as api:
        done = api.post(f"/syncs/{sync}/confirm")
    if as_json:
        say_json(done)
    else:
        out.print(f"{done['id']}  {done['state']}; {done['gone']} products are gone")


def _settle(
    move: str, ids: list[str] | None, supplier: str | None, kind: str | None, news: bool, search: str | None,
    until: str | None, as_json: bool,
) -> None:  # fmt: skip
    with Client.operator() as api:
        if ids:
            settled = [api.post(f"/product_changes/{id}/{move}") for id in ids]
            if as_json:
                say_json(settled)
            for one in [] if as_json else settled:
                out.print(f"{one['id']}  {one['state']}  {one['kind']} of {escape(one['product_no'])}")
            return
        wanted: dict[str, Any] = {"move": move, "news": news, "kind": kind, "search": search}
        wanted["supplier"] = find(api, supplier, "suppliers", "sup_")["id"] if supplier else None
        found = api.post("/product_changes/settle", {**wanted, "dry_run": until is None, "until": until})
    say_settled(found, done=until is not None, seen="heyi product changes", as_json=as_json)


def _short(value: dict[str, Any] | None) -> str:
    if value is None:
        return "—"
    if "price_minor" in value:
        return money({"amount_minor": value["price_minor"], "currency": value["currency"]})
    if "fields" in value:
        return ", ".join(str(one.get("name")) for one in value["fields"]) or "—"
    return str(value.get("title") or ("on sale" if value.get("on_sale") else "off sale"))
