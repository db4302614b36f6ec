"""What the conditions of delivery flows may be written with: every operator, and every field with its type."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from heyi.doors.operator_api.bundles import number_in
from heyi.doors.operator_api.partners import READ
from heyi.doors.paging import BadCursor, Cursor, Limit, Page, after_name, paged_by_code
from heyi.doors.shapes import Shape, id_in
from heyi.infra.tools import Tools
from heyi.kernel.condition import OPERATORS, Field
from heyi.kernel.flow import FlowFields
from heyi.offer import catalog

Search = Annotated[str | None, Parameter(max_length=100, description="anywhere in name and title")]
Bundle = Annotated[str | None, Parameter(description="bnd_…: the fields of its components, by their titles")]
Number = Annotated[int | None, Parameter(description="the bundle's version; the current one unless named")]
ANY = {"CODE": "CODE"}  # stands for the code of any component


class OperatorShape(Shape):
    """`arguments`: how many it takes (null: one or more). `takes`: the types of its first argument, from which those of
    the others follow; `gives`: its own. `title` is said in zh and en.
    """

    op: str
    title: dict[str, str]
    arguments: int | None
    takes: list[str]
    gives: str


class FieldShape(Shape):
    """`title` in zh and en: a boolean's reads as a statement, which `denial` denies. `operators`: those that take it
    first. `currency`: the only one that an amount is ever in.
    """

    field: str
    type: str
    title: dict[str, str]
    denial: dict[str, str] | None
    currency: str | None
    operators: list[str]


def _operator_shape(op: str) -> OperatorShape:
    made = OPERATORS[op]
    return OperatorShape(
        op=op, title={"zh": made.zh, "en": made.en}, arguments=made.arguments,
        takes=sorted(type.value for type in made.takes), gives=made.gives.value,
    )  # fmt: skip


def _field_shape(field: Field) -> FieldShape:
    return FieldShape(
        field=field.name, type=field.type.value, title={"zh": field.zh, "en": field.en},
        denial=field.denial and {"zh": field.denial[0], "en": field.denial[1]}, currency=field.currency,
        operators=[op for op, made in OPERATORS.items() if field.type in made.takes],
    )  # fmt: skip


def _found(search: str | None, *texts: str) -> bool:
    return search is None or any(search.lower() in text.lower() for text in texts)


@get("/condition_operators", guards=[READ], tags=["versions"],
     summary="Operators of conditions, in the order in which an editor would offer them")  # fmt: skip
async def list_condition_operators(
    limit: Limit = 50, cursor: Cursor = None, search: Search = None
) -> Page[OperatorShape]:
    names, after = list(OPERATORS), after_name(cursor)
    if after and after not in OPERATORS:
        raise BadCursor("/cursor")
    left = names[names.index(after) + 1 :] if after else names
    found = [op for op in left if _found(search, op, OPERATORS[op].zh, OPERATORS[op].en)]
    return paged_by_code(found[: limit + 1], limit, _operator_shape, str)


@get("/condition_fields", guards=[READ], tags=["versions"], summary="Fields of conditions, by name",
     description="Without a bundle, CODE stands for the code of any component.")  # fmt: skip
async def list_condition_fields(
    tools: Tools, bundle: Bundle = None, version: Number = None, limit: Limit = 50, cursor: Cursor = None,
    search: Search = None,
) -> Page[FieldShape]:  # fmt: skip
    titles, currency = ANY, None
    if bundle is not None:
        id = id_in("bnd", bundle)
        async with tools.db.reading() as tx:
            number = version or (await catalog.bundles.read(tx, id)).current_version or 0
            document = (await catalog.bundles.version(tx, id, number_in(number))).document
        titles, currency = document.titles, document.currency
    fields = sorted(FlowFields(titles, tools.settings.zone, currency).all(), key=lambda field: field.name)
    after = after_name(cursor)
    found = [field for field in fields if field.name > after and _found(search, field.name, field.zh, field.en)]
    return paged_by_code(found[: limit + 1], limit, _field_shape, lambda field: field.name)


HANDLERS = [list_condition_operators, list_condition_fields]
