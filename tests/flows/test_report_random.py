"""Tills, clocks and a partner's reports in random order and at once, on a real database.

Whatever happens: units stay within the whole, the wallet agrees with the redemptions, the books agree with both to the
fen, and nobody waits for ever. The seed is printed when it fails; set HEYI_SEED to run it again.
"""

from __future__ import annotations

import asyncio
import os
import random
from datetime import timedelta

from tests.flows.test_report import Reporting, again

from heyi.flows import expire, redeem
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Redemption

ROUNDS, RIGHTS = 60, 4
TILL = {"confirm": redeem.confirm, "release": redeem.release, "reverse": redeem.reverse}
WORDS = ["prepare"] * 4 + ["confirm"] * 3 + ["release", "reverse", "expire"] + ["report"] * 5 + ["reconsider"] * 2


async def test_tills_and_reports_agree_about_units_and_money(tools: Tools) -> None:
    seed = int(os.environ.get("HEYI_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}")
    chance, shop = random.Random(seed), Reporting(tools)
    await shop.policy(**{word: chance.choice(["follow", "careful"]) for word in ("used", "expired", "cancelled")})
    rights = [
        await shop.voucher(units=chance.randint(2, 6), days=chance.choice([None, 1]), share=chance.randint(0, 999),
                           cost=chance.randint(0, 999))
        for _ in range(RIGHTS)
    ]  # fmt: skip
    made: list[Redemption] = []
    for _ in range(ROUNDS):
        await asyncio.gather(*[_act(chance, shop, rights, made) for _ in range(chance.randint(2, 6))])
        shop.forward(seconds=chance.choice([1, 30, 30, 130, 900]))
        for right in rights:
            await _check(shop, right)


async def _act(chance: random.Random, shop: Reporting, rights: list[Right], made: list[Redemption]) -> None:
    """One thing that somebody does; a refusal is a fine answer."""
    word, right, units = chance.choice(WORDS), chance.choice(rights), chance.randint(1, 2)
    try:
        if word == "prepare":
            code = (await redeem.show_code(shop.tools, right.channel_id, right.id)).text
            made.append((await redeem.prepare(shop.tools, shop.asked(code, units=units)))[0])
        elif word == "report":
            now = shop.tools.clock.now()
            kinds = ["used"] * 6 + ["activated", "activated", "expired", "cancelled"]
            events = [
                shop.event(one, kind, at=now - timedelta(minutes=chance.randint(0, 600)), units=units)
                for one in chance.sample(rights, 3) for kind in (chance.choice(kinds),)
            ]  # fmt: skip
            await shop.tell(*events)
        elif word == "reconsider":
            await again(shop, right, "redemption.released")
        elif word == "expire":
            await expire.run(shop.tools)
        elif made:
            await TILL[word](shop.tools, shop.partner_id, chance.choice(made).id)
    except Refused:
        pass


async def _check(shop: Reporting, right: Right) -> None:
    now, share = await shop.see(right), right.properties.share.amount_minor
    mine = [one for one in await shop.list() if one.entitlement_id == right.id]
    prepared = sum(one.units for one in mine if one.state == "prepared")
    redeemed = [one for one in mine if one.state == "redeemed"]
    assert min(now.units_left, now.units_reserved, now.units_used) >= 0
    assert (now.units_reserved, now.units_used) == (prepared, sum(one.units for one in redeemed))
    assert now.ended_why != "used_up" or now.units_used == now.units_total
    books = await shop.books(right)
    assert books["cost"] == books["payable"] == sum(one.cost.amount_minor for one in redeemed)
    earned = share if now.ended_why in ("expired", "used_up") else sum(one.share.amount_minor for one in redeemed)
    assert books["earned"] == earned <= share
