"""`heyi call …` and `heyi callback …`: what was said to suppliers, and what they called us about."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, out, say_json, table

app = make_app("Supplier calls 供货商调用日志: list, show, diff, replay.")
callbacks_app = make_app("Suppliers' callbacks 供货商回调: list, show.")
Order = Annotated[str | None, typer.Option(help="Only this order's (ord_…).")]
Number = Annotated[str | None, typer.Option(help="A number at a supplier, ours or theirs.")]
Supplier = Annotated[str | None, typer.Option(help="An account's code or id (sup_…).")]
Since = Annotated[str | None, typer.Option(help="Not before this time (RFC 3339).")]
Limit = Annotated[int, typer.Option(min=1, max=200)]


def _named(api: Client, supplier: str | None) -> str | None:
    return None if supplier is None else str(find(api, supplier, "suppliers", "sup_")["id"])


@command(
    app, "list", "heyi call list --order ord_…", "heyi call list --supplier kss-main --troubled",
    "heyi call list --number 01k742sg00eq9aqqfvrzv91hqh-1 --json",
)  # fmt: skip
def list_(
    order: Order = None,
    number: Number = None,
    supplier: Supplier = None,
    verb: Annotated[str | None, typer.Option(help="submit, query, recheck, balance, products, …")] = None,
    result: Annotated[Literal["answered", "http_error", "no_answer"] | None, typer.Option(help="How it ended.")] = None,
    status: Annotated[int | None, typer.Option(help="The HTTP status.")] = None,
    verdict: Annotated[str | None, typer.Option(help="delivered, accepted, declined, failed, unknown, …")] = None,
    troubled: Annotated[bool, typer.Option("--troubled", help="Only without a good answer.")] = False,
    since: Since = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Calls to suppliers, newest first. 调用列表"""
    with Client.operator() as api:
        found = api.get(
            "/calls", order=order, number=number, supplier=_named(api, supplier), verb=verb, result=result,
            status=status, verdict=verdict, troubled="true" if troubled else None, since=since, limit=limit,
        )["data"]  # fmt: skip
    columns = {
        "when": lambda c: moment(c["at"]),
        "supplier": lambda c: c["supplier"],
        "verb": lambda c: c["verb"],
        "answer": lambda c: c["error"] or c["status"],
        "meant": lambda c: c["verdict"] or "",
        "ms>": lambda c: c["duration_ms"],
        "ours": lambda c: c["outer_number"] or c["by"] or "",
        "theirs": lambda c: c["supplier_number"] or "",
        "call": lambda c: c["id"],
    }
    listing(found, as_json, columns)


@command(app, "show", "heyi call show cll_…", "heyi call show cll_… --curl")
def show(
    call: Annotated[str, typer.Argument(help="A call (cll_…).")],
    curl: Annotated[bool, typer.Option("--curl", help="Only as a line for a shell, without secrets.")] = False,
    as_json: Json = False,
) -> None:
    """One call with everything that was kept: headers, what was signed, both bodies; masked. 调用详情"""
    with Client.operator() as api:
        found = api.get(f"/calls/{call}")
    if as_json:
        say_json(found)
    elif curl:
        out.print(escape(found["curl"]))
    else:
        _say(found)


@command(app, "diff", "heyi call diff cll_… --from cll_…")
def diff(
    call: Annotated[str, typer.Argument(help="A call (cll_…).")],
    former: Annotated[str, typer.Option("--from", help="The one that it is compared with.")],
    as_json: Json = False,
) -> None:
    """What is different between two calls, place by place. 比较调用"""
    with Client.operator() as api:
        found = api.get(f"/calls/{call}/diff", former=former)
    if as_json:
        say_json(found)
    else:
        table(["place", "before", "after"], [[one["pointer"], one["before"], one["after"]] for one in found],
              nothing="they say the same")  # fmt: skip


