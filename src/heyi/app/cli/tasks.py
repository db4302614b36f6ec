"""`heyi task …`: what is being delivered, what is stuck, and a person's decisions about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, chinese, command, listing, make_app, moment, money, out, say_json
from heyi.app.process import Trouble

app = make_app("Tasks 履约任务: what is being delivered, what is stuck, retry, query, resolve.")
Task = Annotated[str, typer.Argument(help="A task (tsk_…), its item (itm_…), or a number at a supplier.")]
STUCK_AFTER = timedelta(minutes=10)


@command(
    app, "list", "heyi task list --stuck", "heyi task list --state waiting_for_person", "heyi task list --order ord_…"
)
def list_(
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Open for more than ten minutes, or waiting for a person.")
    ] = False,
    state: Annotated[str | None, typer.Option(help="scheduled, sending, asking, waiting_for_person, …")] = None,
    order: Annotated[str | None, typer.Option(help="Only this order's (ord_…).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """Tasks, newest first; a scheduled one whose time has not come is not stuck. 任务列表"""
    with Client.operator() as api:
        found = _stuck(api, limit) if stuck else api.get("/tasks", state=state, order=order, limit=limit)["data"]
    columns = {
        "task": lambda t: t["id"],
        "what": lambda t: f"{t['title']} ({t['kind']})",
        "supplier": lambda t: t["supplier"] or "own hands",
        "state": lambda t: t["state"],
        "due": lambda t: moment(t["due_at"]),
        "tries>": lambda t: t["attempts"],
        "problem": lambda t: t["problem"],
    }
    listing(found, as_json, columns)


@command(app, "show", "heyi task show tsk_01k…", "heyi task show itm_01k… --json")
def show(task: Task, as_json: Json = False) -> None:
    """One task with every attempt and every call to the supplier; secrets are masked. 任务详情"""
    with Client.operator() as api:
        found = api.get(f"/tasks/{_id(api, task)}")
    _say(found, as_json)


@command(app, "retry", "heyi task retry tsk_01k…")
def retry(task: Task, as_json: Json = False) -> None:
    """Do its next step now instead of when it is due. Never buys twice. 立即重试"""
    with Client.operator() as api:
        found = api.post(f"/tasks/{_id(api, task)}/retry")
    _say(found, as_json)


@command(app, "query", "heyi task query tsk_01k…")
def query(task: Task, as_json: Json = False) -> None:
    """Ask its supplier now what became of it. 查询供货商"""
    with Client.operator() as api:
        found = api.post(f"/tasks/{_id(api, task)}/query")
    _say(found, as_json)


@command(
    app, "resolve",
    "heyi task resolve tsk_01k… delivered --proof 'SF Express 123456'",
    "heyi task resolve tsk_01k… try_again --proof 'their support says it never arrived'",
    "heyi task resolve tsk_01k… try_again --offer ofr_01k…",
    "heyi task resolve tsk_01k… failed --note 'out of production'",
)  # fmt: skip
def resolve(
    task: Task,
    outcome: Annotated[Literal["delivered", "try_again", "failed"], typer.Argument(help="What a person found out.")],
    proof: Annotated[str, typer.Option(help="How it is known: a parcel number, a screenshot's place, a name.")] = "",
    note: Annotated[str, typer.Option(help="A remark.")] = "",
    offer: Annotated[
        str | None, typer.Option(help="Where try_again buys (ofr_…); what routing prefers unless named.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide what a machine cannot: delivered, try again, or failed. Goods and services end this way too. 人工处理"""
    with Client.operator() as api:
        body = {"outcome": outcome, "proof": proof, "note": note, "offer": offer}
        found = api.post(f"/tasks/{_id(api, task)}/resolve", body)
    _say(found, as_json)


