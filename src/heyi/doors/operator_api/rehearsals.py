"""A connector rehearsed: exact bytes, the string that was signed, what a reply means. And what there is to choose."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import Caller, allow, must_connect
from heyi.doors.operator_api.profiles import Document, VersionNumber, known_code, pointed
from heyi.doors.paging import Cursor, Limit, Page, after_code, paged_by_code
from heyi.doors.shapes import Accounts, Address, AmountMinor, Body, CodeWord, Currency, Line, Shape, id_in
from heyi.flows import rehearse
from heyi.flows.rehearse import Rehearsal
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.talk import Reply
from heyi.provision.fulfilment import profiles
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.profiles import Choice
from heyi.provision.fulfilment.rehearsing import Answered, Rehearsed, Shown
from heyi.provision.fulfilment.suppliers import Callback
from heyi.provision.fulfilment.suppliers.document import Profile

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
# What is longer, or is no text, comes as base64.
Text = Annotated[str, Meta(max_length=8_000, pattern=r"^[^\x00\ud800-\udfff]*$(?!\n)")]
Base64 = Annotated[str, Meta(max_length=400_000, pattern=r"^[A-Za-z0-9+/=]*$(?!\n)")]
SupplierId = Annotated[str, Meta(max_length=40, pattern=r"^sup_[0-9a-z]*$(?!\n)", description="sup_…")]
HeaderName = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
Headers = Annotated[dict[HeaderName, Annotated[str, Meta(max_length=4000)]], Meta(max_length=50)]
Number = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$(?!\n)")]


class NotBytes(Refused):
    """A body is given as text, or as base64 that can be read."""

    code, kind = "profile.bad_bytes", Kind.UNPROCESSABLE
    zh, en = "body_base64 不是有效的 base64，或与 body 同时给出", "body_base64 is no base64, or body was given too"


class ReplyBody(Body):
    """What the supplier said, pasted."""

    status: Annotated[int, Meta(ge=100, le=599)] = 200
    headers: Headers = {}
    body: Text = ""
    body_base64: Base64 | None = None


class CallbackBody(Body):
    """What the supplier sends to us, pasted."""

    headers: Headers = {}
    query: Text = ""
    body: Text = ""
    body_base64: Base64 | None = None


class OrderBody(Body):
    """The order that is rehearsed."""

    kind: Literal["top_up", "card_key"] = "top_up"
    product_no: Line = "1001"
    accounts: Accounts = {}
    cost_minor: AmountMinor = 1000
    currency: Currency = "CNY"
    outer_number: Number = ""
    supplier_number: Number = ""


class RehearsalBody(Body):
    """`document` (as it stands in the form) or `version`; neither: the followed one. `supplier` (with its credentials)
    or sample `credentials`. `replies` answer the calls in turn. `at`: as if it were then. `send`: really ask that
    supplier; only query, balance, products and product, never a purchase. To send by anything but the followed version
    (`document`, `version`) decides what credentials are sent in: it needs the scope operator:connect.
    """

    verb: Literal["submit", "query", "balance", "products", "product", "callback"]
    version: VersionNumber | None = None
    document: Document | None = None
    supplier: SupplierId | None = None
    credentials: Annotated[dict[CodeWord, Line], Meta(max_length=20)] = {}
    base_url: Address | None = None
    order: OrderBody = msgspec.field(default_factory=OrderBody)
    page: Annotated[int, Meta(ge=1, le=100_000)] = 1
    at: datetime | None = None
    replies: Annotated[list[ReplyBody], Meta(max_length=5)] = []
    callback: CallbackBody | None = None
    send: bool = False


class ShownShape(Shape):
    """One call as it goes out. Secret credentials are shown as the places that they fill: {cred.key}. The
    signature of samples is the true one; of a real account it is that of the shown text; of what was sent it is hidden.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str
    body_base64: str
    signed: str
    signature: str


class AnsweredShape(Shape):
    """What the real supplier said to a call; masked."""

    status: int | None
    body: str
    error: str
    duration_ms: int


class RehearsedShape(Shape):
    """`verdict` (null: a reply is wanted) with a `sentence` and all that it says in `told`."""

    calls: list[ShownShape]
    answers: list[AnsweredShape]
    verdict: str | None
    sentence: str
    told: dict[str, Any]


class CredentialShape(Shape):
    """What an account needs. `secret`: it is never shown again."""

    name: str
    label: str
    secret: bool