@command(
    app, "replay", "heyi call replay cll_… --as query",
    "heyi call replay cll_… --as attempt --proof 'their support says it never arrived'",
)  # fmt: skip
def replay(
    call: Annotated[str, typer.Argument(help="A call (cll_…).")],
    how: Annotated[Literal["query", "attempt"], typer.Option("--as", help="Ask again, or try with a new number.")],
    proof: Annotated[str, typer.Option(help="Where they may have delivered: how it is known that they did not.")] = "",
    note: Annotated[str, typer.Option(help="A remark.")] = "",
    offer: Annotated[str | None, typer.Option(help="Where to buy (ofr_…); what routing prefers unless named.")] = None,
    as_json: Json = False,
) -> None:
    """Make it again: as a query about its number, or as a new attempt. Never buys what may be bought already. 重放"""
    with Client.operator() as api:
        body = {"as": how, "proof": proof, "note": note, "offer": offer}
        found = api.post(f"/calls/{call}/replay", body)
    if as_json:
        say_json(found)
    else:
        out.print(f"task {found['id']}  state {found['state']}  due {moment(found['due_at'])}")


@command(callbacks_app, "list", "heyi callback list --verdict unsigned", "heyi callback list --order ord_…")
def list_callbacks(
    order: Order = None,
    number: Number = None,
    supplier: Supplier = None,
    verdict: Annotated[str | None, typer.Option(help="trusted, repeat, stranger, unsigned, stale, …")] = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """What suppliers called us about, newest first. 回调列表"""
    with Client.operator() as api:
        found = api.get(
            "/callbacks", order=order, number=number, supplier=_named(api, supplier), verdict=verdict, since=since,
            limit=limit,
        )["data"]  # fmt: skip
    columns = {
        "when": lambda c: moment(c["at"]),
        "supplier": lambda c: c["supplier"],
        "verdict": lambda c: c["verdict"],
        "about": lambda c: c["outer_number"] or "",
        "from": lambda c: c["address"],
        "callback": lambda c: c["id"],
    }
    listing(found, as_json, columns)


@command(callbacks_app, "show", "heyi callback show cbk_…")
def show_callback(callback: Annotated[str, typer.Argument(help="A callback (cbk_…).")], as_json: Json = False) -> None:
    """One callback with its body, masked. 回调详情"""
    with Client.operator() as api:
        found = api.get(f"/callbacks/{callback}")
    if as_json:
        say_json(found)
        return
    about = escape(found["outer_number"] or "—")
    out.print(f"{moment(found['at'])}  {found['supplier']}  [bold]{found['verdict']}[/bold]  about {about}")
    out.print(
        f"[dim]{found['method']} from {escape(found['address'] or 'nobody knows where')}, {found['bytes']} bytes[/dim]"
    )
    _say_headers(found["headers"])
    if found["query"]:
        out.print(f"?{escape(found['query'])}")
    out.print(escape(found["body"] if found["body"] is not None else "it cannot be opened with this master key"))


def _say(call: Any) -> None:
    answer = escape(call["error"] or str(call["status"]))
    out.print(f"{moment(call['at'])}  {call['supplier']} ({call['profile']})  [bold]{call['verb']}[/bold]  {answer}  "
              f"{call['duration_ms']} ms  {call['verdict'] or ''}")  # fmt: skip
    if call["task"]:
        out.print(f"[dim]order {call['order']}  task {call['task']}  attempt {call['number']}  "
                  f"ours {call['outer_number']}  theirs {escape(call['supplier_number'] or '—')}[/dim]")  # fmt: skip
    elif call["by"]:
        out.print(f"[dim]asked by {call['by']}[/dim]")
    out.print(f"\n{call['method']} {escape(call['url'])}")
    _say_headers(call["headers"])
    out.print(escape(call["request"]))
    if call["signed"]:
        out.print(f"[dim]signed:[/dim] {escape(call['signed'])}")
    out.print()
    _say_headers(call["answered"])
    out.print(escape(call["response"] or ""))
    for one in call["replays"]:
        out.print(f"[dim]{moment(one['at'])} made again as {one['how']} by {one['by']} {escape(one['note'])}[/dim]")


def _say_headers(headers: Any) -> None:
    for name, value in headers.items():
        out.print(f"[dim]{escape(name)}: {escape(value)}[/dim]")
