"""Bodies are read strictly: a number is not a text that looks like one, and a fault is said with its place."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request

from heyi.doors.complaints import BadBody, misfit


class LeftOut(msgspec.Struct, frozen=True):
    """An element that could not be read: its place in the list, its text, and what is wrong with it."""

    place: int
    text: str
    what: str


class StrictRequest(Request[Any, Any, Any]):
    """The framework converts bodies leniently ("1" becomes 1); this one decodes them as they were written.

    A route with `opt={"one_by_one": (field, element, most)}` gets the elements that can be read; `left_out` are the
    others. When none can be read, the body is refused like any other.
    """

    @property
    def left_out(self) -> list[LeftOut]:
        found: list[LeftOut] = self.scope.get("heyi.left_out", [])  # type: ignore[assignment]
        return found

    async def json(self) -> Any:
        body = await self.body()
        field = self.route_handler.parsed_data_field
        try:
            return _decoder(field.annotation if field is not None else Any).decode(body)
        except msgspec.ValidationError as fault:
            one_by_one = self.route_handler.opt.get("one_by_one")
            if one_by_one is not None and field is not None:
                read, left_out = _one_by_one(body, field.annotation, *one_by_one)
                if read is not None:
                    self.scope["heyi.left_out"] = left_out  # type: ignore[typeddict-unknown-key]
                    return read
            raise misfit(fault) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            said = str(fault)[:200]
            raise BadBody("", zh=f"请求体不是 JSON：{said}", en=f"not JSON: {said}") from None


def _one_by_one(body: bytes, shape: Any, field: str, element: Any, most: int) -> tuple[Any, list[LeftOut]]:
    """The body with those elements of a list that can be read, and the others; None when that does not mend it."""
    try:
        rest = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        parts = msgspec.json.decode(rest[field], type=list[msgspec.Raw])
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError, RecursionError):
        return None, []
    good: list[msgspec.Raw] = []
    left_out: list[LeftOut] = []
    for place, part in enumerate(parts):
        try:
            _decoder(element).decode(part)
            good.append(part)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            left_out.append(LeftOut(place, bytes(part).decode("utf-8", "replace"), str(fault)[:300]))
    if not good or len(parts) > most:
        return None, []
    try:
        return _decoder(shape).decode(msgspec.json.encode({**rest, field: good})), left_out
    except msgspec.ValidationError:
        return None, []


@lru_cache(maxsize=256)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)
