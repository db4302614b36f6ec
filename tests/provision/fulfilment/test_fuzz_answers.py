"""Whatever a supplier answers: nothing breaks, and only what its profile names ends a purchase.

The oracle reads the bytes by itself, without the profile's paths: it gathers every plain value in the answer. An end
that no value of the answer stands for is an accident.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.provision.fulfilment.fuzzing import (
    CODES,
    RAW,
    STRANGE,
    bent,
    dumped,
    examples_of,
    put,
    quick,
    signed_answer,
    written,
)
from tests.provision.fulfilment.making import part, planned

from heyi.flows import deliver
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Accepted, Answer, Declined, Delivered, Failed, NotFound, Reply, Unknown
from heyi.provision.fulfilment import accounts, delivering, masking, rules
from heyi.provision.fulfilment.errand import Account, Errand, Result, Standing
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.suppliers import DIALECTS, SHIPPED, Order, reading
from heyi.provision.fulfilment.suppliers.document import Profile

OUTER, THEIRS = "01k742sg00eq9aqqfvrzv91hqh-1", "S-77"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """One answer, and to which question it is given."""

    verb: str
    kind: str
    reply: Reply


@st.composite
def answers(draw: Any, profile: Profile) -> Told:
    verb = draw(st.sampled_from(["submit", "query"]))
    kind = draw(st.sampled_from(DIALECTS[profile.code].kinds))
    about: Any = profile.query if verb == "query" else next(one for one in profile.submit if kind in one.kinds)
    told, shown = (about and about.told) or profile.told, (about and about.shown) or profile.shown
    named = [*told.success, *told.refusals, *told.not_found, *told.known_already, *told.spoken, "0", "x", "-1", ""]
    states = [*shown.states, "no such state", ""]
    fields: Any = {}
    for path in told.code:
        fields = put(fields, path, _typed(draw, _often(draw, st.sampled_from(named), STRANGE)))
    if told.message:
        fields = put(fields, told.message, draw(st.sampled_from([*told.says, "好", ""])))
    row: Any = {}
    for path, values in (
        (shown.status, [_typed(draw, one) for one in states]), (shown.number, [THEIRS, "", 7]),
        (shown.outer, [OUTER, "another-1", None]), (shown.cost, ["15.00", -1, "x", 10**400]), (shown.reason, ["为何"]),
    ):  # fmt: skip
        if path:
            row = put(row, path, _often(draw, st.sampled_from(values), STRANGE))
    if shown.cards is not None:
        for path in (shown.cards.number, shown.cards.password):
            if path:
                row = put(row, path, draw(st.sampled_from(["CARD-1", "", 5, None])))
    rows = draw(st.sampled_from([row, [row], [row, row], [], None]))
    fields = put(fields, shown.rows, rows) if shown.rows else {**fields, **row}
    if draw(st.booleans()):
        fields = {**fields, **draw(st.dictionaries(st.text("abc", max_size=3), STRANGE, max_size=2))}
    if told.unwrap and isinstance(fields, dict):
        fields = put(fields, told.unwrap, dumped(reading.at(fields, told.unwrap)))
    if told.signature is not None and isinstance(fields, dict) and draw(st.integers(0, 9)) != 9:
        fields = signed_answer(told, account_of(profile.code).credentials, fields)
    body = written(fields, told.format if isinstance(fields, dict) else "json", told.charset)
    body = _often(draw, st.just(body), st.one_of(RAW, bent(body)))
    status = _often(draw, st.sampled_from(sorted(told.statuses)), st.sampled_from([201, 302, 400, 404, 500, 502]))
    charset = draw(st.sampled_from(["utf-8", "gbk", "undefined", "unicode_escape"]))
    return Told(verb, kind, Reply(status, {"content-type": f"application/json; charset={charset}"}, body))


def _often(draw: Any, usual: Any, strange: Any) -> Any:
    """Good as a rule: where everything is wrong at once, the first fault hides the others."""
    return draw(strange if draw(st.integers(0, 7)) == 7 else usual)


def _typed(draw: Any, value: Any) -> Any:
    """Numbers are written as numbers by some and as texts by others."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,6}", value) and draw(st.booleans()) else value


