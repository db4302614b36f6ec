"""A partner's till: scans a buyer's code and takes the units through the published redemption API."""

import uuid
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from simulator import page
from simulator.asgi import Answer, Request, as_html, as_json, not_found

TIMEOUT_S = 15.0


class Scan(msgspec.Struct, kw_only=True):
    base_url: str
    key: str
    code: str
    units: int = 1
    till: str = "store-1/till-1"
    request_no: str = ""
    confirm: bool = True


class Till:
    def __init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=TIMEOUT_S)

    async def close(self) -> None:
        await self._http.aclose()

    async def answer(self, request: Request, parts: list[str]) -> Answer:
        if request.method == "GET" and not parts:
            return as_html(page.till())
        if request.method != "POST" or parts != ["scan"]:
            return not_found(request.path)
        try:
            scan = msgspec.json.decode(request.body, type=Scan)
        except msgspec.DecodeError as problem:
            return as_json({"error": str(problem)}, 400)
        return as_json(await self._scan(scan))

    async def _scan(self, scan: Scan) -> dict[str, object]:
        """Both answers as they came. A till that gets no answer asks again under the same request number."""
        number = scan.request_no or f"scan-{uuid.uuid4().hex}"
        asked = {"code": scan.code, "units": scan.units, "till": scan.till, "request_no": number}
        prepared = await self._post(scan, "/v1/redemptions/prepare", asked, number)
        body = prepared.get("body")
        identity = str(body.get("id", "")) if isinstance(body, dict) else ""
        confirmed = None
        if scan.confirm and identity and prepared["status"] in (200, 201):
            confirmed = await self._post(scan, f"/v1/redemptions/{quote(identity)}/confirm", {}, f"{number}-confirm")
        taken = confirmed is not None and confirmed["status"] in (200, 201)
        return {"request_no": number, "redeemed": taken, "prepare": prepared, "confirm": confirmed}

    async def _post(self, scan: Scan, path: str, body: dict[str, Any], number: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {scan.key}", "Idempotency-Key": number}
        try:
            reply = await self._http.post(scan.base_url.rstrip("/") + path, json=body, headers=headers)
        except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
            return {"status": None, "body": None, "error": f"{type(problem).__name__}: {problem}"}
        try:
            return {"status": reply.status_code, "body": reply.json()}
        except ValueError:
            return {"status": reply.status_code, "body": reply.text}
