"""Restarts, the webhook receiver, the till and the pages."""

import base64
import json
import sqlite3
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook
from tests.simulator.running import start_simulator
from tests.simulator.speaking import Fulu, Kasushou, Listener, World, until

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        client = Kasushou(world)
        world.put("suppliers/kasushou", {"balance": "100.00"})
        world.put("receivers/shop", {"secret": SECRET})
        assert client.buy("a-1")[0]
        until(lambda: client.state("a-1") == "done")
        world.put("suppliers/fulu", {"work_ms": 1500})
        assert Fulu(world).buy("b-1")[0]
        world.faults("kasushou", {"fault": "decline", "times": 3})
        assert not client.buy("a-2")[0]
        _deliver(world, "msg_1", "{}")
        assert running.stop() == 0
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        client = Kasushou(world)
        assert client.state("a-1") == "done"
        assert world.delivered("kasushou", "") == 1
        supplier = world.get("suppliers/kasushou")
        assert supplier["balance_fen"] == 8500
        assert supplier["faults"][0]["used"] == 1
        assert world.get("receivers/shop")["total"] == 1
        until(lambda: Fulu(world).state("b-1") == "done")
        assert world.delivered("fulu", "b-1") == 1


def test_a_restart_remembers_rights_and_does_not_bring_back_the_deleted(tmp_path: Path) -> None:
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        assert Kasushou(world).buy("a-1")[0]
        assert Fulu(world).buy("b-1")[0]
        until(lambda: world.delivered("kasushou", "a-1") and world.delivered("fulu", "b-1"))
        world.put("suppliers/kasushou/rights", {"outer": "a-1", "state": "activated"})
        assert world.http.post("/control/flush").status_code == 200
        assert world.http.delete("/control/suppliers/fulu").status_code == 200
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        assert world.order("kasushou", "a-1")["right"] == "activated"
        assert "fulu" not in world.get("health")["suppliers"]


def test_orders_reach_the_file_without_a_shutdown(tmp_path: Path) -> None:
    with start_simulator(tmp_path) as running:
        assert Kasushou(World(running.url)).buy("a-1")[0]
        file = sqlite3.connect(tmp_path / "simulator.sqlite")
        until(lambda: file.execute("select count(*) from kept where kind = 'order'").fetchone()[0] == 1)
        file.close()
        running.process.kill()


def test_a_waiting_callback_survives_a_restart(tmp_path: Path) -> None:
    hearing = Listener("no", "ok")
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        world.put("suppliers/kasushou", {"callback_url": hearing.url, "callback_gap_ms": 1000})
        assert Kasushou(world).buy("a-1")[0]
        until(lambda: world.order("kasushou", "a-1")["callbacks_sent"] == 1)
        until(lambda: world.order("kasushou", "a-1")["callback_due_ms"])
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        until(lambda: world.order("kasushou", "a-1")["callback_acked"])
    hearing.close()
    assert len(hearing.heard) == 2


def test_a_held_connection_does_not_hold_the_end(tmp_path: Path) -> None:
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        world.faults("fulu", {"fault": "timeout_before_accept", "hold_ms": 600_000})
        caller = threading.Thread(target=lambda: Fulu(world).buy_raw("a-1"), daemon=True)
        caller.start()
        until(lambda: World(running.url).get("suppliers/fulu/calls")["data"])
        assert running.stop() == 0
        caller.join(5)
        assert not caller.is_alive()


def test_a_callback_cut_off_by_a_shutdown_is_sent_after_it(tmp_path: Path) -> None:
    hearing = Listener("ok")
    hearing.pause.clear()
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        world.put("suppliers/kasushou", {"callback_url": hearing.url})
        assert Kasushou(world).buy("a-1")[0]
        until(lambda: hearing.heard)
    hearing.pause.set()
    with start_simulator(tmp_path) as running:
        world = World(running.url)
        until(lambda: world.order("kasushou", "a-1")["callback_acked"])
    hearing.close()
    assert len(hearing.heard) == 2


