"""The operators' command line. It does nothing that the operator API does not do, except running heyi itself."""

from __future__ import annotations

from heyi.app.cli import (
    bundles,
    calls,
    channels,
    demo,
    doctor,
    drifts,
    keys,
    orders,
    products,
    profiles,
    routes,
    running,
    sources,
    supplier_money,
    supply,
    tasks,
    warnings,
)
from heyi.app.cli.frame import make_app

app = make_app(
    "heyi 合益, the benefits alliance platform: sell, deliver and trace bundles of other companies' benefits.\n\n"
    "Most commands talk to a running heyi (HEYI_URL, HEYI_OPERATOR_KEY; both are found by themselves where "
    "`heyi up` or `heyi demo` runs). Exit codes: 0 done, 1 refused or failed, 2 wrong command line.",
    epilog="Start with [cyan]heyi demo[/cyan], or [cyan]heyi up[/cyan] and [cyan]heyi doctor[/cyan].",
)
running.register(app)
doctor.register(app)
app.add_typer(demo.app, name="demo")
app.add_typer(keys.app, name="keys")
app.add_typer(orders.app, name="order")
app.add_typer(tasks.app, name="task")
app.add_typer(routes.app, name="route")
app.add_typer(drifts.app, name="drift")
app.add_typer(sources.app, name="source")
app.add_typer(calls.app, name="call")
app.add_typer(calls.callbacks_app, name="callback")
app.add_typer(bundles.app, name="bundle")
app.add_typer(channels.app, name="channel")
app.add_typer(supplier_money.app, name="supplier")  # with those of suppliers.py
app.add_typer(profiles.app, name="profile")
app.add_typer(products.app, name="product")
app.add_typer(supply.app, name="supply")
app.add_typer(warnings.app, name="warning")


def main() -> None:
    """`heyi …`"""
    app(prog_name="heyi")


__all__ = ["app", "main"]
