"""What a channel's shop does: order a bundle, wait for its parts, show the buyer what is theirs.

    python examples/buy_a_bundle.py joint-annual 13800138000

Reads the address and the key from HEYI_URL and HEYI_CHANNEL_KEY, or from a running demo's .heyi/demo.json. Standard
library only: copy it into whatever you have.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

GAPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 10)


def address_and_key() -> tuple[str, str]:
    if "HEYI_URL" in os.environ:
        return os.environ["HEYI_URL"], os.environ["HEYI_CHANNEL_KEY"]
    demo = json.loads(Path(".heyi/demo.json").read_text(encoding="utf-8"))
    return demo["url"], demo["channel_key"]


def call(method: str, path: str, body: object = None) -> Any:
    """One call. A problem document becomes an exit with its code and its sentence."""
    url, key = address_and_key()
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept-Language": "en"}
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        problem = json.load(refused)
        sys.exit(f"{problem['code']}: {problem['detail']}")


def place(bundle: str, phone: str, number: str) -> Any:
    """Place the order. The number makes it safe to repeat: if the line breaks, send the same again."""
    body = {
        "channel_order_no": number,
        "bundle": bundle,
        "buyer": {"id": f"buyer-{phone}"},
        "accounts": {"phone": phone},
        "pay_with": "balance",
    }
    for gap in GAPS_S:
        try:
            return call("POST", "/v1/orders", body)
        except (urllib.error.URLError, TimeoutError):
            time.sleep(gap)
    sys.exit("heyi did not answer; send the same number again later")


def main() -> None:
    bundle, phone = sys.argv[1], sys.argv[2]
    order = place(bundle, phone, os.environ.get("ORDER_NO") or f"EX-{time.time_ns()}")
    print(f"{order['id']}  paid {order['amount']['amount_minor'] / 100:.2f} {order['amount']['currency']}")
    for gap in GAPS_S:  # a real shop listens to webhooks instead; see webhook_receiver.py
        order = call("GET", f"/v1/orders/{order['id']}")
        if all(item["state"] != "delivering" for item in order["items"]):
            break
        time.sleep(gap)
    for item in order["items"]:
        print(f"  {item['state']:<18} {item['benefit']}  {item['problem'] or ''}")
    for shown in call("POST", f"/v1/orders/{order['id']}/reveal"):
        print(f"  yours: {shown}")


if __name__ == "__main__":
    main()
