"""Systems that buy from a supplier: a 闲管家 shop and a dujiao-next site, each signing by its own document.

`PUT /buyers/{name}` says whose address it calls and with which credentials; `POST /buyers/{name}/call` sends one signed
request; `POST /buyers/{name}/order` places an order that brings this desk's own address along; notifications arrive
below `/buyers/{name}/notify` and are checked and answered; `GET /buyers/{name}` shows them. All of it is in memory.

Facts from s.apifox.cn/cf4d53fd-8bb2-41c5-8da3-371ba9a38956, github.com/dujiao-next/document
(docs/api/integration-open-api.md) and what github.com/dujiao-next/dujiao-next does with a callback.
"""

import hashlib
import hmac
import time
import uuid
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec

from simulator.asgi import Answer, Request, as_json, not_found

TIMEOUT_S = 15.0
KEPT = 1000
CLOCK_S = {"goofish": 300, "dujiao_next": 60}
CALLBACK_PATH = "/api/v1/upstream/callback"  # what a site verifies with, wherever it was called
ACKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "goofish": ({"code": 0, "msg": "OK"}, {"code": 1, "msg": "told to fail"}),
    "dujiao_next": ({"ok": True, "message": "received"}, {"ok": False, "message": "told to fail"}),
}


class Buyer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`credentials`: app_id, app_secret, mch_id, mch_secret; or key, secret. The next `fail_times` notifications are
    answered with `fail_status` (200: with the standard's own word for a failure)."""

    standard: Literal["goofish", "dujiao_next"]
    base_url: str
    credentials: dict[str, str]
    fail_times: int = 0
    fail_status: int = 200
    notified: list[dict[str, Any]] = []


class Calling(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One request. `raw` is sent as it is; `clock_s` moves the signature's time; `sign` replaces the signature."""

    method: str = "POST"
    path: str
    query: str = ""
    body: dict[str, Any] | None = None
    raw: str | None = None
    clock_s: int = 0
    sign: str | None = None
    nonce: str | None = None


class Ordering(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An order: `goods` is a goods_no or a sku_id; `fields` makes it a top-up (or fills the form)."""

    goods: str
    number: str
    quantity: int = 1
    max_amount: int | None = None
    fields: dict[str, str] = {}


class Buyers:
    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=TIMEOUT_S)
        self._buyers: dict[str, Buyer] = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def answer(self, request: Request, parts: list[str]) -> Answer:
        try:
            match (request.method, parts):
                case ("PUT", [name]):
                    self._buyers[name] = msgspec.json.decode(request.body, type=Buyer)
                    return as_json({"name": name})
                case ("PATCH", [name]) if name in self._buyers:
                    told = msgspec.to_builtins(self._buyers[name]) | msgspec.json.decode(request.body)
                    self._buyers[name] = msgspec.convert(told, Buyer)
                    return as_json({"name": name})
                case ("GET", [name]) if name in self._buyers:
                    return as_json({"notified": self._buyers[name].notified})
                case ("POST", [name, "call"]) if name in self._buyers:
                    return as_json(
                        await self._call(self._buyers[name], msgspec.json.decode(request.body, type=Calling))
                    )
                case ("POST", [name, "order"]) if name in self._buyers:
                    wanted = msgspec.json.decode(request.body, type=Ordering)
                    mine = f"http://{request.header('host')}/buyers/{name}/notify/{wanted.number}"
                    return as_json(await self._call(self._buyers[name], _order(self._buyers[name], wanted, mine)))
                case ("POST", [name, "notify", *_]) if name in self._buyers:
                    return self._hear(self._buyers[name], request)
        except (msgspec.DecodeError, msgspec.ValidationError) as problem:
            return as_json({"error": str(problem)}, 400)
        return not_found(request.path)

    async def _call(self, buyer: Buyer, wanted: Calling) -> dict[str, Any]:
        body = wanted.raw.encode() if wanted.raw is not None else b"" if wanted.body is None else _bytes(wanted.body)
        url = buyer.base_url.rstrip("/") + wanted.path
        at = str(int(time.time()) + wanted.clock_s)
        headers = {"content-type": "application/json"}
        query = wanted.query
        if buyer.standard == "goofish":
            sign = wanted.sign or goofish_sign(buyer.credentials, at, body)
            query = urlencode({"mch_id": buyer.credentials["mch_id"], "timestamp": at, "sign": sign})
        else:
            headers |= {"Dujiao-Next-Api-Key": buyer.credentials["key"], "Dujiao-Next-Timestamp": at}
            path = urlsplit(url).path
            made = dujiao_sign(buyer.credentials["secret"], wanted.method, path, at, body, wanted.nonce)
            headers["Dujiao-Next-Signature"] = wanted.sign or made
            if wanted.nonce is not None:
                headers["Dujiao-Next-Nonce"] = wanted.nonce
        try:
            reply = await self._http.request(
                wanted.method, f"{url}?{query}" if query else url, content=body or None, headers=headers
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
            return {"status": None, "body": None, "error": f"{type(problem).__name__}: {problem}"}
        try:
            return {"status": reply.status_code, "body": reply.json()}
        except ValueError:
            return {"status": reply.status_code, "body": reply.text}

    def _hear(self, buyer: Buyer, request: Request) -> Answer:
        problem = _problem(buyer, request)
        good, bad = ACKS[buyer.standard]
        status, told = (400, bad) if problem else (200, good)
        if buyer.fail_times:
            buyer.fail_times -= 1
            status, told = buyer.fail_status, bad
        accepted = told is good
        body = msgspec.json.decode(request.body) if not problem else request.body.decode("utf-8", "replace")
        buyer.notified.append({"verified": not problem, "problem": problem, "accepted": accepted, "body": body,
                               "path": request.path})  # fmt: skip
        del buyer.notified[:-KEPT]
        return as_json(told, status)


def _order(buyer: Buyer, wanted: Ordering, address: str) -> Calling:
    if buyer.standard == "goofish":
        body: dict[str, Any] = {"order_no": wanted.number, "goods_no": wanted.goods, "buy_quantity": wanted.quantity,
                                "notify_url": address, "biz_order_no": uuid.uuid4().hex, "product_id": 0}  # fmt: skip
        if wanted.max_amount is not None:
            body["max_amount"] = wanted.max_amount
        if wanted.fields:
            body["biz_content"] = {**wanted.fields, "buyer_ip": "203.0.113.9"}
        return Calling(path=f"/goofish/order/{'recharge' if wanted.fields else 'purchase'}/create", body=body)
    body = {"sku_id": int(wanted.goods), "quantity": wanted.quantity, "downstream_order_no": wanted.number,
            "trace_id": uuid.uuid4().hex, "callback_url": address}  # fmt: skip
    if wanted.fields:
        body["manual_form_data"] = wanted.fields
    return Calling(path="/api/v1/upstream/orders", body=body)


def _problem(buyer: Buyer, request: Request) -> str:
    """What is wrong with a notification's signature or time; empty when nothing is."""
    if buyer.standard == "goofish":
        at, sign = request.query("timestamp"), request.query("sign")
        if request.query("mch_id") != buyer.credentials["mch_id"]:
            return "another merchant"
        right = goofish_sign(buyer.credentials, at, request.body)
    else:
        at, sign = request.header("dujiao-next-timestamp"), request.header("dujiao-next-signature")
        if request.header("dujiao-next-api-key") != buyer.credentials["key"]:
            return "another key"
        right = dujiao_sign(buyer.credentials["secret"], request.method, CALLBACK_PATH, at, request.body, None)
    if not at.isdigit() or abs(time.time() - int(at)) > CLOCK_S[buyer.standard]:
        return "the time is wrong"
    return "" if hmac.compare_digest(sign, right) else "the signature is wrong"


def goofish_sign(credentials: dict[str, str], at: str, body: bytes) -> str:
    names = ("app_id", "app_secret", None, "at", "mch_id", "mch_secret")
    known = {**credentials, "at": at}
    words = [hashlib.md5(body).hexdigest() if name is None else known[name] for name in names]
    return hashlib.md5(",".join(words).encode()).hexdigest()


def dujiao_sign(secret: str, method: str, path: str, at: str, body: bytes, nonce: str | None) -> str:
    told = f"{method.upper()}\n{path}\n{at}\n"
    told += hashlib.md5(body).hexdigest() if nonce is None else f"{nonce}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest()


def _bytes(body: dict[str, Any]) -> bytes:
    return msgspec.json.encode(body)