@command(app, "differences", "heyi task differences", "heyi task differences --state all --number 01k742sg00-1")
def differences(
    state: Annotated[Literal["open", "settled", "all"], typer.Option(help="Whether somebody dealt with it.")] = "open",
    order: Annotated[str | None, typer.Option(help="Only this order's (ord_…).")] = None,
    number: Annotated[str | None, typer.Option(help="A number at a supplier, ours or theirs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: Json = False,
) -> None:
    """What suppliers delivered after the item had ended otherwise, newest first. 履约差异"""
    with Client.operator() as api:
        found = api.get("/task_differences", state=state, order=order, number=number, limit=limit)["data"]
    columns = {
        "attempt": lambda a: a["id"],
        "supplier": lambda a: a["supplier"],
        "ours": lambda a: a["outer_number"],
        "theirs": lambda a: a["supplier_number"] or "",
        "cost>": lambda a: money(a["cost"]),
        "delivered": lambda a: moment(a["ended_at"]),
        "settled": lambda a: f"{a['settled_by']}: {a['settled_note']}" if a["settled_by"] else "",
    }
    listing(found, as_json, columns)


@command(app, "settle", "heyi task settle att_01k… --note 'they credited 15.00 on the 3rd'")
def settle(
    attempt: Annotated[str, typer.Argument(help="The attempt that differs (att_…), as in `heyi task differences`.")],
    note: Annotated[str, typer.Option(help="What was done about it.")],
    as_json: Json = False,
) -> None:
    """Write down that a difference has been dealt with. 处理差异"""
    with Client.operator() as api:
        found = api.post(f"/task_differences/{attempt}/settle", {"note": note})
    if as_json:
        say_json(found)
    else:
        out.print(f"settled: {found['outer_number']} at {found['supplier']}")


def _stuck(api: Client, limit: int) -> list[Mapping[str, Any]]:
    """Waiting for a person, or due and still open after a while."""
    now = api.now()
    waiting = api.get("/tasks", state="waiting_for_person", limit=limit)["data"]
    open_long = api.get("/tasks", stuck_since=(now - STUCK_AFTER).isoformat(), limit=limit)["data"]
    late = [one for one in open_long if one["state"] in ("sending", "asking") or _late(one, now)]
    return [*waiting, *(one for one in late if one["state"] != "waiting_for_person")][:limit]


def _late(one: Mapping[str, Any], now: datetime) -> bool:
    due = one["due_at"] and datetime.fromisoformat(one["due_at"])
    return one["state"] == "scheduled" and bool(due) and due < now - STUCK_AFTER


def _id(api: Client, named: str) -> str:
    if named.startswith("tsk_"):
        return named
    found = api.get("/tasks", search=named, limit=2)["data"]
    if not found:
        raise Trouble(f"there is no task for {named}", "see them with: heyi task list, or heyi order show ORDER")
    return str(found[0]["id"])


def _say(task: Any, as_json: bool) -> None:
    if as_json:
        say_json(task)
        return
    out.print(f"[bold]{task['id']}[/bold]  {escape(task['title'])} ({task['kind']})")
    out.print(f"state {task['state']}  due {moment(task['due_at'])}  order {task['order']}  item {task['item']}")
    if task["problem"]:
        out.print(f"problem {escape(task['problem'])}")
    if task["accounts"] or task["ship_to"]:
        given = {**task["accounts"], **(task["ship_to"] or {})}
        out.print("for " + escape(", ".join(f"{name} {value}" for name, value in given.items())))
    if task["resolution"]:
        said = task["resolution"]
        grounds = ", ".join(filter(None, (said["proof"], said["note"])))
        out.print(f"resolved {said['outcome']} {moment(said['at'])} by {said['by']}  {escape(grounds)}")
    for attempt in task["tried"]:
        _say_attempt(attempt)
    for one in task["callbacks"]:
        out.print(f"[dim]called by {one['supplier']} {moment(one['at'])}: {one['verdict']}  {one['id']}[/dim]")
    for one in task["history"]:
        out.print(f"[dim]{moment(one['at'])}  {escape(one['text'] if chinese() else one['text_en'])}[/dim]")
    if task["choices"] and not task["ended_at"]:
        told = [one["what"] + (" (with proof)" if one["proof"] else "") for one in task["choices"]]
        where = f"; try_again buys at {task['next_offer']}" if task["next_offer"] else ""
        out.print(f"\nyou may: {', '.join(told)}{where}")


def _say_attempt(attempt: Any) -> None:
    cost = f"  cost {money(attempt['cost'])}" if attempt["cost"] else ""
    out.print(
        f"\nattempt {attempt['number']}  {attempt['state']}  {attempt['supplier']} {attempt['product_no']}"
        f"  ours {attempt['outer_number']}  theirs {attempt['supplier_number'] or '—'}{cost}"
    )
    if attempt["why"]:
        out.print(f"  {escape(attempt['why'])}")
    for call in attempt["calls"]:
        answer = call["error"] or call["status"]
        out.print(f"  [dim]{moment(call['at'])}  {call['verb']:<8} {answer}  {call['duration_ms']} ms[/dim]")
        if call["response"]:
            out.print(f"    [dim]{escape(call['response'][:300])}[/dim]")
