"""RFC 9457: every error is a problem document with a stable code; the one place that knows HTTP statuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from heyi.doors.complaints import pointer, words
from heyi.infra.telemetry import trace_id
from heyi.kernel.errors import Kind, ManyRefused, Refused

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHORISED: 401,
    Kind.PAYMENT: 402,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}
TITLES = {
    400: ("请求格式有误", "the request is malformed"),
    401: ("未认证", "not authenticated"),
    402: ("余额不足", "not enough money"),
    403: ("没有权限", "not allowed"),
    404: ("不存在", "not found"),
    405: ("不支持的方法", "method not allowed"),
    409: ("状态冲突", "conflict"),
    413: ("请求过大", "the request is too large"),
    415: ("不支持的内容类型", "unsupported content type"),
    422: ("请求无法处理", "the request cannot be meant"),
    429: ("请求过于频繁", "too many requests"),
    500: ("内部错误", "internal error"),
    503: ("暂时不可用", "unavailable for now"),
}
HTTP_CODES = {404: "request.no_such_route", 405: "request.method_not_allowed", 413: "request.too_large",
              415: "request.unsupported_media_type"}  # fmt: skip
_QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)")
_log = structlog.get_logger("doors")


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """application/problem+json"""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    errors: list[dict[str, str]] | None = None


def language_of(request: Request[Any, Any, Any]) -> str:
    """Of the languages that the caller reads, the preferred one of ours; "zh" when there is none."""
    best, chosen = 0.0, "zh"
    for part in request.headers.get("accept-language", "")[:200].lower().split(","):
        name, _, rest = part.strip().partition(";")
        weight = _QUALITY.fullmatch(rest.strip())
        quality = float(weight[1]) if weight else float(not rest)
        if name[:2] in ("zh", "en") and quality > best:
            best, chosen = quality, name[:2]
    return chosen


def on_refused(request: Request[Any, Any, Any], refused: Refused) -> Response[bytes]:
    language, status = language_of(request), STATUS[refused.kind]
    faults = refused.faults if isinstance(refused, ManyRefused) else [refused] if refused.pointer is not None else []
    errors = [{"pointer": f.pointer or "", "code": f.code, "detail": f.sentence(language)} for f in faults]
    headers = {"Retry-After": str(refused.facts.get("retry_after_s", 1))} if status in (429, 503) else {}
    return _problem(request, status, refused.code, refused.sentence(language), errors, headers)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refuses by itself: bodies that do not fit, unknown routes, wrong methods."""
    status = error.status_code
    if status == 400:
        errors = _faults(request, error)
        return _problem(request, 400, "request.invalid", errors[0]["detail"], errors)
    if status >= 500:
        return on_crash(request, error)
    detail = TITLES.get(status, TITLES[400])[language_of(request) == "en"]
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return _problem(request, status, HTTP_CODES.get(status, "request.refused"), detail, [], headers)


def on_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Our own mistake: logged with its trace id, and nothing of it told to the caller. Paths may hold secrets (the
    address of a supplier's callbacks): the route says as much."""
    _log.error(
        "request.crashed", route=request.scope.get("path_template", ""), error=type(error).__name__, exc_info=error
    )
    detail = TITLES[500][language_of(request) == "en"]
    return _problem(request, 500, "internal.error", detail, [])


def _faults(request: Request[Any, Any, Any], error: HTTPException) -> list[dict[str, str]]:
    """Faults that the framework found in paths, queries and headers; bodies are doors/reading.py's."""
    found, english = [], language_of(request) == "en"
    asked = request.route_handler.parsed_fn_signature.parameters
    for one in error.extra if isinstance(error.extra, list) else []:
        if isinstance(one, dict):
            # The framework names the whole body "data", and fields within it with dots.
            key = str(one.get("key", ""))
            said = words(
                str(one.get("message", ""))[:300], tuple(_choices(asked[key].annotation)) if key in asked else ()
            )
            if key in asked:  # a query is known to its caller by the name in the address, not by our argument's
                key = getattr(asked[key].kwarg_definition, "query", None) or key
            place = "" if key == "data" else pointer(key.removeprefix("data."))
            found.append({"pointer": place, "code": "request.invalid", "detail": said[english]})
    return found or [{"pointer": "", "code": "request.invalid", "detail": error.detail[:300]}]


def _choices(annotation: Any) -> Iterator[str]:
    """The words of a closed set, however it is wrapped."""
    for one in get_args(annotation):
        if isinstance(one, str):
            yield one
        else:
            yield from _choices(one)


def _problem(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    detail: str,
    errors: list[dict[str, str]],
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    problem = Problem(
        type=f"https://heyi.invalid/problems/{code}",
        title=TITLES.get(status, TITLES[400])[language_of(request) == "en"],
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        trace_id=trace_id.get(),
        errors=errors or None,
    )
    return Response(
        msgspec.json.encode(problem), status_code=status, media_type="application/problem+json", headers=headers or {}
    )
