"""`heyi order …`: look at orders and their whole story; place one as a channel would."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer
from rich.markup import escape

from heyi.app.cli import story
from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json, table
from heyi.app.process import Trouble

app = make_app("Orders 订单: list, show with everything that happened, place one.")


@command(
    app,
    "list",
    "heyi order list",
    "heyi order list --channel xiaoman-app --state in_progress",
    "heyi order list --no T1",
)
def list_(
    channel: Annotated[str | None, typer.Option(help="A channel's code or id.")] = None,
    no: Annotated[str | None, typer.Option("--no", help="The channel's own order number.")] = None,
    state: Annotated[str | None, typer.Option(help="none, in_progress, partial, done or failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Json = False,
) -> None:
    """Orders of all channels, newest first."""
    with Client.operator() as api:
        held_by = find(api, channel, "channels", "chn_")["id"] if channel else None
        page = api.get("/orders", channel=held_by, channel_order_no=no, state=state, limit=limit)
    columns = {
        "order": lambda o: o["id"],
        "number": lambda o: o["channel_order_no"],
        "bundle": lambda o: f"{o['bundle']} v{o['bundle_version']}",
        "amount>": lambda o: money(o["amount"]),
        "payment": lambda o: o["status"]["payment"],
        "fulfilment": lambda o: o["status"]["fulfilment"],
        "items": lambda o: f"{sum(i['state'] == 'delivered' for i in o['items'])}/{len(o['items'])}",
        "created": lambda o: moment(o["created_at"]),
    }
    listing(page["data"], as_json, columns)


@command(app, "show", "heyi order show ord_01k…", "heyi order show T20261122-000001", "heyi order show ord_01k… --json")
def show(
    order: Annotated[str, typer.Argument(help="An order's id (ord_…), or the channel's own number.")],
    as_json: Json = False,
) -> None:
    """One order with its items and its timeline: facts, attempts, supplier numbers, durations. 订单轨迹"""
    with Client.operator() as api:
        found = _order(api, order)
        happened = api.get(f"/orders/{found['id']}/timeline")
    if as_json:
        say_json({**found, "timeline": happened})
        return
    print_order(found)
    out.print()
    for line in story.lines(happened):
        out.print(line)


@command(
    app, "create",
    "heyi order create joint-annual --buyer u-42 --account phone=13800138000",
    "heyi order create teatime-choice --buyer u-42 --account phone=13800138000 --choose snack=coffee,tea",
    "heyi order create travel-gift --buyer u-42 --ship-to '王小满|13800138000|杭州市西湖区…'",
)  # fmt: skip
def create(
    bundle: Annotated[str, typer.Argument(help="A bundle's code.")],
    buyer: Annotated[str, typer.Option(help="The channel's id of the buyer.")],
    account: Annotated[list[str] | None, typer.Option(help="name=value, as the bundle asks; may be repeated.")] = None,
    choose: Annotated[list[str] | None, typer.Option(help="group=option,option; may be repeated.")] = None,
    ship_to: Annotated[str | None, typer.Option(help="name|phone|address, for goods that are sent.")] = None,
    quantity: Annotated[int, typer.Option(min=1)] = 1,
    no: Annotated[str | None, typer.Option("--no", help="The channel's order number; invented unless given.")] = None,
    quote: Annotated[bool, typer.Option("--quote", help="Only say what it would cost and whether it can be.")] = False,
    as_json: Json = False,
) -> None:
    """Place an order as a channel would, paid from its deposit (HEYI_CHANNEL_KEY, or the demo's). 下单"""
    body = {
        "channel_order_no": no or f"cli-{secrets.token_hex(6)}",
        "bundle": bundle,
        "quantity": quantity,
        "buyer": {"id": buyer},
        "accounts": dict(_pair(text) for text in account or ()),
        "choices": {group: options.split(",") for group, options in map(_pair, choose or ())},
    }
    if ship_to is not None:
        name, phone, address = _three(ship_to)
        body["ship_to"] = {"name": name, "phone": phone, "address": address}
    with Client.channel() as api:
        answer = api.post("/v1/orders/quote" if quote else "/v1/orders", body)
    if as_json:
        say_json(answer)
    elif quote:
        refused = answer["refused"]
        out.print(f"[red]{refused['code']}[/red] {refused['en']}" if refused else f"it costs {money(answer['amount'])}")
        table(["component", "benefit", "share>", "state", "due"], [_row(item) for item in answer["items"]])
    else:
        print_order(answer)
        out.print(f"[dim]its story: heyi order show {answer['id']}[/dim]")
    if quote and answer["refused"]:
        raise typer.Exit(1)


def print_order(order: Any) -> None:
    """Head and items."""
    status = order["status"]
    out.print(f"[bold]{order['id']}[/bold]  {escape(order['channel_order_no'])}  buyer {escape(order['buyer'])}")
    out.print(
        f"{order['bundle']} v{order['bundle_version']}  {money(order['amount'])}  paid {moment(order['paid_at'])}"
    )
    out.print(f"payment {status['payment']} · fulfilment {status['fulfilment']} · refund {status['refund']}")
    out.print()
    rows = [[*_row(item), item["problem"] or ", ".join(item["held"]), item["entitlement"]] for item in order["items"]]
    table(["component", "benefit", "share>", "state", "due", "remark", "entitlement"], rows)


def _row(item: Any) -> list[object]:
    due = moment(item["due_at"], seconds=False) if item["due_at"] else ""
    return [item["component"], f"{item['benefit']} ({item['kind']})", money(item["share"]), item["state"], due]


def _order(api: Client, named: str) -> Any:
    if named.startswith("ord_"):
        return api.get(f"/orders/{named}")
    found = api.get("/orders", channel_order_no=named, limit=2)["data"]
    if len(found) == 1:
        return found[0]
    if found:
        raise Trouble(f"several channels have an order {named}", "name it by its id: heyi order list --no " + named)
    raise Trouble(f"there is no order {named}", "see the latest with: heyi order list")


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"{text!r} is not name=value")
    return name.strip(), value.strip()


def _three(text: str) -> list[str]:
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3:
        raise typer.BadParameter("--ship-to is name|phone|address")
    return parts
