"""A careless log line does not become a leak."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from heyi.infra.telemetry import mask_secrets, metrics, orders_placed, trace_id_from


def test_secrets_are_masked_by_name_and_by_look() -> None:
    event = mask_secrets(None, "", {
        "event": "sent whsec_abc= with Bearer hk_chn_zzz to postgresql://heyi:pw@db/heyi",
        "secret": "s", "headers": {"Authorization": "x", "accept": "y"}, "list": ["whsec_abc"], "order": "ord_1",
    })  # fmt: skip
    text = json.dumps(event)
    for leaked in ("abc=", "hk_chn_zzz", "pw@", '"x"', '"s"'):
        assert leaked not in text
    assert "ord_1" in text
    assert '"y"' in text


@pytest.mark.parametrize("terminal", [False, True])
def test_tracebacks_are_masked_too(terminal: bool) -> None:
    """And on a terminal as well, where they would be prettier with the local variables of every frame in them."""
    code = (
        f"import logging, sys; sys.stderr.isatty = lambda: {terminal}\n"
        "from heyi.infra.settings import Settings; from heyi.infra.telemetry import set_up_logs\n"
        "set_up_logs(Settings('x', b''), 'test')\n"
        "def work(key):\n"
        "    local = key * 2\n"
        "    raise ValueError('whsec_' + 'leak' * 3)\n"
        "try: work(''.join(['deep', 'secret']))\n"
        "except ValueError: logging.getLogger('any').exception('bad')\n"
        "import structlog\n"
        "try: work(''.join(['deep', 'secret']))\n"
        "except ValueError: structlog.get_logger('own').exception('worse')\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert "leakleak" not in done.stderr
    assert "deepsecret" not in done.stderr
    assert done.stderr.count("ValueError") == 2, done.stderr
    if not terminal:
        assert [json.loads(line)["process"] for line in done.stderr.splitlines()] == ["test", "test"]


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", True),
        ("00-" + "0" * 32 + "-x-01", False),
        ("junk", False),
        (None, False),
    ],
)
def test_trace_ids_come_from_outside_or_are_fresh(header: str | None, taken: bool) -> None:
    assert (trace_id_from(header) == "a" * 32) is taken


def test_metrics_can_be_read() -> None:
    orders_placed.labels("paid").inc()
    assert b'heyi_orders_placed_total{payment="paid"}' in metrics()
