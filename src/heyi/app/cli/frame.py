"""What every command shares: `--json`, examples in the help, tables, and errors in one line with their cure.

Exit codes: 0 done · 1 refused or failed · 2 the command line itself is wrong.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from heyi.app.cli.client import ApiRefused
from heyi.app.process import Trouble
from heyi.kernel.errors import ManyRefused, Refused
from heyi.kernel.money import decimal

P = ParamSpec("P")
T = TypeVar("T")

# What a person can put right; everything else is our mistake, and shows where it happened.
UNDERSTOOD = (Trouble, Refused, ApiRefused, OSError, ValueError)

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]

# Into a pipe or a file, tables are as wide as they need to be: ids must stay whole.
WIDTH_PIPED = 240
# Control characters as their pictures; what turns the direction of writing, and C1, as "cannot be shown".
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    **dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
    0x7F: 0x2421,
}


class Screen(Console):
    """A console on which nobody's text moves the cursor, changes a colour or becomes a picture."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(text.translate(_VISIBLE), **how)


out = Screen(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_PIPED)
err = Screen(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def make_app(help: str | None, **more: Any) -> typer.Typer:
    """A group of commands that shows its help when nothing is asked of it."""
    settings = {
        "no_args_is_help": True,
        "rich_markup_mode": "rich",
        "add_completion": False,
        "pretty_exceptions_enable": False,
        **more,
    }
    if help is not None:
        settings["help"] = help  # otherwise its callback says it
    return typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, **settings)


def examples(*lines: str) -> str:
    """The epilog of a command's help: lines that can be typed as they are."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  [cyan]{escape(line)}[/cyan]" for line in lines)])


def command(app: typer.Typer, name: str, *shown: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Add a command; `shown` are its examples. Whatever a person can put right ends it with a line and exit code 1."""

    def add(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            as_json = bool(kwargs.get("as_json", False))
            try:
                return function(*args, **kwargs)
            except BrokenPipeError:
                raise typer.Exit(1) from None
            except UNDERSTOOD as error:
                complain(error, as_json=as_json)
                raise typer.Exit(1) from error

        app.command(name, epilog=examples(*shown) if shown else None)(guarded)
        return function

    return add


def complain(error: Exception, *, as_json: bool = False) -> None:
    """Say what went wrong and how it is put right, on stderr."""
    what, code, cure, faults = _understood(error)
    if as_json:
        problem = {"error": {"code": code, "detail": what, "cure": cure, "errors": faults}}
        sys.stderr.write(msgspec.json.encode(problem).decode() + "\n")
        return
    err.print(f"[red]{escape(code)}[/red] {escape(what)}" if code else f"[red]{escape(what)}[/red]")
    for fault in faults:
        err.print(f"  {escape(fault['pointer'] or '/')}  {escape(fault['code'])}: {escape(fault['detail'])}")
    if cure:
        err.print(f"  [green]cure:[/green] {escape(cure)}")


def _understood(error: Exception) -> tuple[str, str, str | None, list[dict[str, str]]]:
    if isinstance(error, Trouble):
        return error.what, "", error.cure, []
    if isinstance(error, ApiRefused):
        faults = [{name: str(f.get(name) or "") for name in ("pointer", "code", "detail")} for f in error.faults]
        if len(faults) == 1 and faults[0]["detail"] == error.detail:
            return f"{error.detail} ({faults[0]['pointer']})", error.code, error.cure, []
        return error.detail, error.code, error.cure, faults
    if isinstance(error, ManyRefused):
        faults = [{"pointer": f.pointer or "", "code": f.code, "detail": f.sentence("en")} for f in error.faults]
        return error.sentence("en"), error.code, None, faults
    if isinstance(error, Refused):
        return error.sentence("en"), error.code, None, []
    if isinstance(error, OSError):
        return f"{error.filename or ''}: {error.strerror or error}".lstrip(": "), "", None, []
    return str(error), "", None, []


def chinese() -> bool:
    """HEYI_LANG=zh answers in Chinese where both languages are there."""
    return os.environ.get("HEYI_LANG", "en").lower().startswith("zh")


def say_json(value: object) -> None:
    """Indented JSON on stdout, Chinese as it is."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def say_settled(found: Any, *, done: bool, seen: str, as_json: bool) -> None:
    """What was settled of all that were found, or would be; `seen`: the command that shows them."""
    if as_json:
        say_json(found)
    elif done:
        out.print(f"{found['settled']} of {found['open']} settled")
    else:
        how = f"; look at them with {seen}, and do it with --until {found['newest']}"
        out.print(f"{found['open']} would be settled{how if found['open'] else ''}")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str = "nothing here") -> None:
    """A plain table; a column whose name ends in > is right-aligned."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        shown.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    out.print(shown if shown.row_count else f"[dim]{nothing}[/dim]", soft_wrap=False)


def listing(found: Sequence[Mapping[str, Any]], as_json: bool, columns: Mapping[str, Callable[[Any], object]]) -> None:
    """A list as JSON or as a table: `columns` are titles and how a cell is read from an entry."""
    if as_json:
        say_json(found)
    else:
        table(list(columns), [[read(one) for read in columns.values()] for one in found])


def money(value: Mapping[str, Any] | None) -> str:
    """99.00 CNY."""
    return "—" if value is None else f"{decimal(int(value['amount_minor']))} {value['currency']}"


def moment(text: str | None, *, seconds: bool = True) -> str:
    """A time of the API on the alliance's clock face (HEYI_ZONE)."""
    if not text:
        return "—"
    local = datetime.fromisoformat(text).astimezone(ZoneInfo(os.environ.get("HEYI_ZONE", "Asia/Shanghai")))
    return local.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
