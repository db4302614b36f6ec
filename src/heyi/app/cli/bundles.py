"""`heyi bundle …`: what is sold, kept in a file and applied."""

from __future__ import annotations

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


def find(api: Client, named: str, kind: str = "bundles", prefix: str = "bnd_") -> Any:
    """What has this code or id. Raises Trouble."""
    if named.startswith(prefix):
        return api.get(f"/{kind}/{named}")
    for one in api.every(f"/{kind}", search=named):
        if one["code"] == named:
            return one
    raise Trouble(f"there is no {kind[:-1]} {named}", f"see them all with: heyi {kind[:-1]} list")


def _row(part: Any, indent: str) -> list[object]:
    words = part["delivery_in_words"] or {}
    share = part["weight"] if part["share_minor"] is None else f"{part['share_minor']} minor"
    return [indent + part["code"], part["benefit"], part["role"], part["quantity"], share, words.get("en", "?")]
