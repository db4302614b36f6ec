"""Clients of the two dialects, written for these tests: a third reading of the documents, on purpose naive."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

PATIENCE_S = 10.0
PHONE = "13800138001"


def compact(body: object, *, sort_keys: bool = False) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def until(look: Callable[[], Any]) -> Any:
    """Wait for a condition, not for a time."""
    end = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    return seen


class World:
    """The control API, and one client for each default supplier."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=PATIENCE_S, verify=False)  # plain HTTP: no certificates to read

    def get(self, path: str, **query: Any) -> Any:
        reply = self.http.get(f"/control/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def put(self, path: str, body: object) -> Any:
        reply = self.http.put(f"/control/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def faults(self, supplier: str, *rules: dict[str, Any]) -> None:
        self.put(f"suppliers/{supplier}/faults", list(rules))

    def order(self, supplier: str, outer: str) -> Any:
        found = self.get(f"suppliers/{supplier}/orders", outer=outer)["data"]
        return found[-1] if found else None

    def delivered(self, supplier: str, outer: str) -> int:
        return int(self.get(f"suppliers/{supplier}/deliveries", prefix=outer)["total"])


class Kasushou:
    name = "kasushou"

    def __init__(self, world: World, name: str = "kasushou", user: str = "10001", key: str = "") -> None:
        self.world, self.name, self.user, self.key = world, name, user, key or "simulator-kasushou-key"

    def send(self, endpoint: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: str) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time() * 1000)))
        signed = f"{stamp}{compact(body, sort_keys=True) if body else '{}'}{self.key}"
        sign = wrong.get("sign", hashlib.sha1(signed.encode()).hexdigest())
        headers = {"UserId": self.user, "Timestamp": stamp, "Sign": sign, "Content-Type": "application/json"}
        path = f"/{self.name}/api/v1/{endpoint}"
        return self.world.http.post(path, content=compact(body).encode(), headers=headers, timeout=timeout)

    def ask(self, endpoint: str, body: dict[str, Any], **wrong: str) -> Any:
        return self.send(endpoint, body, PATIENCE_S, **wrong).json()

    def body(self, outer: str, account: str = PHONE, product: int = 1001, **more: Any) -> dict[str, Any]:
        attach = {"recharge_account": account}
        return {"id": product, "external_orderno": outer, "quantity": 1, "attach": attach, **more}

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S) -> httpx2.Response:
        return self.send("order/buy", self.body(outer), timeout=timeout)

    def buy(self, outer: str, **more: Any) -> Any:
        """(accepted, code); every refusal is 400, and its words say which one"""
        told = self.ask("order/buy", self.body(outer, **more))
        return told["code"] == 200, told["msg"] if told["code"] == 400 else told["code"]

    def buy_cards(self, outer: str, quantity: int) -> None:
        assert self.buy(outer, product=1101, quantity=quantity)[0]

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send("order/info", {"external_orderno": outer})

    def state(self, outer: str) -> str:
        told = self.query_raw(outer).json()
        words = {1: "processing", 2: "processing", 3: "done", 4: "failed", 5: "failed"}
        if told["code"] != 200:
            return f"code {told['code']} {told['msg']}"
        return words.get(told["data"][0]["status"], "strange")

    def cards(self, outer: str) -> list[tuple[str, str]]:
        data = self.query_raw(outer).json()["data"][0]
        return [(card["card_no"], card["card_password"]) for card in data["card_list"]]

    def verifies(self, message: dict[str, Any]) -> bool:
        signed = {k: v for k, v in message.items() if k not in ("sign", "card_list", "express_list")}
        escaped = compact(signed, sort_keys=True).replace("/", "\\/")
        text = f"{message['time']}{escaped}{self.key}"
        return message.get("sign") == hashlib.sha1(text.encode()).hexdigest()

    @staticmethod
    def told(message: dict[str, Any]) -> str:
        return {"1": "processing", "2": "processing", "3": "done", "4": "failed", "5": "failed"}[message["status"]]


