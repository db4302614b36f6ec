"""A readable page of the OpenAPI document: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from typing import Any

from litestar import MediaType, Request, get

from heyi.doors import openapi

_STYLE = (
    "body{font:15px/1.6 system-ui,'Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "summary{cursor:pointer}code,pre{font:13px/1.5 ui-monospace,monospace}.m{display:inline-block;width:4rem;"
    "font-weight:600}pre{background:#8882;padding:.6rem;overflow:auto;border-radius:6px}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
)


@get("/docs", media_type=MediaType.HTML, include_in_schema=False)
async def page(request: Request[Any, Any, Any]) -> str:
    """Every route by tag, with its question and its answers; the schemas below."""
    schema = openapi.finished(request.app)
    by_tag: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and "responses" in operation:
                by_tag.setdefault((operation.get("tags") or ["…"])[0], []).append(_operation(path, method, operation))
    routes = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(found)}" for tag, found in sorted(by_tag.items()))
    schemas = "".join(
        f"<details id='{html.escape(name)}'><summary><code>{html.escape(name)}</code></summary>{_fields(one)}</details>"
        for name, one in sorted(schema.get("components", {}).get("schemas", {}).items())
    )
    title = html.escape(schema["info"]["title"])
    return (
        f"<!doctype html><html lang=zh-CN><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
        f"<h1>{title} {html.escape(schema['info']['version'])}</h1>"
        f"<p>OpenAPI 3.1: <a href=/openapi.json>/openapi.json</a></p>{routes}<h2>Schemas</h2>{schemas}"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    asks = [
        f"<li><code>{html.escape(one['name'])}</code> ({one['in']}) {html.escape(one.get('description') or '')}</li>"
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        asks.append(f"<li>body: {_type(body)}</li>")
    answers = []
    for status, answer in operation["responses"].items():
        shape = next((c.get("schema") for c in (answer.get("content") or {}).values()), None)
        if "$ref" in answer:
            shape = {"$ref": "#/components/schemas/Problem"}
        answers.append(f"<li>{status}: {_type(shape) if shape else '–'}</li>")
    return (
        f"<details><summary><span class=m>{method.upper()}</span><code>{html.escape(path)}</code> "
        f"{html.escape(operation.get('summary') or '')}</summary><p>{html.escape(operation.get('description') or '')}"
        f"</p><ul>{''.join(asks)}</ul><ul>{''.join(answers)}</ul></details>"
    )


def _fields(schema: dict[str, Any]) -> str:
    wanted = set(schema.get("required", []))
    rows = [
        f"<li><code>{html.escape(name)}</code>{'' if name in wanted else ' ?'}: {_type(one)} "
        f"{html.escape(one.get('description') or '')}</li>"
        for name, one in schema.get("properties", {}).items()
    ]
    return f"<p>{html.escape(schema.get('description') or '')}</p><ul>{''.join(rows)}</ul>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rsplit("/", 1)[-1])
        return f"<a href='#{name}'>{name}</a>"
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return " | ".join(_type(one) for one in schema[several])
    if schema.get("type") == "array":
        return f"[{_type(schema.get('items', {}))}]"
    return html.escape(str(schema.get("type", "any")))
