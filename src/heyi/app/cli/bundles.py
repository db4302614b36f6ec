"""`heyi bundle …`: what is sold, kept in a file and applied."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from heyi.app.cli import apply as applying
from heyi.app.cli.client import Client
from heyi.app.cli.frame import Json, command, listing, make_app, moment, money, out, say_json, table
from heyi.app.process import Trouble

app = make_app("Bundles 组合商品: list, show, apply a file, publish.")
Bundle = Annotated[str, typer.Argument(help="A bundle's code or id (bnd_…).")]


@command(app, "list", "heyi bundle list", "heyi bundle list --search annual --json")
def list_(
    search: Annotated[str | None, typer.Option(help="Anywhere in code and title.")] = None,
    state: Annotated[str | None, typer.Option(help="draft, on_sale or withdrawn.")] = None,
    as_json: Json = False,
) -> None:
    """All bundles, newest first."""
    with Client.operator() as api:
        found = list(api.every("/bundles", search=search, state=state))
    columns = {
        "code": lambda b: b["code"],
        "title": lambda b: b["title"],
        "state": lambda b: b["state"],
        "version>": lambda b: b["current_version"],
        "id": lambda b: b["id"],
    }
    listing(found, as_json, columns)


@command(app, "show", "heyi bundle show joint-annual", "heyi bundle show joint-annual --version 2 --json")
def show(
    bundle: Bundle,
    version: Annotated[int | None, typer.Option(help="The current one unless named.")] = None,
    as_json: Json = False,
) -> None:
    """One bundle: its price, and each component with its share and when it is delivered."""
    with Client.operator() as api:
        found = find(api, bundle)
        number = version or found["current_version"]
        document = api.get(f"/bundles/{found['id']}/versions/{number}") if number else None
    if as_json:
        say_json({**found, "version": document})
        return
    out.print(f"[bold]{found['title']}[/bold]  {found['code']}  {found['state']}  {found['id']}")
    if document is None:
        out.print("no version is published; heyi bundle apply FILE drafts and publishes one")
        return
    out.print(
        f"version {document['version']}  {money(document['price'])}  published {moment(document['published_at'])}"
    )
    rows = [_row(part, "") for part in document["components"]]
    for group in document["groups"]:
        rows.append(
            ["", f"choose {group['pick']}: {group['title']}", group["role"], "", group["weight"], group["code"]]
        )
        rows += [_row(option, "  ") for option in group["options"]]
    table(["component", "benefit", "role", "qty>", "weight>", "delivered"], rows)


@command(app, "apply", "heyi bundle apply alliance.yaml", "heyi bundle apply alliance.yaml --json")
def apply(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML or JSON.")],
    as_json: Json = False,
) -> None:
    """Make the alliance as a file says: suppliers, partners, channels, benefits with offers, bundles. 应用配置文件

    What is missing is made, what is different is changed and published, what is the same is left alone; nothing is
    deleted. ${NAME} in the file is filled in from the environment. An example: src/heyi/app/demo/alliance.yaml
    """
    wanted = applying.read(file)
    with Client.operator() as api:
        done = applying.Applying(api, (lambda _: None) if as_json else out.print).apply(wanted)
    if as_json:
        say_json({"made": done.made, "changed": done.changed, "kept": done.kept})
    else:
        out.print(f"{len(done.made)} made, {len(done.changed)} changed, {len(done.kept)} as they were")


@command(app, "publish", "heyi bundle publish joint-annual 3")
def publish(
    bundle: Bundle,
    version: Annotated[int, typer.Argument(min=1, help="The drafted version's number.")],
    as_json: Json = False,
) -> None:
    """Check a drafted version whole and sell it; every fault is named. 发布版本"""
    with Client.operator() as api:
        found = find(api, bundle)
        published = api.post(f"/bundles/{found['id']}/versions/{version}/publish")
    if as_json:
        say_json(published)
    else:
        out.print(
            f"{found['code']} version {published['version']} is published and sold for {money(published['price'])}"
        )


@command(
    app, "simulate", "heyi bundle simulate joint-annual",
    "heyi bundle simulate joint-annual --version 3 --account phone=13800138000 --choose snack=coffee,tea",
    "heyi bundle simulate joint-annual --happens video:activated:2d --happens ride:delivery_fails:0d",
)  # fmt: skip
def simulate(
    bundle: Bundle,
    version: Annotated[int | None, typer.Option(help="The current one unless named; drafts too.")] = None,
    quantity: Annotated[int, typer.Option(min=1)] = 1,
    channel: Annotated[str | None, typer.Option(help="Code or chn_…: its price, conditions about it.")] = None,
    account: Annotated[list[str] | None, typer.Option(help="name=value, as often as needed.")] = None,
    choose: Annotated[list[str] | None, typer.Option(help="group=option,option for each choice.")] = None,
    happens: Annotated[
        list[str] | None,
        typer.Option(
            help="component:what:after, with asked, activated, redeemed, ended or delivery_fails, and 3d or 5h;"
            " group:chosen:after:option."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """What would happen to a sample order, and when: every step of every delivery flow. Writes nothing. 模拟交付流程"""
    chosen = (_pair(one, "--choose") for one in choose or ())
    sample: dict[str, Any] = {
        "quantity": quantity,
        "accounts": dict(_pair(one, "--account") for one in account or ()),
        "choices": {group: options.split(",") for group, options in chosen},
    }
    later = [_happening(one) for one in happens or ()]
    with Client.operator() as api:
        found, paid_at = find(api, bundle), api.now()
        sample["channel"] = None if channel is None else find(api, channel, "channels", "chn_")["id"]
        sample["paid_at"] = paid_at.isoformat()
        sample["happenings"] = [{**one, "at": (paid_at + after).isoformat()} for one, after in later]
        number = version or found["current_version"]
        if not number:
            raise Trouble(f"no version of {found['code']} is published", "name a draft with --version")
        told = api.post(f"/bundles/{found['id']}/versions/{number}/simulate", sample)
    if as_json:
        say_json(told)
        return
    rows = [
        [moment(s["at"]), s["component"] + (f" #{s['item']}" if s["item"] else ""), s["node"] or "", s["words"]["zh"],
         s["words"]["en"]]
        for s in told["steps"]
    ]  # fmt: skip
    table(["when", "component", "node", "", "what"], rows)


@command(
    app, "conditions", "heyi bundle conditions", "heyi bundle conditions joint-annual --version 3",
    "heyi bundle conditions --search amount --json",
)  # fmt: skip
def conditions(
    bundle: Annotated[str | None, typer.Argument(help="Its components' fields; CODE stands for any without.")] = None,
    version: Annotated[int | None, typer.Option(help="The current one unless named; drafts too.")] = None,
    search: Annotated[str | None, typer.Option(help="Anywhere in name and title.")] = None,
    as_json: Json = False,
) -> None:
    """What conditions of flows are written with: every operator, every field with its type. 条件的运算符与字段"""
    with Client.operator() as api:
        id = find(api, bundle)["id"] if bundle else None
        operators = list(api.every("/condition_operators", search=search))
        fields = list(api.every("/condition_fields", search=search, bundle=id, version=version))
    if as_json:
        say_json({"operators": operators, "fields": fields})
        return
    takes = [
        [o["op"], o["arguments"] or "1…", ", ".join(o["takes"]), o["gives"], o["title"]["zh"], o["title"]["en"]]
        for o in operators
    ]  # fmt: skip
    table(["operator", "arguments>", "takes", "gives", "", "what"], takes)
    rows = [[f["field"], f["type"], f["title"]["zh"], f["title"]["en"]] for f in fields]
    table(["field", "type", "", "what"], rows)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Trouble(f"{option} {text} is not name=value", f"for example {option} phone=13800138000")
    return name, value


def _happening(text: str) -> tuple[dict[str, str], timedelta]:
    """What happens to which component, and how long after the payment. Raises Trouble."""
    parts = re.fullmatch(r"([\w-]+):(\w+):(\d{1,4})([dh])(?::([\w-]+))?", text)
    if parts is None:
        raise Trouble(f"--happens {text} is not component:what:after", "for example --happens video:activated:2d")
    component, what, count, unit, option = parts.groups()
    after = timedelta(days=int(count)) if unit == "d" else timedelta(hours=int(count))
    happening = {"component": component, "what": what}
    return (happening if option is None else {**happening, "option": option}), after


def find(api: Client, named: str, kind: str = "bundles", prefix: str = "bnd_") -> Any:
    """What has this code or id. Raises Trouble."""
    if named.startswith(prefix):
        return api.get(f"/{kind}/{named}")
    for one in api.every(f"/{kind}", search=named):
        if one["code"] == named:
            return one
    if kind != "benefits":
        raise Trouble(f"there is no {kind[:-1]} {named}", f"see them all with: heyi {kind[:-1]} list")
    codes = sorted(one["code"] for one in api.every("/benefits"))
    raise Trouble(f"there is no benefit {named}", f"there are: {', '.join(codes[:30])}{' …' * (len(codes) > 30)}")


def _row(part: Any, indent: str) -> list[object]:
    words = part["delivery_in_words"] or {}
    share = part["weight"] if part["share_minor"] is None else f"{part['share_minor']} minor"
    return [indent + part["code"], part["benefit"], part["role"], part["quantity"], share, words.get("en", "?")]
