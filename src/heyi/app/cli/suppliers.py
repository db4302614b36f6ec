"""`heyi supplier …`: our accounts at suppliers, with the credentials that their dialect asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.markup import escape

from heyi.app.cli.bundles import find
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, money, out, say_json
from heyi.app.cli.profiles import pair
from heyi.app.process import Trouble

app = make_app("Supplier accounts 供货商账户: list, dialects, add, edit, check, pause, resume.")
Supplier = Annotated[str, typer.Argument(help="An account's code or id (sup_…).")]
Credential = Annotated[
    list[str] | None, typer.Option("--credential", "-c", help="name=value; asked for when it is missing.")
]
UNTOLD = "this supplier does not tell its balance"


@command(app, "list", "heyi supplier list", "heyi supplier list --json")
def list_(
    search: Annotated[str | None, typer.Option(help="Anywhere in code and title.")] = None, as_json: Json = False
) -> None:
    """Our accounts, newest first; those that cannot be used say why. 账户列表"""
    with Client.operator() as api:
        found = list(api.every("/suppliers", search=search))
    columns = {
        "code": lambda s: s["code"],
        "title": lambda s: s["title"],
        "dialect": lambda s: s["dialect"],
        "state": lambda s: s["unusable"] or s["state"],
        "address": lambda s: s["base_url"],
        "id": lambda s: s["id"],
    }
    listing(found, as_json, columns)


@command(app, "dialects", "heyi supplier dialects")
def dialects(as_json: Json = False) -> None:
    """What an account may choose, and the credentials that it then needs. 可选协议"""
    with Client.operator() as api:
        found = list(api.every("/dialects"))
    columns = {
        "code": lambda d: d["code"],
        "title": lambda d: d["title"] + (" (beta)" if d["beta"] else ""),
        "from": lambda d: f"{d['origin']} v{d['version']}",
        "sells": lambda d: ", ".join(d["kinds"]) or d["unusable"],
        "credentials": lambda d: ", ".join(f"{c['name']} {c['label']}" for c in d["credentials"]),
    }
    listing(found, as_json, columns)


@command(
    app, "add",
    "heyi supplier add kss-main --dialect kasushou --url https://shop.example -c user_id=10001 -c key=…",
)  # fmt: skip
def add(
    code: Annotated[str, typer.Argument(help="A stable word: a-z, 0-9, - and _.")],
    dialect: Annotated[str, typer.Option(help="As in `heyi supplier dialects`.")],
    url: Annotated[str, typer.Option(help="Where it is, without a path unless it is theirs.")],
    title: Annotated[str | None, typer.Option(help="What people call it; the code unless given.")] = None,
    credential: Credential = None,
    as_json: Json = False,
) -> None:
    """Open an account at a supplier. Secrets that are not given are asked for, so that no shell keeps them. 新增账户"""
    with Client.operator() as api:
        body = {
            "code": code, "title": title or code, "dialect": dialect, "base_url": url,
            "credentials": _credentials(api, dialect, dict(map(pair, credential or ())), asks=not as_json),
        }  # fmt: skip
        _say(api.post("/suppliers", body), as_json)


@command(app, "edit", "heyi supplier edit kss-main --slots 40", "heyi supplier edit kss-main -c user_id=10001 -c key=…")
def edit(
    supplier: Supplier,
    title: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    url: Annotated[str | None, typer.Option(help="Where it is.")] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Calls at once, over all workers.")] = None,
    timeout_ms: Annotated[int | None, typer.Option(min=100, help="Bounds one talk.")] = None,
    sync_every: Annotated[
        int | None, typer.Option(min=0, help="Minutes between reads of its products; 0: never.")
    ] = None,
    callback_ip: Annotated[
        list[str] | None,
        typer.Option("--callback-ip", help="Where its callbacks may come from (CIDR); may be repeated, `any` for all."),
    ] = None,
    credential: Credential = None,
    as_json: Json = False,
) -> None:
    """Change an account; new credentials replace the old ones whole. 修改账户"""
    with Client.operator() as api:
        found = find(api, supplier, "suppliers", "sup_")
        wanted = {
            "title": title,
            "base_url": url,
            "slots": slots,
            "timeout_ms": timeout_ms,
            "sync_every_min": sync_every,
        }
        body: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        if callback_ip:
            body["callback_ips"] = [] if callback_ip == ["any"] else callback_ip
        if credential:
            given = dict(map(pair, credential))
            body["credentials"] = _credentials(api, found["dialect"], given, asks=not as_json)
        _say(api.patch(f"/suppliers/{found['id']}", body), as_json)


@command(app, "check", "heyi supplier check kss-main")
def check(supplier: Supplier, as_json: Json = False) -> None:
    """Ask it for our balance: are address and credentials right? 检查"""
    with Client.operator() as api:
        found = api.post(f"/suppliers/{find(api, supplier, 'suppliers', 'sup_')['id']}/check")
    if as_json:
        say_json(found)
    elif found["ok"]:
        out.print(f"it answers: balance {money(found['balance'])}, {found['duration_ms']} ms")
    elif found["problem"] == UNTOLD:
        raise Trouble(
            f"it cannot be checked so: {UNTOLD}",
            "ask for a product instead: heyi profile rehearse DIALECT product --product NUMBER --supplier CODE --send",
        )
    else:
        raise Trouble(f"it does not work: {found['problem']}", "mend address or credentials: heyi supplier edit")


@command(app, "pause", "heyi supplier pause kss-main")
def pause(supplier: Supplier, as_json: Json = False) -> None:
    """Stop buying there; what was bought is still asked about. 暂停"""
    _switch(supplier, "pause", as_json)


@command(app, "resume", "heyi supplier resume kss-main")
def resume(supplier: Supplier, as_json: Json = False) -> None:
    """Buy there again. 恢复"""
    _switch(supplier, "resume", as_json)


def _switch(supplier: str, move: str, as_json: bool) -> None:
    with Client.operator() as api:
        _say(api.post(f"/suppliers/{find(api, supplier, 'suppliers', 'sup_')['id']}/{move}"), as_json)


def _credentials(api: Client, dialect: str, given: Mapping[str, str], *, asks: bool) -> dict[str, str]:
    """What the dialect wants: what is missing is asked for by its label, or named. Raises Trouble."""
    wanted = next((one for one in api.every("/dialects", search=dialect) if one["code"] == dialect), None)
    if wanted is None:
        raise Trouble(f"nothing here speaks {dialect}", "see what there is: heyi supplier dialects")
    missing = [one for one in wanted["credentials"] if one["name"] not in given]
    if missing and not (asks and out.is_terminal):
        names = ", ".join(f"{one['name']} ({one['label']})" for one in missing)
        raise Trouble(f"credentials are missing: {names}", f"give each: -c {missing[0]['name']}=…")
    asked = {one["name"]: typer.prompt(f"{one['label']} ({one['name']})", hide_input=one["secret"]) for one in missing}
    return {**given, **asked}


def _say(account: Any, as_json: bool) -> None:
    if as_json:
        say_json(account)
        return
    out.print(f"{account['code']}  {account['state']}  {account['dialect']} at {escape(account['base_url'])}")
    out.print(f"[dim]{account['id']}  their callbacks belong to {escape(account['callback_url'])}[/dim]")
    if account["callback_ips"]:
        out.print(f"[dim]callbacks may come from {', '.join(account['callback_ips'])}[/dim]")
    if account["unusable"]:
        out.print(f"[red]it cannot be used:[/red] {escape(account['unusable'])}")
