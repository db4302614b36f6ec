"""Importing card keys: say what the file is, send it (again, if the line broke), ask how far it is, read its faults."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, get, post, put
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import Parameter
from litestar.response import Stream
from msgspec import Meta

from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.moments import Moment, moment
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.problems import language_of
from heyi.doors.shapes import Body, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.flows import import_keys
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.provision import stock
from heyi.provision.stock.model import Fault, Import, Layout, Reason

MEDIA_TYPES = ("text/csv", "text/plain", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
REASONS: dict[Reason, tuple[str, str]] = {
    Reason.EMPTY: ("卡号或卡密为空", "the code or the secret is empty"),
    Reason.TOO_LONG: ("超过 256 个字符", "longer than 256 characters"),
    Reason.CONTROL: ("含有不可见字符", "contains invisible characters"),
    Reason.COLUMNS: ("列数与首行不同", "not as many columns as the first line"),
    Reason.QUOTES: ("引号未闭合", "a quote is not closed"),
    Reason.UNDECODABLE: ("无法按文件编码解读", "not in the file's encoding"),
    Reason.MANGLED: ("被表格软件改写的数值, 请以文本格式导出", "a number rounded by a spreadsheet; export it as text"),
    Reason.EXPIRY: ("无法识别有效期", "the expiry cannot be read"),
    Reason.EXPIRED: ("已过期", "has expired"),
    Reason.REPEATED_IN_FILE: ("文件内重复", "is in the file twice"),
    Reason.REPEATED_IN_VAULT: ("卡密库中已存在", "is in the vault already"),
}


class UploadBroken(Refused):
    """The line broke before the file's end; send it again."""

    code, kind = "stock.upload_broken", Kind.INVALID
    zh = "上传中断, 请重新发送同一文件"
    en = "the upload broke off; send the same file again"


class ColumnsBody(Body):
    """A column's name in the header, or its number from 1. Left out altogether, well-known names are recognised
    (卡号, 卡密, 有效期, code, secret, expires …), and a file of one column is its code."""

    code: Short
    secret: Short | None = None
    expires: Short | None = None


class ImportBody(Body):
    """`benefit` is a code or an id; the batch is made if there is none of this code, and takes all imports that name it
    with the same benefit and cost (of one key). `header` is true for CSV and XLSX and false for TXT unless given;
    `delimiter` is a comma for CSV, and none for TXT (the whole line is the code) unless given. `expires_at` is for
    rows that give none. A dry run reads and reports everything and keeps nothing."""

    benefit: Short
    batch: Short
    cost: MoneyBody
    format: Literal["csv", "txt", "xlsx"] = "csv"
    columns: ColumnsBody | None = None
    header: bool | None = None
    delimiter: Annotated[str, Meta(pattern=r'^[^\x00\r\n"\ud800-\udfff]{1,8}$(?!\n)')] | None = None
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    expires_at: Moment | None = None
    dry_run: bool = False


class ImportShape(Shape):
    """`rows_read` = added + bad + repeated (in the file, or in the vault before it); `position` counts the file's lines
    that are done. Unless the state is done, send the file again, from its beginning: what is done is skipped."""

    id: str
    state: str
    benefit: str
    batch: str
    batch_id: str | None
    cost: MoneyShape
    dry_run: bool
    format: str
    position: int
    rows_read: int
    rows_added: int
    rows_bad: int
    rows_repeated: int
    created_at: datetime
    updated_at: datetime


@dataclass
class FileOperation(Operation):
    """Says in the OpenAPI document that the body is a file."""

    def __post_init__(self) -> None:
        raw = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream"))
        self.request_body = RequestBody(content=dict.fromkeys(MEDIA_TYPES, raw), required=True)


