"""`heyi profile …`: how suppliers are spoken with, as data: drafted, rehearsed, published, and gone back to."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.markup import escape

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, out, say_json, table
from heyi.app.process import Trouble

app = make_app("Connector profiles 对接档案: list, show, draft, rehearse, publish, back, diff.")
Code = Annotated[str, typer.Argument(help="A dialect's code, as in `heyi profile list`.")]
Why = Annotated[str, typer.Option(help="The reason, for the history.")]
EvenSo = Annotated[bool, typer.Option("--even-so", help="Although accounts then lack a credential.")]
Verb = Literal["submit", "query", "balance", "products", "product", "callback"]


@command(app, "list", "heyi profile list", "heyi profile list --search 卡速售 --json")
def list_(
    search: Annotated[str | None, typer.Option(help="Anywhere in code and title.")] = None, as_json: Json = False
) -> None:
    """All dialects: shipped, stored here, brought by packages. 协议列表"""
    with Client.operator() as api:
        found = list(api.every("/profiles", search=search))
    columns = {
        "code": lambda p: p["code"],
        "title": lambda p: p["title"] + (" (beta)" if p["beta"] else ""),
        "from": lambda p: p["origin"],
        "version>": lambda p: p["version"],
        "newest>": lambda p: p["newest"] or "",
        "accounts>": lambda p: p["accounts"],
    }
    listing(found, as_json, columns)


@command(
    app, "show", "heyi profile show kasushou", "heyi profile show kasushou --version 0 > mine.json",
    "heyi profile show kasushou --history",
)  # fmt: skip
def show(
    code: Code,
    version: Annotated[int | None, typer.Option(min=0, help="The followed one unless named; 0 is the shipped.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Its versions, and which was followed when.")] = False,
    as_json: Json = False,
) -> None:
    """A version's document, ready to be edited and drafted again. 查看档案"""
    with Client.operator() as api:
        if history:
            versions, moves = (
                list(api.every(f"/profiles/{code}/versions")),
                list(api.every(f"/profiles/{code}/history")),
            )
        else:
            found = api.get(f"/profiles/{code}", version=version)
    if history and as_json:
        say_json({"versions": versions, "history": moves})
    elif history:
        rows = [[v["version"], v["state"], moment(v["created_at"]), v["made_by"], v["note"]] for v in versions]
        table(["version>", "state", "made", "by", "note"], rows, nothing="no version was stored")
        out.print()
        told = [[moment(m["at"]), f"{m['before']} → {m['after']}", m["moved_by"], m["why"]] for m in moves]
        table(["when", "followed", "by", "why"], told, nothing="it was never changed")
    else:
        say_json(found if as_json else found["document"])


@command(app, "draft", "heyi profile draft kasushou mine.json --note 'status 5 is working'")
def draft(
    code: Code,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON or YAML: one profile.")],
    note: Annotated[str, typer.Option(help="What is different, for those who come after.")] = "",
    as_json: Json = False,
) -> None:
    """Check a profile whole and store it as the next version; every fault is named. Nobody follows it yet. 起草"""
    with Client.operator() as api:
        made = api.post(f"/profiles/{code}/draft", {"document": _document(file), "note": note})
    if as_json:
        say_json(made)
    else:
        out.print(f"{made['code']} version {made['version']} is stored; rehearse it, then publish it:")
        out.print(f"  heyi profile rehearse {code} balance --version {made['version']} --supplier … --send")
        out.print(f"  heyi profile publish {code} {made['version']} --why …")


@command(app, "publish", "heyi profile publish kasushou 3 --why 'they added a status'")
def publish(
    code: Code,
    version: Annotated[int, typer.Argument(min=1, help="The stored version's number.")],
    why: Why,
    even_so: EvenSo = False,
    as_json: Json = False,
) -> None:
    """Let all accounts of this dialect follow a version, from their next call on. 发布"""
    with Client.operator() as api:
        body = {"version": version, "why": why, "even_so": even_so}
        _say_followed(api.post(f"/profiles/{code}/publish", body), as_json)


@command(app, "back", "heyi profile back kasushou --why 'worse than before'", "heyi profile back kasushou 0 --why x")
def back(
    code: Code,
    version: Annotated[int | None, typer.Argument(min=0, help="The one before this one, unless named.")] = None,
    why: Annotated[str, typer.Option(help="The reason, for the history.")] = "back",
    even_so: EvenSo = False,
    as_json: Json = False,
) -> None:
    """Go back to a version that was followed before; 0 is what heyi shipped. 回退"""
    with Client.operator() as api:
        body = {"version": version, "why": why, "even_so": even_so}
        _say_followed(api.post(f"/profiles/{code}/back", body), as_json)


