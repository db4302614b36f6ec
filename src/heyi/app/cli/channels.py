"""`heyi channel …`: who sells for us, their deposits and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from heyi.app.cli.apply import price
from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json, table

app = make_app("Channels 渠道: list, create, deposits, keys.")
Channel = Annotated[str, typer.Argument(help="A channel's code or id (chn_…).")]


@command(app, "list", "heyi channel list")
def list_(as_json: Json = False) -> None:
    """All channels, newest first."""
    with Client.operator() as api:
        found = list(api.every("/channels"))
    columns = {
        "code": lambda c: c["code"],
        "title": lambda c: c["title"],
        "state": lambda c: c["state"],
        "id": lambda c: c["id"],
    }
    listing(found, as_json, columns)


@command(app, "create", "heyi channel create linli-shop --title 邻里小店")
def create(
    code: Annotated[str, typer.Argument(help="A stable word: a-z, 0-9, - and _.")],
    title: Annotated[str, typer.Option(help="What people call it.")],
    as_json: Json = False,
) -> None:
    """Add a channel."""
    with Client.operator() as api:
        made = api.post("/channels", {"code": code, "title": title})
    if as_json:
        say_json(made)
    else:
        out.print(f"{made['code']}  {made['id']}")


@command(
    app,
    "deposit",
    "heyi channel deposit linli-shop '5000.00 CNY' --ref bank-20261122-7",
    "heyi channel deposit linli-shop",
)
def deposit(
    channel: Channel,
    amount: Annotated[
        str | None, typer.Argument(help="What was received; without it the last lines are shown.")
    ] = None,
    ref: Annotated[str | None, typer.Option(help="Your reference (a bank slip). The same one counts once.")] = None,
    memo: Annotated[str, typer.Option(help="A remark for the books.")] = "deposit",
    as_json: Json = False,
) -> None:
    """Book money received from a channel 预存款, or show what its deposit was spent on."""
    if amount is not None and ref is None:
        raise typer.BadParameter("--ref is needed: it makes sure that one payment is booked once")
    with Client.operator() as api:
        found = find(api, channel, "channels", "chn_")
        path = f"/channels/{found['id']}/deposit"
        if amount is not None:
            answer = api.post(path, {"amount": price(amount), "key": ref, "memo": memo})
        else:
            answer = api.get(f"{path}/lines", limit=20)
    if as_json:
        say_json(answer)
    elif amount is not None:
        out.print(f"{found['code']}  balance {money(answer['balance'])}")
    else:
        rows = [
            [moment(one["at"]), one["kind"], money(_owed(one["amount"])), one["order"], one["memo"]]
            for one in answer["data"]
        ]
        table(["when", "what", "amount>", "order", "remark"], rows)


@command(app, "key", "heyi channel key linli-shop --label shop-server", "heyi channel key linli-shop --list")
def key(
    channel: Channel,
    label: Annotated[str, typer.Option(help="What the key is for; two may live under one label.")] = "main",
    show: Annotated[bool, typer.Option("--list", help="List the channel's keys instead, masked.")] = False,
    as_json: Json = False,
) -> None:
    """Make an API key for a channel. It is shown this once; only its hash is kept. 渠道密钥"""
    with Client.operator() as api:
        path = f"/channels/{find(api, channel, 'channels', 'chn_')['id']}/access_keys"
        if show:
            _list_keys(list(api.every(path)), as_json)
            return
        made = api.post(path, {"label": label})
    if as_json:
        say_json(made)
    else:
        out.print(made["key"])


def _owed(amount: Mapping[str, Any]) -> Mapping[str, Any]:
    """A deposit is owed to the channel, so its books show money in as a credit (negative); people see it as plus."""
    return {**amount, "amount_minor": -amount["amount_minor"]}


def _list_keys(keys: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    columns = {
        "key": lambda k: k["masked"],
        "label": lambda k: k["label"],
        "made": lambda k: moment(k["created_at"]),
        "ended": lambda k: moment(k["revoked_at"] or k["expires_at"]),
        "id": lambda k: k["id"],
    }
    listing(keys, as_json, columns)
