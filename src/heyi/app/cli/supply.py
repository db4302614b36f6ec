"""`heyi supply …`: heyi as a supplier of others, by 闲管家's standard (goofish) or dujiao-next's."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json

app = make_app("Supply 供货: other systems sell our bundles in a standard of theirs.")
Channel = Annotated[str, typer.Argument(help="A channel's code or id (chn_…).")]
Standard = Annotated[str, typer.Option(help="goofish (闲管家) or dujiao_next.")]
Key = Annotated[str, typer.Argument(help="A supply key's id (spk_…).")]
APP_SECRET = "HEYI_APP_SECRET"


@command(
    app,
    "key",
    "heyi supply key linli-shop --standard dujiao_next",
    "HEYI_APP_SECRET=… heyi supply key linli-shop --standard goofish --app-id 677859093659717",
)
def key(
    channel: Channel,
    standard: Standard,
    label: Annotated[str, typer.Option(help="What it is for.")] = "main",
    app_id: Annotated[str | None, typer.Option(help="闲管家's number of its application.")] = None,
    ip: Annotated[list[str] | None, typer.Option(help="Only from this address or network; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Make a supply key. Its secret is shown this once. 闲管家's own app_secret comes from HEYI_APP_SECRET. 供货密钥"""
    asked: dict[str, Any] = {"standard": standard, "label": label, "ips": ip or []}
    if app_id is not None:
        asked |= {"app_id": app_id, "app_secret": os.environ.get(APP_SECRET)}
    with Client.operator() as api:
        found = find(api, channel, "channels", "chn_")
        _say(api.post(f"/channels/{found['id']}/supply_keys", asked), as_json)


@command(app, "keys", "heyi supply keys linli-shop", "heyi supply keys linli-shop --standard goofish --json")
def keys(
    channel: Channel,
    standard: Annotated[str | None, typer.Option(help="Only of this standard.")] = None,
    as_json: Json = False,
) -> None:
    """A channel's supply keys, newest first."""
    with Client.operator() as api:
        found = find(api, channel, "channels", "chn_")
        rows = list(api.every(f"/channels/{found['id']}/supply_keys", standard=standard))
    columns = {
        "standard": lambda k: k["standard"],
        "key": lambda k: k["key"],
        "label": lambda k: k["label"],
        "from": lambda k: " ".join(k["ips"]) or "anywhere",
        "made": lambda k: moment(k["created_at"]),
        "ended": lambda k: moment(k["revoked_at"] or k["expires_at"]),
        "id": lambda k: k["id"],
    }
    listing(rows, as_json, columns)


@command(app, "rotate", "heyi supply rotate spk_01… --overlap-s 86400")
def rotate(
    key_id: Key,
    overlap_s: Annotated[int | None, typer.Option(help="The old key ends after so many seconds.")] = None,
    as_json: Json = False,
) -> None:
    """A second key beside this one; HEYI_APP_SECRET, when set, is 闲管家's new secret. 轮换密钥"""
    asked = {"overlap_s": overlap_s, "app_secret": os.environ.get(APP_SECRET)}
    with Client.operator() as api:
        _say(api.post(f"/supply_keys/{key_id}/rotate", asked), as_json)


@command(app, "revoke", "heyi supply revoke spk_01…")
def revoke(key_id: Key, as_json: Json = False) -> None:
    """End a supply key now. 吊销密钥"""
    with Client.operator() as api:
        api.post(f"/supply_keys/{key_id}/revoke")
    if as_json:
        say_json({"id": key_id, "state": "revoked"})
    else:
        out.print(f"{key_id} is revoked")


@command(app, "goods", "heyi supply goods linli-shop --standard goofish")
def goods(
    channel: Channel,
    standard: Standard,
    search: Annotated[str | None, typer.Option(help="Anywhere in code and title.")] = None,
    as_json: Json = False,
) -> None:
    """What a channel may sell by a standard, and why the rest cannot be said in it. 可供商品"""
    with Client.operator() as api:
        found = find(api, channel, "channels", "chn_")
        rows = list(api.every(f"/channels/{found['id']}/supply_goods", standard=standard, search=search))
    columns = {
        "bundle": lambda g: g["code"],
        "title": lambda g: g["title"],
        "price>": lambda g: money(g["price"]),
        "sold as": lambda g: g["kind"] or "—",
        "number>": lambda g: g["number"],
        "stock>": lambda g: "any" if g["stock"] is None else g["stock"],
        "why not": lambda g: "" if g["reason"] is None else g["reason"]["en"],
    }
    listing(rows, as_json, columns)


def _say(made: Any, as_json: bool) -> None:
    if as_json:
        say_json(made)
        return
    out.print(f"key      {made['key']}\nsecret   {made['secret']}\naddress  {made['address']}\nid       {made['id']}")
