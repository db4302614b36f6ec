"""Three suppliers of the same benefits, each bad in its own way: one lies, one is down half the time, one is slow."""

from __future__ import annotations

import random
from typing import Any

from tests import alliance
from tests.stack import Stack

from heyi.app.cli.apply import Applying
from heyi.app.cli.client import Client

LIAR, DOWN, SLOW = "kasushou", "fulu", "slow"
SUPPLIERS = (LIAR, DOWN, SLOW)
SLOW_CREDENTIALS = {"user_id": "10009", "key": "simulator-slow-key"}
LIE_MS = 1_500  # between "failed" and the delivery all the same
UP_OR_DOWN = 2  # ticks of the weather
Rule = dict[str, Any]

# (fault, how often while it rules, what else the rule says)
FAULTS: tuple[tuple[str, float, Rule], ...] = (
    ("timeout_after_accept", 0.25, {"hold_ms": 3000}),
    ("timeout_before_accept", 0.25, {"hold_ms": 3000}),
    ("error_500_after_accept", 0.25, {}),
    ("error_500_before_accept", 0.25, {}),
    ("unreadable_body", 0.25, {}),
    ("wrong_status", 0.25, {"what": "status"}),
    ("wrong_status", 0.25, {"what": "code"}),
    ("garbled_charset", 0.2, {}),
    ("no_callback", 0.5, {}),
    ("callback_before_answer", 0.4, {}),
    ("callback_twice", 0.4, {}),
    ("callback_out_of_order", 0.4, {}),
    ("callback_unsigned", 0.4, {}),
    ("callback_tampered", 0.4, {}),
    ("query_error", 0.4, {}),
    ("query_not_found_for_ms", 0.4, {"delay_ms": 400}),
    ("sold_out", 0.3, {}),
    ("fail_after_accept", 0.2, {}),
    ("balance_empty", 0.2, {}),
    ("delay", 0.3, {"delay_ms": 300}),
    ("slow_drip", 0.2, {"delay_ms": 900}),
    ("duplicate_card", 0.1, {}),
)


def weather(supplier: str, tick: int, draw: random.Random) -> list[Rule]:
    """What goes wrong there during one tick: a mixture drawn anew, and what the supplier is always like."""
    ruling = draw.sample(FAULTS, k=draw.randrange(0, 6))
    mixed = [{"fault": fault, "rate": rate, **more} for fault, rate, more in ruling]
    if supplier == LIAR:
        return [
            {"fault": "lie_failed_then_success", "rate": 0.15, "delay_ms": LIE_MS},
            {"fault": "stuck", "rate": 0.05},
            *mixed,
        ]
    if supplier == DOWN and tick // UP_OR_DOWN % 2:
        return [{"fault": "timeout_before_accept", "rate": 0.5, "on": "any", "hold_ms": 3000},
                {"fault": "error_500_before_accept", "on": "any"}]  # fmt: skip
    if supplier == SLOW:
        return [{"fault": "delay", "on": "any", "delay_ms": 500}, *mixed]
    return mixed


def _offers(product_at_liar: str, product_at_down: str) -> list[Rule]:
    """Equals, drawn by weight; what one of them refuses another may have."""
    products = {LIAR: product_at_liar, DOWN: product_at_down, SLOW: product_at_liar}
    return [
        {"source": "supplier", "supplier": supplier, "product_no": product, "cost": "16.00 CNY", "weight": weight}
        for (supplier, product), weight in zip(products.items(), (2, 2, 1), strict=True)
    ]


def _benefit(code: str, kind: str, offers: list[Rule], **more: Any) -> Rule:
    return {"code": code, "partner": "galaxy", "kind": kind, "title": f"权益 {code}", "market_price": "30.00 CNY",
            "offers": offers, **more}  # fmt: skip


def add_to(stack: Stack) -> None:
    """The slow supplier, and a bundle whose top-ups and cards can be had from all three."""
    products = [
        {"id": "1001", "name": "视频会员月卡", "price_fen": 1500},
        {"id": "1002", "name": "音乐会员月卡", "price_fen": 800},
        {"id": "1101", "name": "外卖红包卡密", "kind": "card", "price_fen": 480},
    ]
    made = {"dialect": "kasushou", "credentials": SLOW_CREDENTIALS, "products": products, "work_ms": 400,
            "balance_fen": 10**9}  # fmt: skip
    stack.world.put(f"suppliers/{SLOW}", made)
    account = {
        "code": SLOW, "title": SLOW, "dialect": "kasushou", "base_url": f"{stack.simulator_url}/{SLOW}",
        "credentials": SLOW_CREDENTIALS, "timeout_ms": 2_000, "typical_ms": 600, "slots": 30,
        "top_up": alliance.OPENING,
    }  # fmt: skip
    part = {"weight": 20, "delivery": {"when": "now"}}
    parts = [{"code": code, "benefit": code, **part} for code in ("coffee", "rare", "lounge", "film", "takeaway3")] + [
        {"code": "song", "benefit": "song", "accounts": {"phone": "ear"}, **part}
    ]
    document = {
        "suppliers": [account],
        "benefits": [
            _benefit("film", "top_up", _offers("1001", "20001"), fields=[alliance.PHONE]),
            _benefit("song", "top_up", _offers("1002", "20002"), fields=[alliance.PHONE]),
            _benefit("takeaway3", "card_key", _offers("1101", "20101")),
        ],
        "bundles": [{"code": "storm3", "title": "套餐 storm3", "price": "99.00 CNY", "components": parts}],
    }
    with Client(stack.url, stack.operator_key) as api:
        Applying(api, lambda _: None).apply(document)
    slow = next(one for one in stack.operator.every("/suppliers") if one["code"] == SLOW)
    stack.world.put(f"suppliers/{SLOW}", {"callback_url": slow["callback_url"], "callback_gap_ms": 500})