class DialectShape(Shape):
    """What an account may choose. `origin`: shipped, package or stored; `unusable`: why it cannot be chosen now."""

    code: str
    title: str
    origin: str
    version: int
    beta: bool
    credentials: list[CredentialShape]
    kinds: list[str]
    shows_products: bool
    unusable: str | None


def _bytes(given: ReplyBody | CallbackBody, at: str) -> bytes:
    if given.body_base64 is None:
        return given.body.encode(errors="replace")
    try:
        if given.body:
            raise ValueError
        return base64.b64decode(given.body_base64, validate=True)
    except (ValueError, binascii.Error):
        raise NotBytes(f"{at}/body_base64") from None


def _rehearsal(code: str, data: RehearsalBody) -> Rehearsal:
    one, callback = data.order, data.callback
    replies = [
        Reply(r.status, {name.lower(): value for name, value in r.headers.items()}, _bytes(r, f"/replies/{number}"))
        for number, r in enumerate(data.replies)
    ]
    told = None
    if callback is not None or data.verb == "callback":
        given = callback or CallbackBody()
        heads = {name.lower(): value for name, value in given.headers.items()}
        told = Callback(heads, given.query, _bytes(given, "/callback"))
    request = Request(
        title="rehearsal", product_no=one.product_no, accounts=tuple(one.accounts.items()), cost_minor=one.cost_minor,
        currency=one.currency,
    )  # fmt: skip
    return Rehearsal(
        code, data.verb, request, version=data.version, document=data.document,
        supplier=None if data.supplier is None else id_in("sup", data.supplier), credentials=data.credentials,
        base_url=data.base_url, kind=one.kind, outer_number=one.outer_number,
        supplier_number=one.supplier_number, page=data.page, at=data.at, replies=tuple(replies), callback=told,
    )  # fmt: skip


def _shown(one: Shown) -> ShownShape:
    return ShownShape(
        method=one.method, url=one.url, headers=one.headers, body=one.body, body_base64=one.body_base64,
        signed=one.signed, signature=one.signature,
    )  # fmt: skip


def _answered(one: Answered) -> AnsweredShape:
    return AnsweredShape(status=one.status, body=one.body, error=one.error, duration_ms=one.duration_ms)


def _rehearsed(one: Rehearsed) -> RehearsedShape:
    return RehearsedShape(
        calls=[_shown(call) for call in one.calls], answers=[_answered(answer) for answer in one.answers],
        verdict=one.verdict, sentence=one.sentence, told=one.told,
    )  # fmt: skip


@post("/profiles/{code:str}/rehearse", guards=[WRITE], status_code=200, opt={"stores_no_answer": True},
      summary="Rehearse a verb: exact bytes, signed string, meaning of a reply", tags=["profiles"])  # fmt: skip
async def rehearse_profile(code: str, data: RehearsalBody, tools: Tools, caller: Caller) -> RehearsedShape:
    wanted = _rehearsal(known_code(code), data)
    with pointed("/document"):
        if data.send:
            must_connect(caller, data.document, data.version)
            return _rehearsed(await rehearse.ask(tools, wanted, by=caller.name))
        return _rehearsed(await rehearse.rehearse(tools, wanted))


def _dialect(one: Choice) -> DialectShape:
    credentials = [CredentialShape(name=c.name, label=c.label, secret=c.secret) for c in one.credentials]
    head = one.head
    return DialectShape(
        code=head.code, title=head.title, origin=head.origin, version=head.version, beta=head.beta,
        credentials=credentials, kinds=list(one.kinds), shows_products=one.shows_products, unusable=one.unusable,
    )  # fmt: skip


@get("/dialects", guards=[READ], summary="What an account may choose, and the credentials that it then needs",
     tags=["suppliers"])  # fmt: skip
async def list_dialects(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in code or title")] = None,
) -> Page[DialectShape]:
    async with tools.db.reading() as tx:
        found = await profiles.choices(tx, text=search, after=after_code(cursor), limit=limit + 1)
    return paged_by_code(found, limit, _dialect, lambda one: one.head.code)


@get("/profile_schema", guards=[READ], summary="The JSON schema of a profile, for forms", tags=["profiles"])
async def get_profile_schema() -> dict[str, Any]:
    return msgspec.json.schema(Profile)


HANDLERS = [rehearse_profile, list_dialects, get_profile_schema]