def values_of(profile: Profile, told: Any, body: bytes) -> set[str]:
    """Every plain value in an answer, as text; also inside JSON that stands as a text."""
    text = body.decode(told.charset, "replace")
    if told.format == "xml":
        return {found.strip() for found in re.findall(r">([^<>]*)<", text)}
    if told.format == "form":
        return {value for _, value in parse_qsl(text, keep_blank_values=True, encoding=told.charset)}
    if told.format == "text":
        return {text.strip()}
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            found.add("[]" if not value else "")
            for one in value:
                walk(one)
        else:
            found.add(json.dumps(value) if isinstance(value, bool) else str(value).strip())
            if isinstance(value, str) and value[:1] in "{[":
                with contextlib.suppress(ValueError, RecursionError):
                    walk(json.loads(value))

    try:
        walk(json.loads(text))
    except (ValueError, RecursionError):
        return set()
    return found


def accidents(profile: Profile, told: Told, answer: Answer) -> str:
    """What speaks against this end; empty when the profile's own tables name it."""
    about: Any = profile.query if told.verb == "query" else next(v for v in profile.submit if told.kind in v.kinds)
    spec, shown = (about and about.told) or profile.told, (about and about.shown) or profile.shown
    values = values_of(profile, spec, told.reply.body)
    if isinstance(answer, Unknown):
        return ""
    if told.reply.status not in spec.statuses:
        return f"HTTP {told.reply.status} says nothing"
    # A list at a number's path, or a code that is a whole text, can only be found among the values.
    succeeded = any(code in values for code in spec.success) or "" in spec.success
    spoke = [word for phrase, word in spec.says.items() if any(phrase in value for value in values)]
    match answer:
        case Delivered():
            done = [state for state, means in shown.states.items() if means == "done"]
            said = any(state in values for state in done) or shown.unsaid == "done"
            ours = not shown.outer or OUTER in values
            card = told.kind != "card_key" or len(answer.cards) == 1
            return "" if succeeded and said and ours and card else "delivered, and nothing says so"
        case Failed():
            bad = [state for state, means in shown.states.items() if means not in ("done", "working")]
            return "" if succeeded and any(state in values for state in bad) else "failed, and no state says so"
        case Accepted():
            return "" if succeeded else "accepted without a word of success"
        case Declined():
            named = any(code in values for code in spec.refusals) or bool(spoke)
            return "" if told.verb == "submit" and named else "declined, and no code says so"
        case NotFound():
            unknown = any(code in values for code in spec.not_found) or "not_found" in spoke
            empty = shown.empty_is_not_found and "[]" in values
            return "" if unknown or empty else "not found, and nothing says so"


def meant(account: Account, told: Told) -> Answer:
    request = Request(title="x", product_no="1001", accounts=(("phone", "13800138000"),), cost_minor=1500)
    order = Order(OUTER, told.kind, request, NOW, NOW, THEIRS)
    dialect = account.connector
    talk = dialect.submit(account, order) if told.verb == "submit" else dialect.query(account, order)
    try:
        next(talk)
        talk.send(told.reply)
    except StopIteration as end:
        found: Answer = end.value
        return found
    raise AssertionError("one question has one answer")


def account_of(code: str) -> Account:
    keys = {one.name: f"{code}-{one.name}-0123456789abcdef"[:32] for one in DIALECTS[code].credentials}
    return Account(new_id(1), code, code, "http://x", keys, "http://x/c", 1000, 0, 0, DIALECTS[code])


@pytest.mark.parametrize("code", CODES)
def test_only_what_is_named_ends_a_purchase(code: str) -> None:
    account, profile, met = account_of(code), SHIPPED[code], set()

    @quick(120)
    @given(told=answers(profile))
    def run(told: Told) -> None:
        answer = meant(account, told)
        met.add(type(answer).__name__)
        assert not (wrong := accidents(profile, told, answer)), (wrong, told, answer)
        moved = rules.decide(Result(errand(account, told), answer), standing(told), NOW + timedelta(hours=1))
        if isinstance(answer, Unknown | Accepted):
            assert moved.move in ("ask", "want_person"), (answer, moved)
        assert (moved.item == "deliver") == isinstance(answer, Delivered), (answer, moved)

    run()
    assert "Unknown" in met
    assert len(met) > 1, f"only {met}: nothing was tried"


