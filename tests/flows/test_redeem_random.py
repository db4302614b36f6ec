"""Tills, clocks and silence in random order, on a real database.

Whatever happens: units never fall below zero or rise above the whole, the wallet agrees with the redemptions, and the
books agree with both, to the fen. The seed is printed when it fails; set HEYI_SEED to run it again.
"""

from __future__ import annotations

import asyncio
import os
import random

from tests.flows.redeeming import Shop

from heyi.flows import expire, redeem
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Redemption

ROUNDS, RIGHTS = 150, 4


async def test_nothing_is_lost_and_nothing_used_twice(tools: Tools) -> None:
    seed = int(os.environ.get("HEYI_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}")
    chance, shop = random.Random(seed), Shop(tools)
    rights = [
        await shop.voucher(units=chance.randint(1, 5), days=chance.choice([None, 1]), share=chance.randint(0, 999),
                           cost=chance.randint(0, 999))
        for _ in range(RIGHTS)
    ]  # fmt: skip
    made: list[Redemption] = []
    for _ in range(ROUNDS):
        await asyncio.gather(*[_act(chance, shop, rights, made) for _ in range(chance.randint(1, 3))])
        shop.forward(seconds=chance.choice([1, 30, 30, 30, 130]))
        for right in rights:
            await _check(shop, right)
    shop.forward(days=2)
    await expire.run(tools)
    for right in rights:
        await _check(shop, right)


async def _act(chance: random.Random, shop: Shop, rights: list[Right], made: list[Redemption]) -> None:
    """One thing that somebody does; a refusal is a fine answer."""
    word = chance.choice(["prepare"] * 4 + ["confirm"] * 4 + ["release", "reverse", "expire"])
    right, units = chance.choice(rights), chance.randint(1, 2)
    try:
        if word == "prepare":
            code = (await redeem.show_code(shop.tools, right.channel_id, right.id)).text
            made.append((await redeem.prepare(shop.tools, shop.asked(code, units=units)))[0])
        elif word == "expire":
            await expire.run(shop.tools)
        elif made:
            act = {"confirm": redeem.confirm, "release": redeem.release, "reverse": redeem.reverse}[word]
            await act(shop.tools, shop.partner_id, chance.choice(made).id)
    except Refused:
        pass


async def _check(shop: Shop, right: Right) -> None:
    now = await shop.see(right)
    mine = [one for one in await shop.list() if one.entitlement_id == right.id]
    prepared = sum(one.units for one in mine if one.state == "prepared")
    redeemed = [one for one in mine if one.state == "redeemed"]
    assert min(now.units_left, now.units_reserved, now.units_used) >= 0
    assert (now.units_reserved, now.units_used) == (prepared, sum(one.units for one in redeemed))
    assert (now.ended_why == "used_up") == (now.units_used == now.units_total and now.ended_why != "expired")
    books = await shop.books(right)
    assert books["cost"] == books["payable"] == sum(one.cost.amount_minor for one in redeemed)
    earned = sum(one.share.amount_minor for one in redeemed)
    assert books["earned"] == (right.properties.share.amount_minor if now.ended_why else earned)
