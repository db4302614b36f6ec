"""Chaos by hand: python -m tests.chaos --rounds N --orders M --seed S"""

from __future__ import annotations

import argparse
import random

from tests.chaos.running import round_of_chaos


def main() -> None:
    parser = argparse.ArgumentParser(description="Orders against faulty suppliers, while processes are killed.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="of the first round; the next ones count on")
    told = parser.parse_args()
    seed = random.randrange(10**6) if told.seed is None else told.seed
    for number in range(told.rounds):
        round_of_chaos(seed + number, told.orders, print)


if __name__ == "__main__":
    main()