LEASE = new_id(1)


def errand(account: Account, told: Told) -> Errand:
    return Errand(
        told.verb, account, 7, new_id(1), new_id(1), new_id(1), None, new_id(1), told.kind, Request(title="x"),
        new_id(1), 1, OUTER, LEASE, NOW, NOW,
    )  # fmt: skip


def standing(told: Told) -> Standing:
    submit = told.verb == "submit"
    return Standing("sending" if submit else "asking", LEASE, 1, False, "sending" if submit else "unknown")


@pytest.mark.parametrize("code", CODES)
async def test_whatever_came_is_kept(tools: Tools, code: str) -> None:
    """The strangest bytes are written down with the attempt, and the task goes where its answer says."""
    assert isinstance(tools.clock, FixedClock)
    keys, kind = account_of(code).credentials, DIALECTS[code].kinds[0]
    async with tools.db.transaction() as tx:
        shop = await accounts.make(
            tx, tools.sealing, code=code.replace("_", "-"), title=code, dialect=code, base_url="http://127.0.0.1:1",
            credentials=keys, slots=100, timeout_ms=1000, typical_ms=0, public_url="",
            now=tools.clock.now(),
        )  # fmt: skip
    found = [one for one in examples_of(answers(SHIPPED[code]), 30) if one.verb == "submit"]
    await planned(tools, *(part(tools.clock.now(), supplier=shop.id, kind=kind) for _ in found))
    errands, _ = await deliver.claim(tools, shop.id, most=100)
    results, sent = [], {}
    for one, told in zip(errands, found, strict=True):
        talk = delivering.talk(one, tools.clock.wall())
        try:
            call = next(talk)
            talk.send(told.reply)
        except StopIteration as end:
            heard, sent[one.attempt_id] = [Heard(call, told.reply, "", 3)], (call, told.reply)
            results.append(delivering.finish(one, end.value, heard, tools.clock.now()))
    assert len(results) == len(errands)
    await deliver.record(tools, results)
    async with tools.db.reading() as tx:
        rows = await tx.rows(
            "select t.state, a.id, a.state as attempt, c.verdict, c.response, c.method, c.status, c.url, c.answered,"
            " c.request from fulfilment.tasks t"
            " join fulfilment.attempts a on a.task_id = t.id join fulfilment.calls c on c.attempt_id = a.id"
            " where a.supplier_id = %(id)s", id=shop.id,
        )  # fmt: skip
    assert len(rows) == len(results)
    secrets = [keys[one.name] for one in DIALECTS[code].credentials if one.secret]
    for row in rows:
        if row.verdict == "unknown":
            assert (row.state, row.attempt) == ("asking", "unknown")
        call, reply = sent[row.id]
        assert (row.method, row.status) == (call.method, reply.status)
        assert urlsplit(row.url).path == urlsplit(call.url).path
        assert json.loads(row.answered)["content-type"] == reply.headers["content-type"]
        assert_kept(row.response, reply.body.decode(masking.charset_of(reply.headers.items()), "replace"))
        assert not [value for value in secrets if value in row.response + row.request]
        assert row.verdict != "delivered" or kind != "card_key" or "CARD-1" not in row.response
        assert (row.state == "delivered") == (row.verdict == "delivered" and row.attempt == "delivered")


def assert_kept(kept: str, came: str) -> None:
    """What came, less what is stars."""
    came, at = came.replace("\x00", "").encode("utf-8", "replace").decode(), 0
    for piece in kept.partition("…[kept ")[0].split("****"):
        at = came.find(piece, at)
        assert at >= 0, (kept, came)
        at += len(piece)
    assert kept or not came
