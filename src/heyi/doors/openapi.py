"""The OpenAPI document, finished: what the framework cannot see is added, so that a client can be generated from it.

Every operation names the problems that it may answer with, who may call it and with which scope; every POST that
keeps its answer takes an Idempotency-Key.
"""

from __future__ import annotations

import re
from typing import Any, cast

from litestar import Litestar, Request
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import Method

from heyi import __version__
from heyi.doors.access import CONNECT, allow

PROBLEM = "application/problem+json"
# Statuses by what an operation is like; every other error is the `default`.
MEANINGS = {
    "400": "The question is malformed; `errors` points at what is wrong.",
    "401": "No valid key.",
    "402": "Not enough money.",
    "403": "The key is good, but not for this.",
    "404": "There is no such thing, or it is a stranger's.",
    "409": "Not in this state, or not any more.",
    "413": "The body is too large.",
    "415": "The body is not of a type that is read here.",
    "422": "Well formed, and it cannot be meant.",
    "429": "Over the key's rate; try again after `Retry-After` seconds.",
    "503": "Unavailable for now; try again after `Retry-After` seconds.",
    "default": "Any other error.",
}
_TEXT = {"type": "string"}
SCHEMAS: dict[str, Any] = {
    "Fault": {
        "type": "object",
        "description": "One thing that is wrong: where (a JSON pointer into the body), a stable code, and why.",
        "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
        "required": ["pointer", "code", "detail"],
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457. `code` is a stable word; `title` and `detail` follow Accept-Language.",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "instance": _TEXT,
            "code": _TEXT,
            "trace_id": _TEXT,
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        },
        "required": ["type", "title", "status", "detail", "instance", "code", "trace_id"],
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body answer the first answer again for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
RETRY_AFTER = {"description": "seconds", "schema": {"type": "integer", "minimum": 1}}
# Operations with an idempotency of their own: 201 the first time, 200 with the same shape when asked again.
ASKED_AGAIN = ("place_order", "prepare_redemption")
REPLAYED = {"description": "true when this is the first answer again", "schema": _TEXT}


class Document(JsonRenderPlugin):
    """Serves the finished document."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self.render_json(request, finished(request.app))


def config() -> OpenAPIConfig:
    """What the framework is told. The path is the document's own: the framework answers HTML below it."""
    bearer = SecurityScheme(type="http", scheme="bearer", description="an API key: Authorization: Bearer hk_…")
    return OpenAPIConfig(
        title="heyi 合益 Open API",
        version=__version__,
        path="/openapi.json",
        render_plugins=[Document(path=["/", "/openapi.json"])],
        components=Components(security_schemes={"key": bearer}),
        security=[{"key": []}],
        operation_id_creator=_operation_id,
    )


def finished(app: Litestar) -> dict[str, Any]:
    """The document as a dictionary; made once per application."""
    made = app.state.get("openapi")
    if made is None:
        made = app.openapi_schema.to_schema()
        _finish(made, _handlers(app))
        app.state["openapi"] = made
    return cast("dict[str, Any]", made)


def _operation_id(handler: HTTPRouteHandler, method: Method, parts: list[Any]) -> str:
    """The handler's own name: `place_order`. A test holds them apart."""
    return str(handler.fn.__name__)


def _handlers(app: Litestar) -> dict[tuple[str, str], HTTPRouteHandler]:
    return {
        (route.path_format, method.lower()): handler
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }


def _finish(document: dict[str, Any], handlers: dict[tuple[str, str], HTTPRouteHandler]) -> None:
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(SCHEMAS)
    components["responses"] = {_name(status): _response(status) for status in MEANINGS}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            handler = handlers.get((path, method))
            if handler is not None and isinstance(operation, dict):
                _finish_operation(operation, path, method, handler)


def _finish_operation(operation: dict[str, Any], path: str, method: str, handler: HTTPRouteHandler) -> None:
    statuses = ["429", "503", "default"]
    for guard in handler.resolve_guards():
        if isinstance(guard, allow):
            statuses += ["401", "403"]
            operation["x-callers"], operation["x-scope"] = list(guard.kinds), guard.scope
    if parts := handler.opt.get("connects"):
        operation["x-scope-of-parts"] = dict.fromkeys(parts, CONNECT.scope)
    parameters = operation.setdefault("parameters", [])
    if method == "post" and not handler.opt.get("stores_no_answer"):
        parameters[:] = [one for one in parameters if one.get("name") != IDEMPOTENCY_KEY["name"]] + [IDEMPOTENCY_KEY]
    if parameters or "requestBody" in operation:
        statuses.append("400")
    if "{" in path:
        statuses.append("404")
    if method != "get":
        statuses += ["409", "422"]
    if "requestBody" in operation:
        statuses += ["413", "415"]
    if "/orders" in path and method == "post":
        statuses.append("402")
    responses = operation.setdefault("responses", {})
    # The framework's own idea of an error is not what we answer.
    for status in [status for status in responses if re.match("[45]", str(status))]:
        del responses[status]
    again = operation["operationId"] in ASKED_AGAIN
    if again:
        responses["200"] = {**responses["201"], "description": "Answered before; as it is now"}
    if method == "post" and (again or not handler.opt.get("stores_no_answer")):
        for answer in responses.values():
            answer["headers"] = {**answer.get("headers", {}), "Idempotent-Replayed": REPLAYED}
    for status in sorted(set(statuses)):
        responses[status] = {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: str) -> str:
    return "Problem" if status == "default" else f"Problem{status}"


def _response(status: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": MEANINGS[status],
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in ("429", "503"):
        answer["headers"] = {"Retry-After": RETRY_AFTER}
    return answer
