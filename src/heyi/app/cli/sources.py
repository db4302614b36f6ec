"""`heyi source …`: where partners' words about rights come from, and how they are followed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, out, say_json
from heyi.app.process import Trouble

app = make_app("Status sources 状态源: where partners' words about rights come from, and how they are followed.")
Partner = Annotated[str, typer.Argument(help="A partner's code or id (prt_…).")]
Follow = Literal["follow", "list", "careful"]


@command(app, "list", "heyi source list")
def list_(as_json: Json = False) -> None:
    """All status sources, newest first. 状态源列表"""
    with Client.operator() as api:
        found = list(api.every("/status_sources"))
        names = {one["id"]: one["code"] for one in api.every("/partners")}
    columns = {
        "partner": lambda s: names.get(s["partner"], s["partner"]),
        "protocol": lambda s: s["protocol"],
        "state": lambda s: "busy" if s["busy"] else s["state"],
        "every>": lambda s: f"{s['interval_s']} s",
        "fresh>": lambda s: f"{s['fresh_s']} s",
        "read to the end": lambda s: moment(s["drained_at"]),
        "rights>": lambda s: s["rights"],
        "problem": lambda s: s["problem"],
    }
    listing(found, as_json, columns)


@command(
    app, "add",
    "heyi source add galaxy push --fresh 86400",
    "heyi source add galaxy partner_rights --url https://partner.example/rights-api --key …",
)  # fmt: skip
def add(
    partner: Partner,
    protocol: Annotated[str, typer.Argument(help="push, or a protocol that is polled: partner_rights.")],
    url: Annotated[
        str | None, typer.Option(help="The address under which their protocol stands (…/rights is added).")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Our key there.")] = None,
    interval: Annotated[int, typer.Option(help="Seconds between two polls.")] = 300,
    fresh: Annotated[int, typer.Option(help="Seconds after which the partner's word is stale.")] = 86_400,
    as_json: Json = False,
) -> None:
    """Say where a partner's word comes from. 新增状态源"""
    with Client.operator() as api:
        body = {"partner": partner_id(api, partner), "protocol": protocol, "base_url": url,
                "key": key, "interval_s": interval, "fresh_s": fresh}  # fmt: skip
        _say(api.post("/status_sources", body), as_json)


@command(app, "switch", "heyi source switch galaxy off")
def switch(
    partner: Partner, state: Annotated[Literal["on", "off"], typer.Argument()], as_json: Json = False
) -> None:  # fmt: skip
    """Switch a source on or off; what is off promises nothing. 启停状态源"""
    with Client.operator() as api:
        _say(api.patch(f"/status_sources/{_source(api, partner)['id']}", {"state": state}), as_json)


@command(app, "edit", "heyi source edit galaxy --interval 600 --fresh 86400", "heyi source edit galaxy --key …")
def edit(
    partner: Partner,
    url: Annotated[str | None, typer.Option(help="The address under which their protocol stands.")] = None,
    key: Annotated[str | None, typer.Option(help="Our key there.")] = None,
    interval: Annotated[int | None, typer.Option(help="Seconds between two polls.")] = None,
    fresh: Annotated[int | None, typer.Option(help="Seconds after which the partner's word is stale.")] = None,
    as_json: Json = False,
) -> None:
    """Change a source; what is left out stays. 修改状态源"""
    given = {"base_url": url, "key": key, "interval_s": interval, "fresh_s": fresh}
    with Client.operator() as api:
        body = {name: value for name, value in given.items() if value is not None}
        _say(api.patch(f"/status_sources/{_source(api, partner)['id']}", body), as_json)


