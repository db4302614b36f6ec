"""Every field of every body, every parameter of every route: what is wrong is refused with a pointer, what is odd never
crashes, and a refused question leaves no trace.

The fields are read out of the OpenAPI document, so a new route is tested from its first day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.doors.schemas import MISSING, Field, Operation, Schemas, put
from tests.doors.victim import Victim
from tests.stack import Stack, until

LONG = "长" * 10_000
# One value of each JSON type, as nothing in our bodies looks.
TYPICAL: dict[str, object] = {
    "string": "no such word", "integer": 7, "number": 1.5, "boolean": True, "null": None,
    "array": [["no such thing"]], "object": {"no such field": 1},
}  # fmt: skip
# Legal text, and numbers that are legal somewhere: they may be taken or refused, and never crash.
ODD: tuple[object, ...] = (
    "😀👩‍👩‍👧", "שלום\u202eטקסט", "Z͑ͫ̓a̴l͆g̀o", "\u200b", " ", "\u2028", "{0} {x} %s %(a)s $1", "'; drop table x; --",
    "../../etc/passwd", "\\", '"', "a\nb\tc", "ﬃ" * 30, "-1", "NaN", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z", 0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30, -(10**30), 1.5, 1e308, [], {}, None,
    True, "a.b", "x" * 64, "x" * 65,
)  # fmt: skip
NEVER_WRITTEN_BY = ("redemption.refusals",)  # refused tills are kept on purpose


@pytest.fixture(scope="module")
def schemas(stack: Stack) -> Schemas:
    return Schemas(stack.operator.raw("GET", f"{stack.url}/openapi.json").json())


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}[type(value)]


def _wrong(field: Field) -> Iterator[tuple[str, object]]:
    """Values that the field's schema does not allow, each with a word for it."""
    types = field.types
    if not types:
        return
    free = any(s.get("type") == "object" and s.get("additionalProperties") in ({}, True) for s in field.schemas)
    for kind, value in TYPICAL.items():
        if kind in types or (kind == "integer" and "number" in types) or (kind == "object" and free):
            continue
        yield f"a {kind}", value
    if field.required:
        yield "missing", MISSING
    texts = [schema for schema in field.schemas if schema.get("type") == "string"]
    if texts or any("enum" in schema for schema in field.schemas):
        yield "NUL", "a\x00b"
        yield "a lone surrogate", "a\ud800b"
        yield "10,000 characters", LONG
        if all(schema.get("minLength") or schema.get("format") or "enum" in schema for schema in texts):
            yield "empty", ""
        longest = max((schema.get("maxLength", 0) for schema in texts), default=0)
        if longest:
            yield "too long", "a" * (longest + 1)
    for schema in field.schemas:
        if schema.get("type") in ("integer", "number"):
            if schema.get("type") == "integer" or "maximum" in schema:
                yield "a huge number", 10**30
                yield "a huge negative number", -(10**30)
            if "minimum" in schema:
                yield "too small", schema["minimum"] - 1
            if "maximum" in schema:
                yield "too large", schema["maximum"] + 1
    for schema in field.schemas:
        if schema.get("type") == "array" and "maxItems" in schema:
            yield "too many", [None] * (schema["maxItems"] + 1)
        if schema.get("type") == "object" and "properties" in schema and len(field.schemas) == 1:
            yield "nothing in it", {"": ""}


def _send(
    victim: Victim, operation: Operation, body: object, path: str | None = None, **headers: str
) -> httpx2.Response:
    text = json.dumps(body).encode()  # ASCII, so a lone surrogate travels as an escape
    told = {"Content-Type": "application/json", "Accept-Language": "en", **headers}
    caller, address = victim.caller(operation), path or victim.address(operation)

    def answer() -> httpx2.Response | None:
        """None: these calls are so many that the key went over its rate."""
        answered = caller.raw(operation.method.upper(), address, content=text, headers=told)
        return None if answered.status_code == 429 else answered

    return until(answer)


def _fault(answer: httpx2.Response, field: Field | None = None) -> str:
    """What is wrong with a refusal; empty when it is as it should be."""
    if not 400 <= answer.status_code < 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return f"not a problem document: {answer.headers.get('content-type')} {answer.text[:100]}"
    told = answer.json()
    if not told.get("code") or told.get("status") != answer.status_code:
        return f"no code, or another status: {told}"
    if field is not None:
        pointers = [one["pointer"] for one in told.get("errors", [])]
        if not any(pointer.startswith(field.pointer) for pointer in pointers):
            return f"its pointers are {pointers}: {told['detail'][:200]}"
    return ""


