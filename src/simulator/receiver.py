"""A channel's webhook receiver: verifies Standard Webhooks, keeps every delivery, fails when told to."""

import binascii
from collections import Counter
from typing import Any

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from simulator.asgi import Answer, Request, as_json
from simulator.model import Received, Receiver
from simulator.world import World, now_ms

BODY_KEPT = 20_000


class Receivers:
    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, name: str, request: Request) -> Answer:
        """Unknown receivers are made on the way: a delivery to a name without a secret arrives unverified."""
        if request.method != "POST":
            return as_json({"error": "only POST"}, 405)
        receiver = self._world.receivers.setdefault(name, Receiver(name=name))
        problem = _problem(receiver, request)
        status = 400 if problem else 204
        if receiver.fail_status and (receiver.fail_times is None or receiver.fail_times > 0):
            status = receiver.fail_status
            if receiver.fail_times is not None:
                receiver.fail_times -= 1
        self._keep(receiver, request, problem, status)
        if status == 204:
            return Answer(204)
        return as_json({"error": problem or "told to fail"}, status)

    def _keep(self, receiver: Receiver, request: Request, problem: str, status: int) -> None:
        received = Received(
            sequence=self._world.received[-1].sequence + 1 if self._world.received else 1,
            receiver=receiver.name,
            id=request.header("webhook-id"),
            type=_type(request.body),
            verified=not problem,
            answered=status,
            at_ms=now_ms(),
            body=request.body[:BODY_KEPT].decode("utf-8", "replace"),
            problem=problem,
        )
        self._world.received.append(received)
        self._world.store.mark("receiver", receiver.name, receiver)
        self._world.store.mark("received", f"{received.sequence:010d}", received)


def _problem(receiver: Receiver, request: Request) -> str:
    if not receiver.secret:
        return "no secret configured"
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in request.headers}
    try:
        Webhook(receiver.secret).verify(request.body, headers, json_parse=False)
    # Malformed base64 and a signature without a comma leave the library as their own errors.
    except (WebhookVerificationError, binascii.Error, ValueError) as refused:
        return f"{type(refused).__name__}: {refused}"
    return ""


def _type(body: bytes) -> str:
    try:
        message: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    return str(message.get("type", "")) if isinstance(message, dict) else ""


def listing(world: World, receiver: Receiver, limit: int) -> dict[str, object]:
    mine = [one for one in world.received if one.receiver == receiver.name]
    seen = Counter(one.id for one in mine)
    accepted = {one.id for one in mine if 200 <= one.answered < 300}
    return {
        "name": receiver.name,
        "secret_set": bool(receiver.secret),
        "fail": {"status": receiver.fail_status, "times": receiver.fail_times} if receiver.fail_status else None,
        "total": len(mine),
        "verified": sum(one.verified for one in mine),
        "attempts": dict(seen),
        "accepted": len(accepted),
        "deliveries": [msgspec.to_builtins(one) for one in mine[-limit:]],
    }
