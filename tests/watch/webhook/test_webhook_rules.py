"""When to try again, when to give up, which URLs: without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from heyi.infra.guard import public
from heyi.watch.webhook import rules
from heyi.watch.webhook.model import DELIVERY, ENDPOINT, Endpoint, Outcome, Sending

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def outcome(attempts: int, status: int | None, *, at: datetime = AT, error: str = "") -> Outcome:
    sending = Sending(
        UUID(int=5),
        UUID(int=1),
        UUID(int=2),
        "https://x.example",
        (),
        False,
        UUID(int=3),
        b"",
        attempts,
        "webhook",
        UUID(int=4),
        None,
    )
    return Outcome(sending, status, error, 10, at)


def endpoint(**more: object) -> Endpoint:
    given: dict[str, object] = {
        "id": UUID(int=2), "holder_kind": "channel", "holder_id": UUID(int=9), "url": "https://x.example",
        "events": ("*",), "description": "", "state": "active", "disabled_why": None, "failing_since": None,
        "failures": 0, "old_secret_until": None, "created_at": AT,
    }  # fmt: skip
    return Endpoint(**{**given, **more})  # type: ignore[arg-type]


def test_every_state_is_reachable() -> None:
    for machine in (DELIVERY, ENDPOINT):
        assert machine.reachable() == machine.states()


def test_gaps_grow_for_three_days() -> None:
    at, waits = AT, []
    for attempt in range(1, len(rules.GAPS_S)):
        verdict = rules.verdict(outcome(attempt, 500, at=at))
        assert verdict.state == "waiting"
        assert verdict.next_at is not None
        waits.append((verdict.next_at - at).total_seconds())
        at = verdict.next_at
    for wait, gap in zip(waits, rules.GAPS_S[1:], strict=True):
        assert gap * 0.9 <= wait <= gap * 1.1
    assert timedelta(days=2, hours=12) < at - AT < timedelta(days=3, hours=6)
    assert rules.verdict(outcome(len(rules.GAPS_S), 500, at=at)).state == "failed"


@pytest.mark.parametrize(
    ("status", "error", "state"),
    [(200, "", "delivered"), (204, "", "delivered"), (301, "", "waiting"), (404, "", "waiting"), (410, "", "failed"),
     (500, "", "waiting"), (None, "timeout", "waiting")],
)  # fmt: skip
def test_only_2xx_counts(status: int | None, error: str, state: str) -> None:
    assert rules.verdict(outcome(1, status, error=error)).state == state


def test_five_days_of_failure_disable_an_endpoint_but_time_alone_does_not() -> None:
    weeks_later = AT + timedelta(days=30)
    lately = endpoint(failing_since=AT, failures=1)
    assert rules.health(lately, [outcome(1, 500, at=weeks_later)]).disabled_why is None
    long = endpoint(failing_since=AT, failures=20)
    assert rules.health(long, [outcome(1, 500, at=AT + timedelta(days=4))]).disabled_why is None
    assert "503" in (rules.health(long, [outcome(1, 503, at=AT + timedelta(days=5))]).disabled_why or "")
    assert rules.health(long, [outcome(1, 500, at=weeks_later), outcome(1, 204, at=weeks_later)]).failing_since is None
    assert "410" in (rules.health(endpoint(), [outcome(1, 410)]).disabled_why or "")


@pytest.mark.parametrize(
    ("url", "private_allowed", "good"),
    [
        ("https://shop.example/hook?x=1", False, True),
        ("http://shop.example/hook", False, False),
        ("http://127.0.0.1:8790/", True, True),
        ("https://user:pw@shop.example/", True, False),
        ("https://shop.example/#part", True, False),
        ("ftp://shop.example/", True, False),
        ("https:///nowhere", True, False),
        ("https://[::1", True, False),
        ("https://shop.example:99999/", True, False),
        ("https://shop.example\\@10.0.0.1/", True, False),
        ("https://shop.exa mple/", True, False),
        ("https://商店.example/", True, False),
        ("https://shop.example/" + "a" * 2000, True, False),
        ("", True, False),
    ],
)
def test_urls(url: str, private_allowed: bool, good: bool) -> None:
    assert (rules.url_fault(url, private_allowed=private_allowed) is None) is good


@pytest.mark.parametrize(
    ("address", "open"),
    [
        ("93.184.215.14", True), ("2606:4700::1111", True), ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fc00::1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False), ("nonsense", False),
        ("fec0::1", False), ("feff::1", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, open: bool) -> None:
    assert public(address) is open


def test_both_secrets_sign_while_they_rotate() -> None:
    old, new = "whsec_" + "b2xkb2xkb2xkb2xkb2xkb2xk", "whsec_" + "bmV3bmV3bmV3bmV3bmV3bmV3"
    wall = datetime.now(UTC)
    headers = rules.headers([new, old], UUID(int=7), '{"中": 1}'.encode(), wall=wall)
    assert headers["webhook-id"].startswith("fct_")
    for secret in (old, new):
        Webhook(secret).verify('{"中": 1}'.encode(), headers)