def test_a_reset_ends_what_was_under_way(world: World) -> None:
    world.put("suppliers/kasushou", {"work_ms": 40})
    assert Kasushou(world).buy("old-1")[0]
    assert world.http.post("/control/reset").status_code == 200
    assert Kasushou(world).buy("new-1")[0]
    until(lambda: world.delivered("kasushou", "new-1") == 1)
    assert world.get("suppliers/kasushou")["counters"]["orders"] == 1
    assert world.delivered("kasushou", "old-1") == 0


def _deliver(world: World, identity: str, body: str, signature: str | None = None) -> int:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature or Webhook(SECRET).sign(identity, now, body),
    }
    return int(world.http.post("/receiver/shop", content=body.encode(), headers=headers).status_code)


def test_the_receiver_verifies_and_counts(world: World) -> None:
    world.put("receivers/shop", {"secret": SECRET})
    body = '{"type": "order.paid"}'
    assert _deliver(world, "msg_1", body) == 204
    assert _deliver(world, "msg_1", body) == 204
    for wrong in ("v1,AAAA", "v1,not base64!", "nonsense"):
        assert _deliver(world, "msg_2", body, wrong) == 400
    heard = world.get("receivers/shop")
    assert heard["attempts"] == {"msg_1": 2, "msg_2": 3}
    assert (heard["total"], heard["verified"], heard["accepted"]) == (5, 2, 1)
    assert heard["deliveries"][0]["type"] == "order.paid"


def test_the_receiver_fails_when_told_to(world: World) -> None:
    world.put("receivers/shop", {"secret": SECRET, "fail": {"status": 500, "times": 2}})
    assert [_deliver(world, "msg_1", "{}") for _ in range(3)] == [500, 500, 204]
    world.put("receivers/shop", {"fail": {"status": 503, "times": None}})
    assert _deliver(world, "msg_2", "{}") == 503
    world.put("receivers/shop", {"fail": None})
    assert _deliver(world, "msg_2", "{}") == 204


class Redemptions(BaseHTTPRequestHandler):
    """The published redemption API, as small as it can be."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        told: dict[str, Any] = {"id": "rdm_1", "state": "redeemed"}
        status = 200
        if self.path == "/v1/redemptions/prepare":
            known = asked["code"] == "12345678" and self.headers["Authorization"] == "Bearer k"
            status = 201 if known else 409
            told = {"id": "rdm_1", "state": "prepared"} if known else {"code": "redemption.code_unknown"}
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


def test_the_till_prepares_and_confirms(world: World) -> None:
    platform = ThreadingHTTPServer(("127.0.0.1", 0), Redemptions)
    threading.Thread(target=platform.serve_forever, args=(0.02,), daemon=True).start()
    scan = {"base_url": f"http://127.0.0.1:{platform.server_address[1]}", "key": "k", "code": "12345678", "units": 1}
    told = world.http.post("/till/scan", json=scan).json()
    assert told["redeemed"]
    assert (told["prepare"]["status"], told["confirm"]["body"]["state"]) == (201, "redeemed")
    told = world.http.post("/till/scan", json={**scan, "code": "0"}).json()
    assert (told["redeemed"], told["prepare"]["status"], told["confirm"]) == (False, 409, None)
    platform.shutdown()
    platform.server_close()
    told = world.http.post("/till/scan", json=scan).json()
    assert told["prepare"]["status"] is None
    assert world.http.post("/till/scan", json={}).status_code == 400


def test_the_pages_show_what_is_there_and_escape_it(world: World) -> None:
    assert Kasushou(world).buy("<script>")[0]
    world.faults("kasushou", {"fault": "stuck"})
    world.put("receivers/shop", {"secret": SECRET})
    _deliver(world, "msg_<b>", "{}")
    shown = world.http.get("/control").text
    assert "模拟器控制台" in shown
    assert "一直处理中" in shown
    assert "&lt;script&gt;" in shown
    assert "msg_<b>" not in shown
    assert "核销" in world.http.get("/till").text
    assert world.http.get("/nowhere").status_code == 404
    assert world.get("health")["status"] == "ok"