def import_shape(work: Import) -> ImportShape:
    return ImportShape(
        id=to_text("imp", work.id), state=work.state.value, benefit=to_text("ben", work.benefit_id), batch=work.batch,
        batch_id=None if work.batch_id is None else to_text("bat", work.batch_id), cost=money(work.cost),
        dry_run=work.dry_run, format=work.layout.format, position=work.position, rows_read=work.rows_read,
        rows_added=work.rows_added, rows_bad=work.rows_bad, rows_repeated=work.rows_repeated,
        created_at=work.created_at, updated_at=work.updated_at,
    )  # fmt: skip


def layout_in(body: ImportBody) -> Layout:
    given = {} if body.columns is None else msgspec.to_builtins(body.columns)
    return Layout(
        body.format, {field: name for field, name in given.items() if name is not None},
        body.format != "txt" if body.header is None else body.header,
        body.delimiter or ("," if body.format == "csv" else None), body.encoding,
        moment(body.expires_at, "/expires_at"),
    )  # fmt: skip


@post("/key_imports", guards=[WRITE], summary="Announce a file of card keys", tags=["card keys"])
async def make_key_import(data: ImportBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> ImportShape:
    work = await import_keys.begin(
        tools, benefit=data.benefit, batch=data.batch, cost=Money(data.cost.amount_minor, data.cost.currency),
        layout=layout_in(data), dry_run=data.dry_run,
    )  # fmt: skip
    return import_shape(work)


@put("/key_imports/{import_id:str}/file", guards=[WRITE], request_max_body_size=None, operation_class=FileOperation,
     summary="Send the file, streamed; the same file again continues a broken upload", tags=["card keys"])  # fmt: skip
async def send_key_file(import_id: str, request: Request[Any, Any, Any], tools: Tools) -> ImportShape:
    return import_shape(await import_keys.import_keys(tools, id_in("imp", import_id), _pieces(request)))


async def _pieces(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except HTTPException as gone:  # the framework's word for a caller who went away
        raise UploadBroken from gone


@get("/key_imports/{import_id:str}", guards=[READ], summary="How far an import is", tags=["card keys"])
async def get_key_import(import_id: str, tools: Tools) -> ImportShape:
    async with tools.db.reading() as tx:
        return import_shape(await stock.imports.read(tx, id_in("imp", import_id)))


@get("/key_imports", guards=[READ], summary="Imports, newest first", tags=["card keys"])
async def list_key_imports(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    batch: Annotated[str | None, Parameter(max_length=64, description="a batch's code")] = None,
) -> Page[ImportShape]:
    async with tools.db.reading() as tx:
        found = await stock.imports.page(tx, batch=batch, before=before(cursor), most=limit + 1)
    return paged(found, limit, import_shape)


@get("/key_imports/{import_id:str}/errors", guards=[READ], media_type="text/csv", tags=["card keys"],
     summary="The rows that were not taken, as CSV: line, reason, explanation, masked value")  # fmt: skip
async def key_import_errors(import_id: str, request: Request[Any, Any, Any], tools: Tools) -> Stream:
    work = id_in("imp", import_id)
    async with tools.db.reading() as tx:
        await stock.imports.read(tx, work)
    chinese = language_of(request) == "zh"
    name = f'attachment; filename="{import_id}-errors.csv"'
    return Stream(_errors(tools, work, chinese), media_type="text/csv; charset=utf-8",
                  headers={"Content-Disposition": name})  # fmt: skip


async def _errors(tools: Tools, import_id: UUID, chinese: bool) -> AsyncIterator[bytes]:
    """Some thousand rows at a time, with a byte order mark for Excel's sake."""
    yield b"\xef\xbb\xbfline,reason,explanation,value\r\n"
    line = 0
    while True:
        async with tools.db.reading() as tx:
            faults = await stock.imports.faults(tx, import_id, after_line=line)
        if not faults:
            return
        line = faults[-1].line
        yield _csv(faults, chinese)


def _csv(faults: list[Fault], chinese: bool) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        (fault.line, fault.reason.value, REASONS[fault.reason][0 if chinese else 1], fault.masked) for fault in faults
    )
    return text.getvalue().encode()


HANDLERS = [make_key_import, send_key_file, get_key_import, list_key_imports, key_import_errors]
