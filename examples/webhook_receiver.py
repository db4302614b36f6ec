"""A small webhook receiver: verifies each message and prints one line for it. Nothing of heyi is needed to run it.

    pip install standardwebhooks
    WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py --port 8790

Register it with POST /v1/webhook_endpoints {"url": "http://127.0.0.1:8790/"}; the answer shows the secret, once.
(Addresses on your own machine are refused unless heyi runs with HEYI_WEBHOOK_PRIVATE=1, as the demo does.)

What a good receiver does:
1. It verifies the signature over the very bytes that came, before it reads them.
2. It remembers webhook-id: the same event may come again, and always under the same id.
3. It answers 2xx within 15 seconds and does its work afterwards; anything else means "send it again later".
"""

from __future__ import annotations

import argparse
import binascii
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX = 1 << 20
REMEMBERED_MAX = 10_000


class Receiver(BaseHTTPRequestHandler):
    """One instance per request; what is shared hangs on the class."""

    webhook: Webhook
    seen: dict[str, None] = {}  # shared on purpose; a real receiver keeps this in its database

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > BODY_BYTES_MAX:
            return self._answer(413)
        body = self.rfile.read(length)
        try:
            self.webhook.verify(body, dict(self.headers), json_parse=False)
        # A malformed signature leaves the library as an error of base64 or of str.split.
        except (WebhookVerificationError, binascii.Error, ValueError) as refused:
            self._say({"refused": str(refused)})
            return self._answer(400)
        event = json.loads(body)
        again = event["id"] in self.seen
        self.seen[event["id"]] = None
        if len(self.seen) > REMEMBERED_MAX:
            self.seen.pop(next(iter(self.seen)))
        self._say({"type": event["type"], "subject": event["subject"], "id": event["id"], "again": again})
        return self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    @staticmethod
    def _say(line: dict[str, object]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: one line per event is enough."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8790, help="0 takes any free one")
    given = parser.parse_args()
    secret = os.environ.get("WEBHOOK_SECRET")
    if not secret:
        sys.exit("WEBHOOK_SECRET is not set: it is the `secret` in the answer to POST /v1/webhook_endpoints")
    Receiver.webhook = Webhook(secret)
    with ThreadingHTTPServer(("127.0.0.1", given.port), Receiver) as server:
        print(json.dumps({"listening": f"http://127.0.0.1:{server.server_address[1]}/"}), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