def test_what_a_schema_forbids_is_refused_with_a_pointer_and_leaves_no_trace(
    stack: Stack, schemas: Schemas, victim: Victim
) -> None:
    before, faults, tried = stack.counts(leaving_out=NEVER_WRITTEN_BY), [], 0
    for operation in schemas.operations():
        if operation.body is None or "object" not in {s.get("type") for s in schemas.alternatives(operation.body)}:
            continue
        base = victim.body(schemas, operation)
        for field in schemas.fields(operation.body):
            for word, value in _wrong(field):
                tried += 1
                # Half a character is not even JSON, and what is not JSON has no fields.
                place = None if word == "a lone surrogate" else field
                if why := _fault(_send(victim, operation, put(base, field.at, value)), place):
                    faults.append(f"{operation.name} {field.pointer}: {word}: {why}")
        for at in [(), *(f.at for f in schemas.fields(operation.body) if any("properties" in s for s in f.schemas))]:
            unknown = Field((*at, "no_such_field"), (), False)
            tried += 1
            if why := _fault(_send(victim, operation, put(base, unknown.at, 1)), unknown):
                faults.append(f"{operation.name} {unknown.pointer}: unknown: {why}")
    assert not faults, f"{len(faults)} of {tried}:\n" + "\n".join(faults[:60])
    assert tried > 2000
    assert stack.counts(leaving_out=NEVER_WRITTEN_BY) == before


def test_odd_but_legal_values_never_crash(schemas: Schemas, victim: Victim) -> None:
    faults, tried = [], 0
    for operation in schemas.operations():
        if operation.body is None or "object" not in {s.get("type") for s in schemas.alternatives(operation.body)}:
            continue
        for field in schemas.fields(operation.body):
            # `state` would suspend, withdraw or void what the next route is about.
            odd = [value for value in ODD if _kind(value) in field.types or not field.types]
            for value in odd if field.at[-1] != "state" else []:
                tried += 1
                answer = _send(victim, operation, put(victim.body(schemas, operation), field.at, value))
                if answer.status_code >= 500 or (answer.status_code >= 400 and _fault(answer)):
                    faults.append(f"{operation.name} {field.pointer} = {value!r}: {_fault(answer)}")
    assert not faults, f"{len(faults)} of {tried}:\n" + "\n".join(faults[:60])


FREE = (
    "a\x00b",
    "a\ud800b",
    LONG,
    "😀",
    {"a\x00b": 1},
    {"\ud800": 1},
    {"deep": [[[[{"a\x00": "\ud800"}]]]]},
    10**30,
    1e308,
)


def test_what_may_hold_anything_holds_nothing_that_cannot_be_kept(
    stack: Stack, schemas: Schemas, victim: Victim
) -> None:
    """`metadata` is the channel's own; PostgreSQL keeps neither NUL nor half a character."""
    for operation in schemas.operations():
        if operation.name not in ("place_order", "quote_order"):
            continue
        for value in FREE:
            for body in ({"a": value}, {"a": {"b": [value]}}, {str(value)[:100]: 1}):
                answer = _send(victim, operation, put(victim.body(schemas, operation), ("metadata",), body))
                assert answer.status_code < 500, f"{operation.name} metadata {body!r:.100}: {answer.text[:300]}"
    for names in ("accounts", "choices"):
        for name in ("a\x00b", "\ud800", "", LONG, "😀", "A B"):
            body = stack.order_body("link", number="never", **{names: {name: "x" if names == "accounts" else ["x"]}})
            answer = _send(victim, _place(schemas), body)
            assert not _fault(answer), f"{names} {name!r:.40}: {_fault(answer)}"


def _place(schemas: Schemas) -> Operation:
    return next(operation for operation in schemas.operations() if operation.name == "place_order")


NOT_JSON = {
    "nothing": b"", "half": b'{"channel_order_no": "x"', "text": b"hello", "a list": b"[]", "null": b"null",
    "a number": b"7", "NaN": b'{"quantity": NaN}', "not UTF-8": b'{"bundle": "\xff\xfe"}', "BOM": b"\xef\xbb\xbf{}",
    "UTF-16": '{"bundle": "x"}'.encode("utf-16"), "deep": b"[" * 100_000, "deep object": b'{"a":' * 50_000,
    "a form": b"bundle=link&quantity=1", "two values": b"{}{}", "too large": b'{"bundle": "' + b"x" * (2 << 20) + b'"}',
    "a huge number": b'{"quantity": ' + b"9" * 100_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_JSON)
