"""Loads the demo's alliance as an operator would: a file applied through the API, keys imported, webhooks registered.

Every step looks first whether it is done, so that starting again takes seconds and changes nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from heyi.app.cli import apply as applying
from heyi.app.cli import home
from heyi.app.cli.bundles import find
from heyi.app.cli.client import ApiRefused, Client
from heyi.app.cli.sending import Sending
from heyi.app.demo import make_keys, watching
from heyi.app.demo.world import World

ALLIANCE = Path(__file__).with_name("alliance.yaml")
KEPT = "demo/kept.json"
CHANNEL, PARTNER, RECEIVER = "xiaoman-app", "manman-coffee", "demo"
MONTHLY_BUYER, MONTHLY_NO = "u-monthly", "demo-monthly-1"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Kept:
    """What is shown only once, kept (0600) in .heyi for the demo's own use."""

    channel_key: str = field(default="", repr=False)
    partner_key: str = field(default="", repr=False)
    endpoint: str = ""


def load(api: Client, world: World, say: Say) -> Kept:
    """Bring the alliance up to what the demo needs."""
    done = applying.Applying(api, lambda _: None).apply(applying.read(ALLIANCE, {"SIMULATOR": world.url}))
    say(f"alliance   {len(done.made)} made, {len(done.changed)} changed, {len(done.kept)} as they were")
    _callbacks(api, world)
    _card_keys(api, say)
    kept = _keys(api)
    with Client(api.url, kept.channel_key) as channel:
        kept = _webhooks(channel, world, kept)
        _monthly(channel)
    _keep(kept)
    say(f"webhooks   registered by {CHANNEL}, received at {world.url}/control")
    return kept


def _callbacks(api: Client, world: World) -> None:
    """福禄 calls back to an address that is agreed beforehand; 卡速售 is told with every order."""
    for supplier in api.every("/suppliers"):
        if supplier["dialect"] == "fulu":
            world.configure(supplier["code"], callback_url=supplier["callback_url"])


def _card_keys(api: Client, say: Say) -> None:
    there = {batch["code"]: batch for batch in api.every("/key_batches")}
    folder = home.folder() / "demo"
    wanted = [one for one in make_keys.FILES if there.get(one.batch, {}).get("total", 0) < one.rows]
    if not wanted:
        say(f"card keys  {sum(one.rows for one in make_keys.FILES):,} in the vault")
        return
    make_keys.make(folder, lambda line: say(f"card keys  made {line}"))
    for one in wanted:
        done = _import(api, one, folder / one.name)
        say(f"card keys  {one.name}: {done['rows_added']:,} into the vault, {done['rows_repeated']:,} there already")


def _import(api: Client, one: make_keys.KeyFile, file: Path) -> dict[str, Any]:
    """As `heyi keys import` does it: announce the file, then send it; a file that broke off is sent again."""
    announced = {
        "benefit": one.benefit,
        "batch": one.batch,
        "cost": applying.price(f"{one.cost} CNY"),
        "format": file.suffix[1:],
    }
    work = api.post("/key_imports", announced)
    done: dict[str, Any] = Sending(api, str(work["id"]), file, quiet=True).send()
    return done


def _keys(api: Client) -> Kept:
    """Keys that still open something; lost ones are replaced."""
    kept = Kept(**home.read_json(KEPT))
    if not _opens(api.url, kept.channel_key, "/v1/balance"):
        kept = replace(kept, channel_key=_new_key(api, "channels", CHANNEL))
    if not _opens(api.url, kept.partner_key, "/v1/redemptions"):
        kept = replace(kept, partner_key=_new_key(api, "partners", PARTNER))
    _keep(kept)
    return kept


def _opens(url: str, key: str, path: str) -> bool:
    if not key:
        return False
    try:
        with Client(url, key) as client:
            client.get(path)
    except ApiRefused as refused:
        if refused.status in (401, 403):
            return False
        raise
    return True


def _new_key(api: Client, kind: str, code: str) -> str:
    holder = find(api, code, kind, {"channels": "chn_", "partners": "prt_"}[kind])
    made = api.post(f"/{kind}/{holder['id']}/access_keys", {"label": f"demo {secrets.token_hex(2)}"})
    return str(made["key"])


def _webhooks(channel: Client, world: World, kept: Kept) -> Kept:
    """The channel's endpoint is the simulator's receiver; its secret is known to both or made anew."""
    url = f"{world.url}/receiver/{RECEIVER}"
    there: dict[str, Any] = {one["id"]: one for one in channel.get("/v1/webhook_endpoints", limit=200)["data"]}
    endpoint = there.get(kept.endpoint)
    if endpoint is None:
        made = channel.post(
            "/v1/webhook_endpoints", {"url": url, "events": ["*"], "description": "the demo's receiver"}
        )
        world.receive(RECEIVER, made["secret"])
        return replace(kept, endpoint=made["id"])
    if endpoint["url"] != url or endpoint["state"] != "active":
        channel.patch(f"/v1/webhook_endpoints/{endpoint['id']}", {"url": url, "state": "active"})
    if not world.received(RECEIVER)["secret_set"]:
        world.receive(RECEIVER, channel.post(f"/v1/webhook_endpoints/{endpoint['id']}/rotate")["secret"])
    return kept


def _monthly(channel: Client) -> None:
    """One order whose parts come monthly, so that `heyi demo forward 1mo` has something to show."""
    watching.sell(channel, "monthly-joy", buyer=MONTHLY_BUYER, no=MONTHLY_NO, accounts={"phone": watching.PHONE})


def _keep(kept: Kept) -> None:
    home.write_secret(KEPT, json.dumps(asdict(kept)))
