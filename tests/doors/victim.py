"""Things of the alliance that tests of the doors may mistreat."""

from __future__ import annotations

import itertools
import re
from typing import Any

from tests.doors.schemas import Operation, Schemas
from tests.stack import Caller, Stack


class Victim:
    """Things of the alliance that may be mistreated, and how every route is called about them."""

    def __init__(self, stack: Stack) -> None:
        self.stack, operator = stack, stack.operator
        self.callers = {"channel": stack.channel, "partner": stack.partner, "operator": operator}
        self.ids: dict[str, str] = {}
        ids = self.ids
        ids["channel_id"] = operator.post("/channels", {"code": "victim", "title": "v"})["id"]
        ids["partner_id"] = operator.post("/partners", {"code": "victim", "title": "v"})["id"]
        ids["supplier_id"] = operator.every("/suppliers")[0]["id"]
        ids["code"] = "victim"
        document = {**operator.get("/profiles/kasushou")["document"], "code": "victim"}
        operator.post("/profiles/victim/draft", {"document": document})
        money = {"amount_minor": 100, "currency": "CNY"}
        benefit = {
            "code": "victim",
            "partner": ids["partner_id"],
            "kind": "card_key",
            "title": "v",
            "market_price": money,
        }
        ids["benefit_id"] = operator.post("/benefits", benefit)["id"]
        offer = {"source": "stock", "cost": money}
        ids["offer_id"] = operator.post(f"/benefits/{ids['benefit_id']}/offers", offer)["id"]
        ids["bundle_id"] = operator.post("/bundles", {"code": "victim", "title": "v"})["id"]
        version = {"price": money, "components": [{"code": "victim", "benefit": "victim", "weight": 1}]}
        operator.post(f"/bundles/{ids['bundle_id']}/versions", version)
        ids["version"] = "1"
        ids["about"] = ids["supplier_id"]
        ids["key_id"] = operator.post(f"/channels/{ids['channel_id']}/access_keys", {"label": "v"})["id"]
        announced = {"benefit": "victim", "batch": "victim", "cost": money}
        asked = {"standard": "dujiao_next", "label": "v"}
        ids["supply_key_id"] = operator.post(f"/channels/{ids['channel_id']}/supply_keys", asked)["id"]
        ids["import_id"] = operator.post("/key_imports", announced)["id"]
        ids["batch_id"] = operator.every("/key_batches")[0]["id"]
        endpoint = {"url": f"{stack.simulator_url}/receiver/victim"}
        ids["endpoint_id"] = stack.channel.post("/webhook_endpoints", endpoint)["id"]
        order = stack.order("five", accounts={"phone": "13800138000"})
        ids["order_id"] = ids["bundle"] = order["id"]
        ids["entitlement_id"] = next(i["entitlement"] for i in order["items"] if i["kind"] == "top_up")
        voucher = next(i["entitlement"] for i in order["items"] if i["kind"] == "voucher")
        code = stack.channel.post(f"/entitlements/{voucher}/code")["code"]
        scanned = {"code": code, "till": "t", "request_no": "victim"}
        ids["redemption_id"] = stack.partner.post("/redemptions/prepare", scanned)["id"]
        source = {
            "partner": ids["partner_id"],
            "protocol": "partner_rights",
            "base_url": stack.simulator_url,
            "key": "k",
        }
        ids["source_id"] = operator.post("/status_sources", source)["id"]
        strange = {"event_id": "victim", "kind": "used", "at": "2026-01-01T00:00:00Z", "outer_number": "victim-1"}
        stack.partner.post("/usage", {"events": [strange]})
        ids["drift_id"] = operator.every("/drifts", search="victim-1")[0]["id"]
        goods = stack.order("hands", ship_to={"name": "n", "phone": "1", "address": "a"}, accounts={})
        tasks = operator.every("/tasks")
        ids["task_id"] = tasks[0]["id"] if tasks else goods["id"]
        self._numbers = itertools.count(1)

    def caller(self, operation: Operation) -> Caller:
        return self.callers[operation.told["x-callers"][0]]

    def address(self, operation: Operation) -> str:
        return re.sub(r"{(\w+)}", lambda found: self.ids.get(found[1], "xxx_1"), operation.path)

    def body(self, schemas: Schemas, operation: Operation) -> dict[str, Any]:
        """A body that can be read, and for the important routes also meant."""
        assert operation.body is not None
        body: dict[str, Any] = schemas.example(operation.body)
        number = next(self._numbers)
        if operation.name in ("place_order", "quote_order"):
            body = {
                "channel_order_no": f"bad-{number}", "bundle": "link", "quantity": 1, "pay_with": "balance",
                "buyer": {"id": "u", "phone": "1", "ip": "::1", "device_id": "d", "user_agent": "ua"},
                "accounts": {}, "choices": {}, "metadata": {"a": "b"},
                "ship_to": {"name": "n", "phone": "1", "address": "a"}, "bundle_version": 1,
                "expected_amount": {"amount_minor": 9900, "currency": "CNY"},
            }  # fmt: skip
        if operation.name == "rehearse_profile":
            body = {"verb": "submit", "version": 1}
        if "code" in body and operation.name.startswith("make_"):
            body["code"] = f"victim-{number}"
        if "app_id" in body:
            body |= {"app_id": "1", "app_secret": "x"}
        if "base_url" in body:
            body["base_url"] = "https://supplier.example"
        if operation.name == "report_usage":
            body["events"][0] |= {"event_id": f"v-{number}", "kind": "used", "at": "2026-01-01T00:00:00Z"}
        elif "events" in body:
            body["events"] = ["*"]
        if "partner" in body:
            body["partner"] = self.ids["partner_id"]
        return body
