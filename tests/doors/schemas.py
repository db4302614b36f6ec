"""Reads an OpenAPI document as far as tests need it: operations, every field of a body, and a body that fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
MISSING = object()


@dataclass(frozen=True)
class Operation:
    """One route: `path` is its template."""

    method: str
    path: str
    told: Json

    @property
    def name(self) -> str:
        return str(self.told["operationId"])

    @property
    def body(self) -> Json | None:
        """The schema of its JSON body."""
        content = self.told.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    def parameters(self, where: str) -> list[Json]:
        return [one for one in self.told.get("parameters", []) if one["in"] == where]


@dataclass(frozen=True)
class Field:
    """A field of a body: where it is, what it may be (every alternative resolved), and whether it must be there."""

    at: tuple[str | int, ...]
    schemas: tuple[Json, ...]
    required: bool

    @property
    def pointer(self) -> str:
        return "".join(f"/{word}" for word in self.at)

    @property
    def types(self) -> set[str]:
        found: set[str] = set()
        for schema in self.schemas:
            told = schema.get("type")
            found |= set(told) if isinstance(told, list) else {told} if told else set()
            if "enum" in schema:
                found |= {"null" if value is None else "string" for value in schema["enum"]}
        return found


class Schemas:
    """The document with its references."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def operations(self) -> list[Operation]:
        return [
            Operation(method, path, told)
            for path, methods in self.document["paths"].items()
            for method, told in methods.items()
            if isinstance(told, dict) and "responses" in told
        ]

    def resolve(self, schema: Json) -> Json:
        while "$ref" in schema:
            found: Any = self.document
            for word in schema["$ref"].removeprefix("#/").split("/"):
                found = found[word]
            schema = found
        return schema

    def alternatives(self, schema: Json) -> tuple[Json, ...]:
        """What a value may be: the branches of oneOf and anyOf, resolved."""
        schema = self.resolve(schema)
        branches = [one for word in ("oneOf", "anyOf") for one in schema.get(word, [])]
        if not branches:
            return (schema,)
        # What stands beside the branches holds for those that it can mean something to.
        beside = {word: value for word, value in schema.items() if word not in ("oneOf", "anyOf", "default")}
        return tuple(
            found if found.get("type") in ("null", None) else {**beside, **found}
            for branch in branches
            for found in self.alternatives(branch)
        )

    def fields(self, schema: Json, at: tuple[str | int, ...] = ()) -> Iterator[Field]:
        """Every field of a body, depth first; one entry of every list."""
        for branch in self.alternatives(schema):
            wanted = set(branch.get("required", ()))
            for name, value in branch.get("properties", {}).items():
                here = (*at, name)
                yield Field(here, self.alternatives(value), name in wanted)
                yield from self.fields(value, here)
                for one in self.alternatives(value):
                    if one.get("type") == "array" and len(here) < 8:
                        yield from self.fields(one["items"], (*here, 0))

    def example(self, schema: Json, *, whole: bool = True) -> Any:
        """A value that fits. `whole`: with everything that may be left out."""
        branches = [one for one in self.alternatives(schema) if one.get("type") != "null"]
        told = branches[0] if branches else {}
        for word in ("const", "default"):
            if told.get(word) is not None and not isinstance(told[word], dict | list):
                return told[word]
        if told.get("examples"):
            return told["examples"][0]
        if "enum" in told:
            return next(value for value in told["enum"] if value is not None)
        kind = told.get("type")
        if kind == "object" or "properties" in told:
            wanted = set(told.get("required", ()))
            return {
                name: self.example(value, whole=whole)
                for name, value in told.get("properties", {}).items()
                if whole or name in wanted
            }
        if kind == "array":
            return [self.example(told["items"], whole=whole)] if whole or told.get("minItems") else []
        if kind in ("integer", "number"):
            return max(1, told.get("minimum", 1))
        if kind == "string" and told.get("format") == "date-time":
            return "2027-01-01T00:00:00+08:00"
        if kind == "string" and "http" in told.get("pattern", ""):
            return "https://example.com/x"
        if kind == "string" and "A-Z" in told.get("pattern", ""):
            return "CNY"
        return "example" if kind == "string" else True if kind == "boolean" else {}


def put(body: Any, at: tuple[str | int, ...], value: object) -> Any:
    """A copy of a body with one value replaced, or left out (MISSING); what is missing on the way is made."""
    if not at:
        return value
    head, *rest = at
    if isinstance(head, int):
        items = list(body) if isinstance(body, list) and body else [{}]
        items[head] = put(items[head], tuple(rest), value)
        return items
    made = dict(body) if isinstance(body, dict) else {}
    if not rest and value is MISSING:
        made.pop(head, None)
    else:
        made[head] = put(made.get(head), tuple(rest), value)
    return made