def test_bodies_that_are_no_bodies(schemas: Schemas, victim: Victim, what: str) -> None:
    for operation in schemas.operations():
        if operation.body is None:
            continue
        caller, address = victim.caller(operation), victim.address(operation)
        for type_ in (
            "application/json",
            "application/x-www-form-urlencoded",
            "application/msgpack",
            "text/plain",
            "x",
        ):
            if type_ != "application/json" and what not in ("nothing", "text", "a form"):
                continue
            answer = caller.raw(
                operation.method.upper(), address, content=NOT_JSON[what], headers={"Content-Type": type_}
            )
            assert not _fault(answer), f"{operation.name} {what} as {type_}: {_fault(answer)}"


ODD_QUERIES = (
    "", "%00", "%ff", "%ed%a0%80", "%F0%9F%98%80", "x" * 5000, "-1", "0", "1.5", "true", "null", "99999999999999999999",
    "2026-01-01", "2026-01-01T00:00:00", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00",
    "2026-13-01T00:00:00Z",
    "cur_00000000000000000000000000", "cur_zzzzzzzzzzzzzzzzzzzzzzzzzz", "%27%3B--", "{}", "[]", "%", "%25", "%5C",
    "evt_ffffffffffffffff", "evt_fffffffffffffff", "evt_", "evt_-1", "%E2%80%AE",
)  # fmt: skip


def test_odd_queries_are_answered_or_refused(stack: Stack, schemas: Schemas, victim: Victim) -> None:
    before, faults = stack.counts(), []
    for operation in schemas.operations():
        if operation.method != "get":
            continue
        needed = {p["name"]: "x" for p in operation.parameters("query") if p.get("required")}
        for parameter in operation.parameters("query"):
            rest = "".join(f"&{name}=x" for name in needed if name != parameter["name"])
            for value in ODD_QUERIES:
                path = f"{victim.address(operation)}?{parameter['name']}={value}{rest}"
                answer = victim.caller(operation).raw("GET", path)
                if answer.status_code >= 400 and (why := _fault(answer)):
                    faults.append(f"{operation.name} ?{parameter['name']}={value[:40]}: {why}")
            path = f"{victim.address(operation)}?{parameter['name']}=a&{parameter['name']}=b{rest}"
            if (answer := victim.caller(operation).raw("GET", path)).status_code >= 500:
                faults.append(f"{operation.name} {parameter['name']} twice: {answer.text[:200]}")
    assert not faults, f"{len(faults)}:\n" + "\n".join(faults[:40])
    assert stack.counts() == before


ODD_IDS = (
    "x", "%00", "%ff", "%F0%9F%98%80", "x" * 3000, "-1", "0", "99999999999999999999999999", "null",
    "ord_", "ord_zzzzzzzzzzzzzzzzzzzzzzzzzz", "ord_7zzzzzzzzzzzzzzzzzzzzzzzzz", "ORD_01JD0000000000000000000000",
    "%20", "*",
    "ord_01jd0000000000000000000000",
)  # fmt: skip


def test_odd_ids_are_not_found(stack: Stack, schemas: Schemas, victim: Victim) -> None:
    before, faults = stack.counts(leaving_out=NEVER_WRITTEN_BY), []
    for operation in schemas.operations():
        for parameter in operation.parameters("path"):
            body = {"json": victim.body(schemas, operation)} if operation.body else {}
            for value in ODD_IDS:
                path = re.sub(
                    r"{(\w+)}",
                    lambda m, v=value, p=parameter: v if m[1] == p["name"] else victim.ids.get(m[1], "x"),  # type: ignore[misc]
                    operation.path,
                )
                answer = victim.caller(operation).raw(operation.method.upper(), path, **body)
                if why := _fault(answer):
                    faults.append(f"{operation.name} {parameter['name']}={value[:40]}: {why}")
    assert not faults, f"{len(faults)}:\n" + "\n".join(faults[:40])
    assert stack.counts(leaving_out=NEVER_WRITTEN_BY) == before


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é\x80"])
def test_odd_idempotency_keys(stack: Stack, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Content-Type", b"application/json"),
               (b"Authorization", f"Bearer {stack.operator_key}".encode())]  # fmt: skip
    answer = httpx2.post(
        f"{stack.url}/v1/operator/partners", content=b"{}", headers=headers, trust_env=False, verify=False
    )
    assert not _fault(answer), _fault(answer)


@pytest.mark.parametrize("key", ["", "Bearer", "Basic eDp5", "Bearer \xff\xfe", "Bearer " + "x" * 7000, "bearer a b"])
def test_odd_authorisation(stack: Stack, key: str) -> None:
    headers = [(b"Authorization", key.encode("latin-1"))]
    answer = httpx2.get(f"{stack.url}/v1/balance", headers=headers, trust_env=False, verify=False)
    assert answer.status_code == 401, answer.text
    assert not _fault(answer), _fault(answer)
