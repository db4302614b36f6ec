"""Refusals in one form and two languages, and a document from which a client can be made."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import httpx2
import pytest
from litestar import Litestar, post
from litestar.testing import TestClient
from structlog.testing import capture_logs
from tests import alliance
from tests.doors.schemas import Schemas
from tests.stack import Stack

from heyi.doors.problems import on_crash

ORDER = "/orders/ord_01jd0000000000000000000000"


@pytest.fixture(scope="module")
def document(stack: Stack) -> dict[str, Any]:
    answer = httpx2.get(f"{stack.url}/openapi.json", trust_env=False, verify=False)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "订单不存在"), ("zh-CN,zh;q=0.9,en;q=0.8", "订单不存在"), ("en", "there is no such order"),
        ("en-US,en;q=0.5", "there is no such order"), ("de,en;q=0.8", "there is no such order"), ("xx", "订单不存在"),
        ("*", "订单不存在"), ("en;q=0.1, zh;q=0.9", "订单不存在"), (",,;q=", "订单不存在"),
    ],
)  # fmt: skip
def test_problems_speak_the_callers_language(stack: Stack, header: str | None, detail: str) -> None:
    problem = stack.channel.refused("GET", ORDER, headers={"Accept-Language": header} if header else {})
    assert problem.status == 404
    assert problem.body["detail"] == detail
    assert problem.body["title"] == ("不存在" if "订单" in detail else "not found")


@pytest.mark.parametrize(
    ("query", "pointer", "zh", "en"),
    [
        ("/orders?state=odd", "/state", "只能是：none、in_progress、partial、done、failed",
         "must be one of: none, in_progress, partial, done, failed"),
        ("/calls?limit=0", "/limit", "不得小于 1", "must be at least 1"),
        ("/calls?number=" + "9" * 201, "/number", "长度至多为 200", "must have a length of at most 200"),
    ],
)  # fmt: skip
def test_a_query_is_named_as_the_caller_wrote_it(stack: Stack, query: str, pointer: str, zh: str, en: str) -> None:
    for language, told in (("zh", zh), ("en", en)):
        problem = stack.operator.refused("GET", query, headers={"Accept-Language": language})
        assert problem.body["errors"] == [{"pointer": pointer, "code": "request.invalid", "detail": told}]


@pytest.mark.parametrize(
    ("language", "told"),
    [("zh", "没有此编号的调用：应为 cll_…"), ("en", "there is no call with this id, which begins with cll_")],
)
def test_what_is_no_id_is_said_to_be_none(stack: Stack, language: str, told: str) -> None:
    problem = stack.operator.refused("GET", "/calls/ord_1", headers={"Accept-Language": language})
    assert (problem.status, problem.body["code"], problem.body["detail"]) == (404, "request.not_found", told)


@pytest.mark.parametrize(
    ("body", "pointer", "zh", "en"),
    [
        ({"code": "x y", "title": "t"}, "/code", "只能用小写字母、数字、- 与 _，至多 64 个",
         "only a-z, 0-9, - and _, at most 64 of them"),
        ({"code": "x"}, "/title", "缺少字段 title", "the field title is missing"),
        ({"code": "x", "title": 5}, "/title", "应为文本，而不是整数", "must be a text, not a whole number"),
        ({"code": "x", "title": ""}, "/title", "长度至少为 1", "must have a length of at least 1"),
        ({"code": "x", "title": "\x01"}, "/title", "不得含控制字符", "must not hold control characters"),
        ({"code": "x", "title": "t", "odd": 1}, "/odd", "没有字段 odd", "there is no field odd"),
    ],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_explained_to_people(
    stack: Stack, body: dict[str, Any], pointer: str, zh: str, en: str
) -> None:
    for language, told in (("zh", zh), ("en", en)):
        problem = stack.operator.refused("POST", "/channels", json=body, headers={"Accept-Language": language})
        assert problem.body["errors"] == [{"pointer": pointer, "code": "request.invalid", "detail": told}]


def test_a_problem_has_everything_that_rfc_9457_names(stack: Stack) -> None:
    problem = stack.channel.refused("GET", ORDER).body
    assert problem["type"].endswith(f"/{problem['code']}")
    assert problem["code"] == "order.not_found"
    assert problem["instance"] == f"/v1{ORDER}"
    assert problem["status"] == 404
    assert re.fullmatch("[0-9a-f]{32}", problem["trace_id"])


def test_the_callers_trace_goes_on(stack: Stack) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert stack.channel.refused("GET", ORDER, headers=headers).body["trace_id"] == trace
    broken = {"traceparent": "00-zz-00f067aa0ba902b7-01"}
    assert stack.channel.refused("GET", ORDER, headers=broken).body["trace_id"] != trace


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "request.no_such_route"), ("GET", "/nothing", 404, "request.no_such_route"),
        ("GET", "/", 404, "request.no_such_route"), ("DELETE", "/v1/orders", 405, "request.method_not_allowed"),
        ("PUT", "/v1/balance", 405, "request.method_not_allowed"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_problem_too(stack: Stack, method: str, path: str, status: int, code: str) -> None:
    answer = httpx2.request(method, stack.url + path, headers={"Authorization": f"Bearer {stack.channel.key}"},
                            trust_env=False, verify=False)  # fmt: skip
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text[:200]
    assert answer.json()["code"] == code
    assert status != 405 or answer.headers["allow"]


def test_too_many_calls_are_told_when_to_come_again(stack: Stack) -> None:
    hasty = stack.caller(alliance.key_of(stack, "channels", stack.channels["other"], rate_per_s=2))
    answers = [hasty.raw("GET", "/balance") for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert refused[0].json()["code"] == "access.too_fast"


def test_every_operation_can_be_made_into_a_client(document: dict[str, Any]) -> None:
    schemas = Schemas(document)
    operations = schemas.operations()
    assert document["openapi"].startswith("3.1")
    assert len(operations) > 70
    names = Counter(operation.name for operation in operations)
    assert [name for name, times in names.items() if times > 1] == []
    for operation in operations:
        told = operation.told
        where = f"{operation.method} {operation.path}"
        assert re.fullmatch(r"[a-z][a-z_]+", operation.name), where
        assert told.get("summary"), where
        assert told.get("tags"), where
        assert told.get("x-callers"), f"{where}: who may call it?"
        assert {one["name"] for one in operation.parameters("path")} == set(re.findall(r"{(\w+)}", operation.path)), (
            where
        )
        assert {"401", "403", "429", "default"} <= told["responses"].keys(), where
        assert any(status.startswith("2") for status in told["responses"]), where
        for status, answer in told["responses"].items():
            if not status.startswith("2"):
                assert "application/problem+json" in schemas.resolve(answer)["content"], f"{where} {status}"
        if operation.method == "post":
            keyed = [one for one in operation.parameters("header") if one["name"] == "Idempotency-Key"]
            assert len(keyed) <= 1, where
    assert document["components"]["securitySchemes"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = Schemas(document)

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                schemas.resolve(value)
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(document)


def test_no_answer_of_ours_is_called_anything_else(document: dict[str, Any]) -> None:
    """The framework's own error shape is nowhere: a client made of this document meets problems alone."""
    assert "status_code" not in str(document["paths"])
    assert document["components"]["schemas"]["Problem"]["required"]


def test_the_readable_page_shows_every_route_and_loads_nothing(stack: Stack, document: dict[str, Any]) -> None:
    page = httpx2.get(f"{stack.url}/docs", trust_env=False, verify=False)
    assert page.status_code == 200
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page.text
    assert "<script" not in page.text
    assert not re.search(r"(?:src|href)=['\"]?https?:", page.text)


def test_a_crash_is_logged_by_its_route_and_not_by_its_path() -> None:
    """The path of a supplier's callbacks is a secret: who has it may send some."""

    @post("/callbacks/{token:str}")
    async def breaks(token: str) -> None:
        raise KeyError(len(token))

    app = Litestar([breaks], exception_handlers={Exception: on_crash}, logging_config=None)
    with TestClient(app, raise_server_exceptions=False) as client, capture_logs() as logs:
        assert client.post("/callbacks/very-secret-token").status_code == 500
    (line,) = [one for one in logs if one["event"] == "request.crashed"]
    assert line["route"] == "/callbacks/{token}"
    assert "very-secret-token" not in str({name: told for name, told in line.items() if name != "exc_info"})