@command(app, "diff", "heyi profile diff kasushou 3", "heyi profile diff kasushou 3 --from 0")
def diff(
    code: Code,
    version: Annotated[int, typer.Argument(min=0, help="The version that is looked at.")],
    former: Annotated[int | None, typer.Option("--from", min=0, help="The followed one unless named.")] = None,
    as_json: Json = False,
) -> None:
    """What is different between two versions, place by place. 比较"""
    with Client.operator() as api:
        found = api.get(f"/profiles/{code}/diff", after=version, former=former)
    if as_json:
        say_json(found)
    else:
        rows = [[one["pointer"], _short(one["before"]), _short(one["after"])] for one in found]
        table(["place", "before", "after"], rows, nothing="they say the same")


@command(
    app, "rehearse",
    "heyi profile rehearse kasushou submit --product 1001 --account phone=13800138000",
    "heyi profile rehearse kasushou query --reply answer.json --version 3",
    "heyi profile rehearse kasushou balance --supplier kasushou-main --send",
    "heyi profile rehearse kasushou callback --file mine.json --callback pushed.json",
)  # fmt: skip
def rehearse(
    code: Code,
    verb: Annotated[Verb, typer.Argument(help="What is rehearsed.")],
    version: Annotated[int | None, typer.Option(min=0, help="The followed one unless named.")] = None,
    file: Annotated[Path | None, typer.Option(exists=True, help="A profile that is not stored yet.")] = None,
    supplier: Annotated[str | None, typer.Option(help="With this account's credentials (code or sup_…).")] = None,
    credential: Annotated[list[str] | None, typer.Option(help="A sample, name=value; may be repeated.")] = None,
    kind: Annotated[Literal["top_up", "card_key"], typer.Option(help="What is bought.")] = "top_up",
    product: Annotated[str, typer.Option(help="The product's number.")] = "1001",
    account: Annotated[list[str] | None, typer.Option(help="The buyer's, name=value; may be repeated.")] = None,
    number: Annotated[str, typer.Option(help="Our order number; invented unless given.")] = "",
    reply: Annotated[list[Path] | None, typer.Option(exists=True, help="A file with what they answer.")] = None,
    status: Annotated[int, typer.Option(min=100, max=599, help="The HTTP status of the replies.")] = 200,
    callback: Annotated[Path | None, typer.Option(exists=True, help="A file with what they send to us.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Really ask them. Never a purchase.")] = False,
    as_json: Json = False,
) -> None:
    """Show exactly what would be sent and signed, and what an answer would mean. Nothing is bought. 演练"""
    body: dict[str, Any] = {
        "verb": verb, "version": version, "credentials": dict(map(pair, credential or ())), "send": send,
        "order": {"kind": kind, "product_no": product, "accounts": dict(map(pair, account or ())),
                  "outer_number": number},
        "replies": [{"status": status, "body_base64": _base64(one)} for one in reply or ()],
    }  # fmt: skip
    if file is not None:
        body["document"] = _document(file)
    if callback is not None:
        body["callback"] = {"body_base64": _base64(callback)}
    with Client.operator() as api:
        if supplier is not None:
            body["supplier"] = find(api, supplier, "suppliers", "sup_")["id"]
        found = api.post(f"/profiles/{code}/rehearse", body)
    if as_json:
        say_json(found)
        return
    for call in found["calls"]:
        out.print(f"[bold]{call['method']} {escape(call['url'])}[/bold]")
        for name, value in call["headers"].items():
            out.print(f"{escape(name)}: {escape(value)}")
        out.print(escape(call["body"]))
        if call["signed"]:
            out.print(f"[dim]signed[/dim] {escape(call['signed'])}\n[dim]signature[/dim] {escape(call['signature'])}")
    for answer in found["answers"]:
        out.print(f"[bold]{answer['status'] or answer['error']}[/bold] {escape(answer['body'])}")
    out.print(escape(found["sentence"]))


def pair(text: str) -> tuple[str, str]:
    """name=value of an option."""
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"{text!r} is not name=value")
    return name.strip(), value


def _base64(file: Path) -> str:
    """As it is: what they say need not be UTF-8."""
    return base64.b64encode(file.read_bytes()).decode()


def _document(file: Path) -> Any:
    try:
        decode = msgspec.yaml.decode if file.suffix in (".yaml", ".yml") else msgspec.json.decode
        return decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise Trouble(
            f"{file} cannot be read: {error}", "it is one profile as JSON, or YAML if its name says so"
        ) from None


def _say_followed(done: Any, as_json: bool) -> None:
    if as_json:
        say_json(done)
        return
    out.print(f"{done['code']}: {done['accounts']} accounts follow version {done['after']} (before: {done['before']})")
    for one in done["unusable"]:
        out.print(f"  [red]{escape(one['supplier'])}[/red] cannot be used: {escape(one['why'])}")


def _short(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()[:100]
