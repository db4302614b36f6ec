"""Nothing lost, nothing twice.

Three hundred orders are placed by impatient channels while suppliers time out, lie, repeat and garble, and web and
worker processes are killed with SIGKILL. By hand, and longer: python -m tests.chaos --rounds 5 --orders 1000.
"""

from __future__ import annotations

import os
import random

import pytest
from tests.chaos.running import round_of_chaos

ORDERS = int(os.environ.get("HEYI_CHAOS_ORDERS", "300"))


def test_nothing_is_lost_and_nothing_is_there_twice(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("HEYI_CHAOS_SEED") or random.randrange(10**6))

    def say(line: str) -> None:
        with capsys.disabled():
            print(line)

    round_of_chaos(seed, ORDERS, say)
