"""Connecting a supplier from the command line: the profile, the account, a rehearsal, an edit and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.app import cli_support

SECRET = "very-secret-key-7Qx"


@pytest.fixture(scope="module")
def line(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cli_support.Line]:
    with cli_support.serving(database_url, tmp_path_factory.mktemp("profiles") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def document(line: cli_support.Line, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The shipped profile of 卡速售 under a code of our own, in a file."""
    shown = line("profile", "show", "kasushou", "--version", "0")
    assert shown.exit_code == 0, shown.output
    found = {**json.loads(shown.stdout), "code": "mine", "title": "我的供货商"}
    file = tmp_path_factory.mktemp("profile") / "mine.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    return file, found


def test_a_supplier_is_connected_edited_and_gone_back(
    line: cli_support.Line, document: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file, found = document
    assert line.json("profile", "draft", "mine", str(file), "--note", "first")["version"] == 1
    rehearsed = line("profile", "rehearse", "mine", "submit", "--version", "1", "--credential", f"key={SECRET}",
                     "--account", "phone=13800138000")  # fmt: skip
    assert rehearsed.exit_code == 0, rehearsed.output
    assert "/api/v1/order/buy" in rehearsed.output
    assert "{cred.key}" in rehearsed.output
    assert SECRET not in rehearsed.output
    reply = tmp_path / "reply.json"
    reply.write_text(json.dumps({"code": 400, "msg": "库存不足"}), encoding="utf-8")
    told = line("profile", "rehearse", "mine", "submit", "--version", "1", "--reply", str(reply))
    assert "declined: sold_out 库存不足 (400)" in told.output
    assert "mine: 0 accounts follow version 1" in line("profile", "publish", "mine", "1", "--why", "new").output
    # The credentials that are missing are named, with their labels; given, the account is there.
    missing = line("supplier", "add", "m-1", "--dialect", "mine", "--url", "https://s.example", "-c", "user_id=1")
    assert missing.exit_code == 1
    assert "credentials are missing: key (" in missing.output
    made = line.json("supplier", "add", "m-1", "--dialect", "mine", "--url", "https://s.example", "-c", "user_id=1",
                     "-c", f"key={SECRET}")  # fmt: skip
    assert made["unusable"] is None
    assert line.json("supplier", "edit", "m-1", "--slots", "7")["slots"] == 7
    assert "user_id" in line("supplier", "dialects").output
    second = {**found, "grace_ms": 90_000}
    file.write_text(json.dumps(second), encoding="utf-8")
    line.json("profile", "draft", "mine", str(file))
    assert "/grace_ms" in line("profile", "diff", "mine", "2").output
    assert line.json("profile", "publish", "mine", "2", "--why", "patience")["accounts"] == 1
    assert line.json("profile", "back", "mine")["after"] == 1
    history = line("profile", "show", "mine", "--history").output
    assert "patience" in history
    assert "2 → 1" in history


def test_a_faulty_file_is_told_fault_by_fault(
    line: cli_support.Line, document: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "faulty.json"
    file.write_text(json.dumps({**document[1], "grace_ms": "soon", "colour": "red"}), encoding="utf-8")
    refused = line("profile", "draft", "mine", str(file))
    assert refused.exit_code == 1
    assert "/document/grace_ms" in refused.output
    assert "/document/colour" in refused.output
    file.write_text("{", encoding="utf-8")
    assert "cannot be read" in line("profile", "draft", "mine", str(file)).output


def test_a_file_of_the_alliance_may_carry_profiles(
    line: cli_support.Line, document: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Applied once it is made, applied again it is left alone, though it spells out a default."""
    entry = {**document[1], "code": "applied", "first_query_ms": 0}
    file = tmp_path / "alliance.json"
    file.write_text(json.dumps({"profiles": [entry]}), encoding="utf-8")
    assert line.json("bundle", "apply", str(file))["made"] == ["profile applied version 1 published"]
    assert line.json("bundle", "apply", str(file))["kept"] == ["profile applied"]
    file.write_text(json.dumps({"profiles": [{**entry, "first_query_ms": 5}]}), encoding="utf-8")
    assert line.json("bundle", "apply", str(file))["changed"] == ["profile applied version 2 published"]


def test_what_was_said_to_a_supplier_is_read_on_the_command_line(line: cli_support.Line) -> None:
    """Nobody answers there: the log says so, and shows the call without the key; who calls us is listed beside it."""
    made = line("supplier", "add", "silent", "--dialect", "kasushou", "--url", "http://127.0.0.1:1",
                "-c", "user_id=10001", "-c", f"key={SECRET}", "--json")  # fmt: skip
    assert made.exit_code == 0, made.output
    assert line("supplier", "check", "silent").exit_code == 1
    (call,) = line.json("call", "list", "--supplier", "silent", "--result", "no_answer")
    assert (call["verb"], call["status"], call["task"]) == ("balance", None, None)
    for words in (("show", call["id"]), ("show", call["id"], "--curl"), ("diff", call["id"], "--from", call["id"])):
        shown = line("call", *words)
        assert shown.exit_code == 0, shown.output
        assert SECRET not in shown.output
    assert line("call", "show", call["id"], "--curl").stdout.startswith("curl -X")
    refused = line("call", "replay", call["id"], "--as", "query")
    assert (refused.exit_code, "call.about_nothing" in refused.output) == (1, True)

    edited = line.json("supplier", "edit", "silent", "--callback-ip", "203.0.113.7", "--callback-ip", "10.0.0.0/8")
    assert edited["callback_ips"] == ["10.0.0.0/8", "203.0.113.7/32"]
    assert "supplier.addresses_wrong" in line("supplier", "edit", "silent", "--callback-ip", "x.y").output
    path = edited["callback_url"].partition("/callbacks/")[2]
    assert httpx2.post(f"{line.env['HEYI_URL']}/callbacks/{path}", json={"key": SECRET}).status_code == 400
    (callback,) = line.json("callback", "list", "--supplier", "silent")
    assert (callback["verdict"], callback["address"]) == ("address", "127.0.0.1")
    shown = line("callback", "show", callback["id"])
    assert (shown.exit_code, SECRET in shown.output) == (0, False), shown.output
    assert line.json("supplier", "edit", "silent", "--callback-ip", "any")["callback_ips"] == []

    assert line.json("task", "differences") == []
    nobody = "01k742sg00eq9aqqfvrzv91hqh"
    for words in (
        ("settle", f"att_{nobody}", "--note", "x"),
        ("resolve", f"tsk_{nobody}", "try_again", "--offer", f"ofr_{nobody}"),
    ):
        told = line("task", *words)
        assert (told.exit_code, "not_found" in told.output) == (1, True), told.output
