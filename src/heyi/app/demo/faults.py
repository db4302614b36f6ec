"""Ways in which a supplier can be made to misbehave, and what heyi does about each."""

from __future__ import annotations

from dataclasses import dataclass

SUPPLIER = "kasushou"  # it fills the video membership of joint-annual
BUNDLE, COMPONENT = "joint-annual", "video"


@dataclass(frozen=True)
class Kind:
    """`rules` go to the simulator as they are; `expect` says what there is to see."""

    about: str
    expect: str
    rules: tuple[dict[str, object], ...]


KINDS = {
    "timeout": Kind(
        "takes the order and never answers",
        "unknown → asked with our own number → delivered",
        ({"fault": "timeout_after_accept", "times": 1, "hold_ms": 20_000},),
    ),
    "error-500": Kind(
        "takes the order and answers 500",
        "unknown → asked with our own number → delivered",
        ({"fault": "error_500_after_accept", "times": 1},),
    ),
    "no-callback": Kind(
        "never calls back",
        "accepted → asked again and again → delivered",
        ({"fault": "no_callback", "times": 1},),
    ),
    "unreadable": Kind(
        "takes the order and answers with rubbish",
        "unknown → asked → delivered",
        ({"fault": "unreadable_body", "times": 1},),
    ),
    "wrong-status": Kind(
        "takes the order and answers with a status nobody knows",
        "unknown → asked → delivered",
        ({"fault": "wrong_status", "times": 1, "what": "code"},),
    ),
    "late-query": Kind(
        "answers 500, and does not know the order for two seconds",
        "unknown → not found, which is not believed yet → delivered",
        (
            {"fault": "error_500_after_accept", "times": 1},
            {"fault": "query_not_found_for_ms", "times": 1, "delay_ms": 2_000},
        ),
    ),
    "callbacks": Kind(
        "calls back twice, and out of order",
        "each callback only makes us ask; delivered once",
        ({"fault": "callback_twice", "times": 1}, {"fault": "callback_out_of_order", "times": 1, "what": "processing"}),
    ),
}
