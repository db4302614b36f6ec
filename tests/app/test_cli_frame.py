"""What others wrote is shown as text: it moves no cursor, changes no colour, and is not taken for a picture."""

from __future__ import annotations

import io

from rich.markup import escape

from heyi.app.cli import frame


def shown(*lines: str) -> str:
    """What reaches a terminal that knows colours."""
    screen = frame.Screen(
        file=io.StringIO(), force_terminal=True, highlight=False, emoji=False, soft_wrap=True, width=200
    )
    for line in lines:
        screen.print(line)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_escape_sequences_of_suppliers_are_visible_and_do_nothing() -> None:
    nasty = "\x1b]0;title\x07\x1b[2J\x1b[31mred\r\x08\x9b1m \u202egnp.exe :bomb: [red]no[/red] \t王"
    text = shown(escape(nasty))
    assert text == "␛]0;title␇␛[2J␛[31mred␍␈\ufffd1m \ufffdgnp.exe :bomb: [red]no[/red] \t王\n".expandtabs(8)
    assert "\x1b[1m" in shown("[bold]ours[/bold]"), "our own colours stay"


def test_all_that_commands_print_goes_this_way() -> None:
    for console in (frame.out, frame.err):
        assert isinstance(console, frame.Screen)
    with frame.out.capture() as kept:
        frame.table(["a"], [["\x1b[2J:bomb:"]])
    assert "\x1b[2J" not in kept.get()
    assert "␛[2J:bomb:" in kept.get()
