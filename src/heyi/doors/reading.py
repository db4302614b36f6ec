"""Bodies are read strictly: a number is not a text that looks like one, and a fault is said with its place."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from heyi.kernel.errors import Kind, Refused

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)

_FIELD = re.compile(r"(?:missing required|contains unknown) field `(?P<name>.*)`")


class BadBody(Refused):
    """The body is not JSON, or does not fit the shape that the route asks for."""

    code, kind = "request.invalid", Kind.INVALID
    zh = "请求体有误:{what}"
    en = "{what}"


class StrictRequest(Request[Any, Any, Any]):
    """The framework converts bodies leniently ("1" becomes 1); this one decodes them as they were written."""

    async def json(self) -> Any:
        body = await self.body()
        field = self.route_handler.parsed_data_field
        try:
            return _decoder(field.annotation if field is not None else Any).decode(body)
        except msgspec.ValidationError as fault:
            match = _AT.match(str(fault))
            what, path = (match["what"], match["path"] or "") if match else (str(fault), "")
            field_at_fault = _FIELD.search(what)
            name = "/" + field_at_fault["name"].replace("~", "~0").replace("/", "~1") if field_at_fault else ""
            raise BadBody(pointer(path) + name, what=what[:300]) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise BadBody("", what=f"not JSON: {str(fault)[:200]}") from None


@lru_cache(maxsize=256)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def pointer(path: str) -> str:
    """A JSON pointer from msgspec's path: `.buyer.phone`, `[0].x`, `[...]` (a dictionary's value)."""
    return "".join(f"/{word}" for word in re.findall(r"[^.\[\]]+|\.\.\.", path) if word)