@command(app, "reports", "heyi source reports --partner galaxy --verdict refused", "heyi source reports --search E17")
def reports(
    partner: Annotated[str | None, typer.Option(help="Only this partner's: its code or id (prt_…).")] = None,
    entitlement: Annotated[str | None, typer.Option(help="Only about this right (ent_…).")] = None,
    verdict: Annotated[Literal["taken", "late", "refused"] | None, typer.Option(help="What became of them.")] = None,
    search: Annotated[str | None, typer.Option(help="An event's number, or their name of a right.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """What partners reported, as it came, newest first. 状态上报"""
    with Client.operator() as api:
        id = None if partner is None else partner_id(api, partner)
        found = api.get(
            "/usage_reports", partner=id, entitlement=entitlement, verdict=verdict, search=search, limit=limit
        )["data"]
    columns = {
        "received": lambda r: moment(r["received_at"]),
        "event": lambda r: r["event_id"],
        "right": lambda r: r["entitlement"] or r["reference"],
        "said": lambda r: r["kind"],
        "of": lambda r: moment(r["at"]),
        "came": lambda r: r["origin"],
        "verdict": lambda r: " ".join(filter(None, (r["verdict"], r["code"]))),
    }
    listing(found, as_json, columns)


@command(app, "poll", "heyi source poll galaxy", "heyi source poll galaxy --from-start")
def poll(
    partner: Partner,
    from_start: Annotated[bool, typer.Option("--from-start", help="Their whole list once more.")] = False,
    as_json: Json = False,
) -> None:
    """Read a partner's list now; `heyi source list` shows how far it is. 立即轮询"""
    with Client.operator() as api:
        _say(api.post(f"/status_sources/{_source(api, partner)['id']}/poll", {"from_start": from_start}), as_json)


@command(app, "sync", "heyi source sync ent_01k…")
def sync(
    entitlement: Annotated[str, typer.Argument(help="A right (ent_…).")], as_json: Json = False
) -> None:  # fmt: skip
    """Ask the partner about one right now. 立即同步一项权益"""
    with Client.operator() as api:
        found = api.post(f"/entitlements/{entitlement}/sync")
    if as_json:
        say_json(found)
        return
    provider = found["provider"]
    out.print(
        f"ours {found['state']}, theirs {provider['state'] or 'not heard yet'}, heard {moment(provider['heard_at'])}"
    )


@command(app, "policy", "heyi source policy galaxy", "heyi source policy galaxy --benefit lounge --cancelled follow")
def policy(
    partner: Partner,
    benefit: Annotated[str | None, typer.Option(help="Only this benefit's (its code).")] = None,
    activated: Annotated[Follow | None, typer.Option()] = None,
    used: Annotated[Follow | None, typer.Option()] = None,
    expired: Annotated[Follow | None, typer.Option()] = None,
    cancelled: Annotated[Follow | None, typer.Option()] = None,
    as_json: Json = False,
) -> None:
    """How a partner's reports are followed: always, by a person (list), or unless money is in it (careful). 跟随策略"""
    said = {"activated": activated, "used": used, "expired": expired, "cancelled": cancelled}
    with Client.operator() as api:
        id = partner_id(api, partner)
        there = list(api.every("/usage_policies", partner=id))
        if any(said.values()):
            before = [one for one in there if one["benefit"] == benefit]
            body: dict[str, object] = {"partner": id, "benefit": benefit}
            for name, word in said.items():
                body[name] = word or (before[0][name] if before else "careful")
            there = [api.put("/usage_policies", body)]
    columns = {
        "benefit": lambda p: p["benefit"] or "all",
        "activated": lambda p: p["activated"],
        "used": lambda p: p["used"],
        "expired": lambda p: p["expired"],
        "cancelled": lambda p: p["cancelled"],
    }
    listing(there, as_json, columns)


def partner_id(api: Client, named: str) -> str:
    """The partner of this code or id. Raises Trouble."""
    partners = {} if named.startswith("prt_") else {one["code"]: one["id"] for one in api.every("/partners")}
    if partners and named not in partners:
        raise Trouble(f"there is no partner {named}", f"there are: {', '.join(sorted(partners))}")
    return str(partners.get(named, named))


def _source(api: Client, partner: str) -> Any:
    found = api.get("/status_sources", partner=partner_id(api, partner))["data"]
    if not found:
        raise Trouble(f"{partner} has no status source", "add one with: heyi source add PARTNER PROTOCOL")
    return found[0]


def _say(found: Any, as_json: bool) -> None:
    if as_json:
        say_json(found)
        return
    out.print(f"[bold]{found['id']}[/bold]  {found['protocol']}  {'busy' if found['busy'] else found['state']}")
    out.print(f"due {moment(found['due_at'])}  read to the end {moment(found['drained_at'])}")
    out.print(f"{found['pages']} pages, {found['rights']} rights read, {found['compared']} asked about")
    if found["problem"]:
        out.print(f"problem {escape(found['problem'])}")