class Fulu:
    name = "fulu"
    secret, app_key = "simulator-fulu-secret-0123456789", "simulator-fulu-app"

    def __init__(self, world: World) -> None:
        self.world = world

    def sign(self, text: str) -> str:
        return hashlib.md5(("".join(sorted(text)) + self.secret).encode()).hexdigest()

    def send(self, method: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = datetime.now(timezone(timedelta(hours=8))).strftime("%Y-%m-%d %H:%M:%S")
        envelope: dict[str, Any] = {
            "app_key": self.app_key, "method": method, "timestamp": stamp, "version": "2.0", "format": "json",
            "charset": "utf-8", "sign_type": "md5", "app_auth_token": "", "biz_content": compact(body),
        }  # fmt: skip
        envelope.update({k: v for k, v in wrong.items() if k != "sign"})
        envelope["sign"] = wrong.get("sign", self.sign(compact(envelope)))
        return self.world.http.post("/fulu/api/getway", content=compact(envelope).encode(), timeout=timeout)

    def ask(self, method: str, body: dict[str, Any], **wrong: Any) -> Any:
        """(code, result)"""
        told = self.send(method, body, **wrong).json()
        assert told["sign"] == self.sign(told["result"])
        return told["code"], json.loads(told["result"]) if told["result"] else None

    def body(self, outer: str, account: str = PHONE, product: int = 20001, **more: Any) -> dict[str, Any]:
        return {"product_id": product, "customer_order_no": outer, "charge_account": account, "buy_num": 1, **more}

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S) -> httpx2.Response:
        return self.send("fulu.order.direct.add", self.body(outer), timeout=timeout)

    def buy(self, outer: str, **more: Any) -> Any:
        code, _ = self.ask("fulu.order.direct.add", self.body(outer, **more))
        return code == 0, code

    def buy_cards(self, outer: str, quantity: int) -> None:
        body = {"product_id": 20101, "customer_order_no": outer, "buy_num": quantity}
        assert self.ask("fulu.order.card.add", body)[0] == 0

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send("fulu.order.info.get", {"customer_order_no": outer})

    def state(self, outer: str) -> str:
        code, result = self.ask("fulu.order.info.get", {"customer_order_no": outer})
        words = {"untreated": "processing", "processing": "processing", "success": "done", "failed": "failed"}
        return f"code {code}" if code else words.get(result["order_state"], "strange")

    def cards(self, outer: str) -> list[tuple[str, str]]:
        _, result = self.ask("fulu.order.info.get", {"customer_order_no": outer})
        return [(self.opened(card["card_number"]), self.opened(card["card_pwd"])) for card in result["cards"]]

    def opened(self, sealed: str) -> str:
        decryptor = Cipher(algorithms.AES(self.secret.encode()), modes.ECB()).decryptor()
        padding = PKCS7(128).unpadder()
        padded = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
        return (padding.update(padded) + padding.finalize()).decode()

    def verifies(self, message: dict[str, Any]) -> bool:
        signed = {k: v for k, v in message.items() if k != "sign"}
        return message.get("sign") == self.sign(compact(signed))

    @staticmethod
    def told(message: dict[str, Any]) -> str:
        status = str(message["order_status"])
        return {"success": "done"}.get(status, status)


class Heard(dict[str, Any]):
    """A callback's fields, JSON or form, with what its signature may stand over or in."""

    def __init__(self, raw: bytes, headers: dict[str, str], path: str) -> None:
        is_json = raw.startswith(b"{")
        super().__init__(json.loads(raw) if is_json else parse_qsl(raw.decode("utf-8", "replace"), True))
        self.raw, self.headers, self.query = raw, headers, dict(parse_qsl(urlsplit(path).query))


class Listener:
    """Hears a supplier's callbacks and answers with the words it is given, the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.heard: list[Heard] = []
        self.raw: list[tuple[str, dict[str, str], bytes]] = []  # path, headers, body
        self.answers = list(answers)
        self.pause = threading.Event()  # cleared: it hears, and does not answer
        self.pause.set()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                word = listener.answers.pop(0) if len(listener.answers) > 1 else listener.answers[0]
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.raw.append((self.path, headers, body))
                listener.heard.append(Heard(body, headers, self.path))
                listener.pause.wait(PATIENCE_S)
                self.send_response(200)
                self.send_header("Content-Length", str(len(word)))
                self.end_headers()
                self.wfile.write(word.encode())

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/callback"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
