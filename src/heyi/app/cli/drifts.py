"""`heyi drift …`: where partners and we differ about rights, and a person's word about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, out, say_json, say_settled, table
from heyi.app.cli.sources import partner_id

app = make_app("Drifts 状态差异: where partners and we differ about rights: list, show, count, settle.")
Drift = Annotated[str, typer.Argument(help="A drift (drf_…).")]
Partner = Annotated[str | None, typer.Option(help="Only this partner's: its code or id (prt_…).")]


@command(app, "list", "heyi drift list", "heyi drift list --state repaired --partner galaxy")
def list_(
    state: Annotated[str | None, typer.Option(help="open, repaired, accepted, or all.")] = "open",
    class_: Annotated[str | None, typer.Option("--class", help="we_active_they_ended, they_used_more, …")] = None,
    partner: Partner = None,
    entitlement: Annotated[str | None, typer.Option(help="Only this right's (ent_…).")] = None,
    search: Annotated[str | None, typer.Option(help="In the partner's number or the benefit.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """Drifts, newest first; without --state only those that wait for somebody. 差异列表"""
    with Client.operator() as api:
        asked: dict[str, object] = {"class": class_, "state": None if state == "all" else state}
        found = api.get(
            "/drifts", **asked, partner=_partner(api, partner), entitlement=entitlement, search=search, limit=limit
        )["data"]
    columns = {
        "drift": lambda d: d["id"],
        "class": lambda d: d["class"],
        "what": lambda d: f"{d['benefit']} {d['entitlement']}" if d["entitlement"] else d["reference"],
        "ours": lambda d: d["ours"],
        "theirs": lambda d: d["theirs"],
        "state": lambda d: " ".join(filter(None, (d["state"], d["how"]))),
        "found": lambda d: moment(d["found_at"]),
    }
    listing(found, as_json, columns)


@command(app, "count", "heyi drift count", "heyi drift count --partner galaxy --json")
def count(partner: Partner = None, as_json: Json = False) -> None:
    """How many drifts of each class are open, repaired and accepted. 差异统计"""
    with Client.operator() as api:
        found = api.get("/drift_counts", partner=_partner(api, partner))["data"]
        names = {one["id"]: one["code"] for one in api.every("/partners")}
    if as_json:
        say_json(found)
        return
    rows = [[names.get(one["partner"], one["partner"]), one["class"], one["state"], one["count"]] for one in found]
    table(["partner", "class", "state", "count>"], rows, nothing="no drifts")


@command(app, "show", "heyi drift show drf_01k…")
def show(drift: Drift, as_json: Json = False) -> None:
    """One drift, and what the partner reported of that right. 差异详情"""
    with Client.operator() as api:
        found = api.get(f"/drifts/{drift}")
        about = {"entitlement": found["entitlement"]} if found["entitlement"] else {"search": found["reference"]}
        reports = api.get("/usage_reports", partner=found["partner"], **about, limit=20)["data"]
    if as_json:
        say_json({**found, "reports": reports})
        return
    _say(found)
    rows = [
        [moment(one["received_at"]), one["kind"], moment(one["at"]), one["verdict"], one["code"]] for one in reports
    ]
    table(["received", "said", "of", "verdict", "code"], rows, nothing="nothing was reported")


@command(
    app, "settle",
    "heyi drift settle drf_01k… follow --note 'refunded by hand'",
    "heyi drift settle drf_01k… keep --note 'their mistake, told them'",
    "heyi drift settle drf_01k… follow --entitlement ent_01k…",
)  # fmt: skip
def settle(
    drift: Drift,
    decision: Annotated[Literal["follow", "keep", "note"], typer.Argument(help="Follow them, keep ours, or a note.")],
    note: Annotated[str, typer.Option(help="Why, for whoever looks later.")] = "",
    entitlement: Annotated[str | None, typer.Option(help="The right that an unknown number means (ent_…).")] = None,
    as_json: Json = False,
) -> None:
    """Decide what a rule may not: our right follows the partner, or stays as it is. 处理差异"""
    body = {"decision": decision, "note": note, "entitlement": entitlement}
    with Client.operator() as api:
        found = api.post(f"/drifts/{drift}/settle", body)
    if as_json:
        say_json(found)
    else:
        _say(found)


@command(
    app, "settle-all",
    "heyi drift settle-all keep --partner galaxy --class we_ended_they_active",
    "heyi drift settle-all keep --partner galaxy --until drf_01k… --note 'told them'",
)  # fmt: skip
def settle_all(
    decision: Annotated[Literal["follow", "keep"], typer.Argument(help="Follow them, or keep ours.")],
    partner: Partner = None,
    class_: Annotated[str | None, typer.Option("--class", help="we_active_they_ended, they_used_more, …")] = None,
    search: Annotated[str | None, typer.Option(help="In the partner's number or the benefit.")] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Do it, up to this drift (drf_…) and no newer; without it, they are only counted."),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever looks later.")] = "",
    as_json: Json = False,
) -> None:
    """Decide about all open drifts that are found, up to the newest that was counted. 批量处理差异"""
    with Client.operator() as api:
        found = api.post(
            "/drifts/settle",
            {"decision": decision, "partner": _partner(api, partner), "class": class_, "search": search, "note": note,
             "dry_run": until is None, "until": until},
        )  # fmt: skip
    say_settled(found, done=until is not None, seen="heyi drift list", as_json=as_json)


def _say(found: Any) -> None:
    out.print(f"[bold]{found['id']}[/bold]  {found['class']}  {found['state']}  {found['how'] or ''}")
    out.print(f"{escape(found['benefit'])} {found['entitlement'] or ''} {escape(found['reference'])}".strip())
    out.print(f"ours   {escape(found['ours'])}\ntheirs {escape(found['theirs'])}")
    out.print(f"found {moment(found['found_at'])} ({found['origin']}), seen {moment(found['seen_at'])}")
    if found["settled_at"]:
        out.print(f"settled {moment(found['settled_at'])} by {found['by']}")
    if found["note"]:
        out.print(escape(found["note"]))


def _partner(api: Client, named: str | None) -> str | None:
    return None if named is None else partner_id(api, named)
