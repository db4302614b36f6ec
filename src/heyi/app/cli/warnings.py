"""`heyi warning …`: what to look at, who looks after it, and when to warn."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, chinese, command, listing, make_app, moment, out, say_json
from heyi.app.process import Trouble

app = make_app("Warnings 预警: list, ack, snooze, when to warn, what was mailed.")
Warned = Annotated[str, typer.Argument(help="A warning (wrn_…).")]
State = Literal["open", "snoozed", "cleared", "all"]
SETTINGS = {
    "balance_minor": "fen: less than that is left at a supplier",
    "hours": "hours: it will not last longer at the usual rate",
    "hours_critical": "hours: the same at the last hour's rate, and it is critical",
    "difference_minor": "fen: the books and the supplier may differ by that much",
    "difference_polls": "looks in a row at which they differ by more",
    "keys": "keys: fewer than that are left of a benefit",
    "days": "days: they will not last longer",
    "expiring_days": "days: keys that nobody will have bought expire within them",
}
UNITS = {"m": 1, "h": 60, "d": 1440}


@command(app, "list", "heyi warning list", "heyi warning list --level critical --search kasushou")
def list_(
    state: Annotated[
        Literal["open", "snoozed", "cleared", "all"], typer.Option(help="open: and not snoozed.")
    ] = "open",
    kind: Annotated[str | None, typer.Option(help="supplier_balance_low, stock_forecast, breaker_open, …")] = None,
    level: Annotated[Literal["warning", "critical"] | None, typer.Option(help="Only those.")] = None,
    about: Annotated[str | None, typer.Option(help="Only about this: sup_…, ben_….")] = None,
    search: Annotated[str | None, typer.Option(help="Anywhere in the text.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """What operators should look at, newest first. 预警列表"""
    with Client.operator() as api:
        found = api.get(
            "/warnings", state=state, kind=kind, level=level, about=about, search=search, limit=limit
        )["data"]  # fmt: skip
    columns = {
        "id": lambda w: w["id"],
        "level": lambda w: w["level"],
        "since": lambda w: moment(w["since"]),
        "what": lambda w: w["zh"] if chinese() else w["en"],
        "state": _state,
    }
    listing(found, as_json, columns)


@command(app, "ack", "heyi warning ack wrn_01k…")
def ack(warning: Warned, as_json: Json = False) -> None:
    """Say that you look after it; it is mailed no more. 认领"""
    with Client.operator() as api:
        _say(api.post(f"/warnings/{warning}/acknowledge"), as_json)


@command(app, "snooze", "heyi warning snooze wrn_01k… --for 4h")
def snooze(
    warning: Warned,
    length: Annotated[str, typer.Option("--for", help="30m, 4h, 2d.")] = "4h",
    as_json: Json = False,
) -> None:
    """Be quiet about it for a while, also when it goes and comes back. 静默"""
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", length)
    if found is None:
        raise Trouble(f"--for {length} is no length of time", "write 30m, 4h or 2d")
    minutes = int(found[1]) * UNITS[found[2]]
    with Client.operator() as api:
        _say(api.post(f"/warnings/{warning}/snooze", {"minutes": minutes}), as_json)


@command(
    app, "when",
    "heyi warning when alliance", "heyi warning when kasushou --set balance_minor=500000 --set hours=48",
    "heyi warning when takeaway-15 --set days=7 --set keys=none",
)  # fmt: skip
def when(
    about: Annotated[str, typer.Argument(help="A supplier's or a benefit's code or id, or alliance.")],
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="name=number, or name=none for what holds otherwise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """When to warn of it; set what should be otherwise. 预警阈值"""
    with Client.operator() as api:
        path = f"/warning_thresholds/{_subject(api, about)}"
        found = api.patch(path, dict(map(_pair, setting))) if setting else api.get(path)
    if as_json:
        say_json(found)
        return
    for name, value in found.items():
        if name not in ("about", "own"):
            own = "   set for it" if name in found["own"] else ""
            out.print(f"{name:<18} {value:>9}  [dim]{SETTINGS.get(name, '')}[/dim]{own}")


@command(app, "mails", "heyi warning mails", "heyi warning mails --search wrn_01k…")
def mails(
    search: Annotated[str | None, typer.Option(help="Anywhere in subject, text and recipients.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: Json = False,
) -> None:
    """The digests that were mailed, newest first. 预警邮件"""
    with Client.operator() as api:
        found = api.get("/warning_mails", search=search, limit=limit)["data"]
    columns = {
        "at": lambda m: moment(m["at"]),
        "state": lambda m: m["state"],
        "tries>": lambda m: m["attempts"],
        "to": lambda m: ", ".join(m["recipients"]),
        "subject": lambda m: m["subject"],
        "problem": lambda m: m["error"] or "",
    }
    listing(found, as_json, columns)


def _subject(api: Client, about: str) -> str:
    """The id of the supplier or benefit with this code; ids and `alliance` are what they are. Raises Trouble."""
    if about == "alliance" or about.startswith(("sup_", "ben_")):
        return about
    for kind in ("suppliers", "benefits"):
        for one in api.every(f"/{kind}", search=about):
            if one["code"] == about:
                return str(one["id"])
    raise Trouble(f"there is no supplier or benefit {about}", "see suppliers with: heyi supplier list")


def _pair(text: str) -> tuple[str, int | None]:
    name, _, value = text.partition("=")
    if value == "none":
        return name, None
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise Trouble(f"--set {text} cannot be read", "write name=number, or name=none")
    return name, int(value)


def _state(one: Any) -> str:
    if one["cleared_at"]:
        return f"over since {moment(one['cleared_at'])}"
    if one["snoozed_until"]:
        return f"quiet until {moment(one['snoozed_until'])}"
    return f"looked after by {one['acknowledged_by']}" if one["acknowledged_by"] else "open"


def _say(one: Any, as_json: bool) -> None:
    if as_json:
        say_json(one)
    else:
        out.print(f"{escape(one['zh'] if chinese() else one['en'])}\n[dim]{one['id']}[/dim]  {escape(_state(one))}")
