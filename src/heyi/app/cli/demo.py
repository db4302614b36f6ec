"""`heyi demo`: a small alliance that runs here, sells an order before your eyes, and can be made to misbehave."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from heyi.app import admin
from heyi.app.cli import home, stack
from heyi.app.cli.client import Client
from heyi.app.cli.frame import UNDERSTOOD, Json, command, complain, examples, make_app, moment, out, say_json, table
from heyi.app.demo import faults, forward, lines, loading, watching
from heyi.app.demo.world import World
from heyi.app.embedded import Embedded
from heyi.app.process import Trouble
from heyi.app.supervise import Supervisor

app = make_app(None, no_args_is_help=False)
SALE_WITHIN_S, HEALING_WITHIN_S, FORWARD_WITHIN_S = 60.0, 90.0, 120.0
# All that heyi keeps in its folder beside the database. Nothing else is ever deleted: the folder may be anybody's.
OURS = ("demo", "demo.json", "up.json", "operator.key", "master.key", "*.log", "*.log.1", "simulator.sqlite*")


@app.callback(
    invoke_without_command=True,
    epilog=examples("heyi demo", "heyi demo --reset", "heyi demo break", "heyi demo forward 1mo"),
)
def demo(
    context: typer.Context,
    reset: Annotated[bool, typer.Option("--reset", help="Throw the data in .heyi away and start afresh.")] = False,
) -> None:
    """Run the demo until Ctrl-C: an embedded PostgreSQL, a simulated outside world, web and worker. 演示

    It loads an alliance of invented brands through the operator API, sells one order while you watch, and prints
    lines to try by hand. The data stay in .heyi for the next time.
    """
    if context.invoked_subcommand is not None:
        return
    began = time.monotonic()
    try:
        if reset:
            _reset()
        with stack.running(_say, simulator=True, settings={"HEYI_WEBHOOK_PRIVATE": "1"}) as started:
            _present(started, began)
            started.wait()
    except KeyboardInterrupt:
        out.print("\nstopped; the data are kept, `heyi demo` continues with them")
    except UNDERSTOOD as error:
        complain(error)
        raise typer.Exit(1) from error
    finally:
        _forget()


def _present(started: stack.Stack, began: float) -> None:
    """Load, sell, tell where to look; demo.json says that it is ready."""
    if started.operator_key is None or started.simulator_url is None:
        raise Trouble("no operator's key is known for this database", "set HEYI_OPERATOR_KEY")
    with Client(started.url, started.operator_key) as api, World(started.simulator_url) as world:
        kept = loading.load(api, world, _say)
        out.print(f"ready after {time.monotonic() - began:.1f} s\n")
        with Client(started.url, kept.channel_key) as channel:
            order = _sell(channel)
            _webhooks(world, order)
    demo = {
        "url": started.url,
        "channel_key": kept.channel_key,
        "partner_key": kept.partner_key,
        "operator_key": started.operator_key,
        "simulator_url": started.simulator_url,
        "pid": os.getpid(),
    }
    _where(demo, order)
    home.write_secret(home.DEMO, json.dumps(demo, indent=2) + "\n")


def _sell(channel: Client) -> watching.Order:
    out.print("[bold]One order, as it happens[/bold] (joint-annual 五合一联名年卡, paid from the channel's deposit)")
    order = watching.sell(channel, "joint-annual", buyer="u-42", accounts={"phone": watching.PHONE})
    return watching.watch(
        channel, order["id"], out.print, within_s=SALE_WITHIN_S, until=lambda now: now["status"]["fulfilment"] == "done"
    )


def _webhooks(world: World, order: watching.Order) -> None:
    """What the channel was told, once the last word about this order has arrived there."""
    deadline = time.monotonic() + 15
    while True:
        mine = [one for one in world.received(loading.RECEIVER)["deliveries"] if order["id"] in one["body"]]
        if any(one["type"] == "order.fulfilled" for one in mine) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    verified = sum(one["verified"] for one in mine)
    types = ", ".join(dict.fromkeys(one["type"] for one in mine))
    out.print(f"  [dim]webhooks received: {len(mine)}, signatures verified: {verified} ({types})[/dim]\n")


def _where(demo: dict[str, Any], order: watching.Order) -> None:
    steps = lines.Steps(
        demo["url"], demo["channel_key"], demo["partner_key"], order["id"],
        watching.item_of(order, "coffee")["entitlement"],
    )  # fmt: skip
    typed = steps.lines()
    script = home.write_secret("demo/try.sh", "\n".join(["set -eu", *typed]) + "\n")
    out.print("[bold]Where to look[/bold]")
    out.print(f"  API, to read             {demo['url']}/docs   (the document: {demo['url']}/openapi.json)")
    out.print(f"  suppliers, till, faults  {demo['simulator_url']}/control  {demo['simulator_url']}/till")
    out.print(f"  this order's story       heyi order show {order['id']}")
    out.print("  misbehaving suppliers    heyi demo break   (heyi demo break --list)")
    out.print("  monthly parts, expiry    heyi demo forward 1mo")
    out.print("  is all well?             heyi doctor")
    out.print(f"  logs, keys, addresses    {home.folder()}")
    out.print(f"\n[bold]By hand[/bold] (also in {script}; codes can be shown again and again)")
    for line in typed:
        out.print(f"  [cyan]{escape(line)}[/cyan]" if not line.startswith("#") else f"  [dim]{escape(line)}[/dim]")
    out.print("\nCtrl-C stops everything")


@command(app, "break", "heyi demo break", "heyi demo break error-500", "heyi demo break --list")
def break_(
    kind: Annotated[str, typer.Argument(help="How the supplier misbehaves; --list names them.")] = "timeout",
    show: Annotated[bool, typer.Option("--list", help="Name the ways in which it can misbehave.")] = False,
) -> None:
    """Make a supplier misbehave, sell an order, and watch it heal: bought once, delivered once. 故障演示"""
    if show:
        table(
            ["kind", "the supplier", "what there is to see"], [[k, v.about, v.expect] for k, v in faults.KINDS.items()]
        )
        return
    fault = faults.KINDS.get(kind)
    if fault is None:
        raise typer.BadParameter(f"{kind}: one of {', '.join(faults.KINDS)}")
    with _running() as (_, channel, world):
        out.print(f"[yellow]{faults.SUPPLIER} now {fault.about}[/yellow]; to be seen: {fault.expect}")
        world.misbehave(faults.SUPPLIER, [dict(rule) for rule in fault.rules])
        try:
            order = watching.sell(channel, faults.BUNDLE, buyer="u-42", accounts={"phone": watching.PHONE})
            order = watching.watch(
                channel, order["id"], out.print, within_s=HEALING_WITHIN_S,
                until=lambda now: now["status"]["fulfilment"] == "done",
            )  # fmt: skip
        finally:
            world.behave(faults.SUPPLIER)
        item = watching.item_of(order, faults.COMPONENT)
        number = item["id"].partition("_")[2]
        given = {one["name"]: world.delivered(one["name"], number) for one in world.suppliers()}
    elsewhere = sorted(name for name, times in given.items() if times and name != faults.SUPPLIER)
    if elsewhere and not given[faults.SUPPLIER]:
        raise Trouble(
            f"the fault was not met: this order was bought at {', '.join(elsewhere)}, not at {faults.SUPPLIER}",
            f"see why: heyi route show {item['benefit']}",
        )
    times = sum(given.values())
    colour = "green" if times == 1 else "red"
    out.print(
        f"[{colour}]healed: suppliers say that they delivered this item {times} time(s)[/{colour}]; the fault is gone"
    )
    out.print(f"[dim]its story: heyi order show {order['id']}[/dim]")
    if times != 1:
        raise typer.Exit(1)


@command(app, "heal", "heyi demo heal")
def heal() -> None:
    """Take every fault off every supplier. 恢复正常"""
    with _running() as (_, _channel, world):
        for supplier in world.suppliers():
            world.behave(supplier["name"])
            out.print(f"{supplier['name']} behaves")


@command(app, "forward", "heyi demo forward 1mo", "heyi demo forward 3d", "heyi demo forward 2h")
def forward_(step: Annotated[str, typer.Argument(help="1mo, 2w, 3d, 2h or 30min.")]) -> None:
    """Move the alliance's clock, wait until what became due is done, and say what happened. 快进

    It cannot be moved back; `heyi demo --reset` begins again today.
    """
    with _running() as (operator, channel, _):
        before, after = forward.move(_database(), step, ZoneInfo(os.environ.get("HEYI_ZONE", "Asia/Shanghai")))
        out.print(f"it was {before:%Y-%m-%d %H:%M} UTC, it is {after:%Y-%m-%d %H:%M} UTC")
        count = forward.follow(
            operator, channel, before=before, after=after, say=lambda line: out.print(escape(line)),
            within_s=FORWARD_WITHIN_S,
        )  # fmt: skip
    out.print(f"{count} events; everything that was due is done" if count else "nothing was due")


@command(app, "status", "heyi demo status", "heyi demo status --json")
def status(as_json: Json = False) -> None:
    """Where the demo runs, its clock, and what the simulated suppliers have done. 状态"""
    with _running() as (_, _channel, world):
        demo = home.read_json(home.DEMO)
        suppliers = [
            {
                "name": one["name"],
                "faults": [rule["fault"] for rule in one["faults"]],
                "delivered": world.delivered(one["name"], ""),
            }
            for one in world.suppliers()
        ]
        received = world.received(loading.RECEIVER)
        now = admin.alliance_time(_database())
    webhooks = {"received": received["total"], "verified": received["verified"]}
    if as_json:
        where = {name: demo[name] for name in ("url", "simulator_url", "pid")}
        say_json({**where, "alliance_time": now, "suppliers": suppliers, "webhooks": webhooks})
        return
    out.print(f"heyi       {demo['url']}  (process {demo['pid']}, {home.folder()})")
    out.print(f"simulator  {demo['simulator_url']}/control")
    out.print(f"clock      {moment(now.isoformat())} in the alliance")
    out.print(f"webhooks   {webhooks['received']} received, {webhooks['verified']} verified")
    rows = [[one["name"], one["delivered"], ", ".join(one["faults"]) or "none"] for one in suppliers]
    table(["supplier", "delivered>", "faults"], rows)


@contextmanager
def _running() -> Iterator[tuple[Client, Client, World]]:
    """The running demo: its operator, its channel, its outside world. Raises Trouble when there is none."""
    demo = home.read_json(home.DEMO)
    if not demo:
        raise Trouble(f"no demo is running in {home.folder()}", "start it in another terminal: heyi demo")
    with (
        Client(demo["url"], demo["operator_key"]) as operator,
        Client(demo["url"], demo["channel_key"]) as channel,
        World(demo["simulator_url"]) as world,
    ):
        yield operator, channel, world


def _database() -> str:
    return os.environ.get("HEYI_DATABASE_URL") or Embedded(home.folder()).url()


def _reset() -> None:
    """Delete what earlier runs left in .heyi; refused while one of them runs."""
    folder = home.folder()
    if os.environ.get("HEYI_DATABASE_URL"):
        raise Trouble("a database of your own is not thrown away", "unset HEYI_DATABASE_URL, or empty it yourself")
    with Supervisor(folder, say=_say):
        Embedded(folder).destroy()
        for pattern in OURS:
            for path in folder.glob(pattern):
                _delete(path)
    _say(f"reset      {folder}: database, keys and logs are deleted")


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _forget() -> None:
    """demo.json says that the demo runs: it goes when this process goes, and a second `heyi demo` leaves it alone."""
    if home.read_json(home.DEMO).get("pid") == os.getpid():
        home.remove(home.DEMO)


def _say(line: str) -> None:
    out.print(line, markup=False)
