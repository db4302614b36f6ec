"""Partners, channels, and the keys with which they and operators call us."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from uuid import UUID

import pytest

from heyi.infra.sealing import key_hash
from heyi.infra.tools import Tools
from heyi.offer import partner
from heyi.offer.partner import errors
from heyi.offer.partner.model import SCOPES, STATE, NewKey, Party

_numbers = itertools.count(1)


async def make_channel(tools: Tools) -> Party:
    async with tools.db.transaction() as tx:
        return await partner.make_party(
            tx, "channel", code=f"app-{next(_numbers)}", title="App", now=tools.clock.now()
        )  # fmt: skip


async def make_key(tools: Tools, holder: UUID, kind: str = "channel", **more: object) -> NewKey:
    async with tools.db.transaction() as tx:
        return await partner.make_access_key(
            tx, kind, holder, **{"label": "main", "now": tools.clock.now(), **more}  # type: ignore[arg-type]
        )  # fmt: skip


async def opens(tools: Tools, made: NewKey) -> bool:
    async with tools.db.reading() as tx:
        return await partner.find_access(tx, key_hash(made.secret), now=tools.clock.now()) is not None


async def test_a_key_says_its_kind_and_opens_for_its_holder(tools: Tools):
    channel = await make_channel(tools)
    made = await make_key(tools, channel.id)
    assert re.fullmatch(r"hk_chn_[a-z2-7]{40}", made.secret)
    assert made.secret not in repr(made)
    async with tools.db.reading() as tx:
        access = await partner.find_access(tx, key_hash(made.secret), now=tools.clock.now())
        assert access is not None
        assert (access.key_id, access.holder_kind, access.holder_id) == (made.key.id, "channel", channel.id)
        assert access.scopes == SCOPES["channel"]
        assert await partner.find_access(tx, key_hash(made.secret + "x"), now=tools.clock.now()) is None
        (listed,) = await partner.list_access_keys(tx, "channel", channel.id)
        assert listed == made.key
        assert listed.tail == made.secret[-4:]


async def test_many_are_found_at_once(tools: Tools):
    channel = await make_channel(tools)
    made = [await make_key(tools, channel.id, label=f"k{n}") for n in range(3)]
    async with tools.db.reading() as tx:
        hashes = [key_hash(m.secret) for m in made]
        found = await partner.find_accesses(tx, [*hashes, key_hash("x")], now=tools.clock.now())
    assert {h: a.key_id for h, a in found.items()} == {h: m.key.id for h, m in zip(hashes, made, strict=True)}


async def test_revoked_expired_and_suspended_keys_open_nothing(tools: Tools):
    channel = await make_channel(tools)
    revoked = await make_key(tools, channel.id, label="a")
    short = await make_key(tools, channel.id, label="b", expires_at=tools.clock.now() + timedelta(hours=1))
    plain = await make_key(tools, channel.id, label="c")
    async with tools.db.transaction() as tx:
        await partner.revoke_access_key(tx, revoked.key.id, now=tools.clock.now())
        with pytest.raises(errors.KeyNotFound):
            await partner.revoke_access_key(tx, revoked.key.id, now=tools.clock.now())
    assert [await opens(tools, k) for k in (revoked, short, plain)] == [False, True, True]
    tools.clock.forward(timedelta(hours=1))  # type: ignore[attr-defined]
    assert [await opens(tools, k) for k in (revoked, short, plain)] == [False, False, True]
    for move, works in (("suspend", False), ("resume", True)):
        async with tools.db.transaction() as tx:
            await partner.change_party(tx, "channel", channel.id, move=move)
        assert await opens(tools, plain) is works
    async with tools.db.transaction() as tx:
        with pytest.raises(errors.WrongState):
            await partner.change_party(tx, "channel", channel.id, move="resume")


async def test_rotation_has_two_live_keys_and_never_three(tools: Tools):
    channel = await make_channel(tools)
    old = await make_key(tools, channel.id, scopes={"orders:read"}, rate_per_s=7)

    async def rotate(key: NewKey, overlap: timedelta | None) -> NewKey:
        async with tools.db.transaction() as tx:
            return await partner.rotate_access_key(tx, key.key.id, overlap=overlap, now=tools.clock.now())

    new = await rotate(old, timedelta(days=1))
    assert (new.key.label, new.key.scopes, new.key.rate_per_s) == ("main", frozenset({"orders:read"}), 7)
    assert [await opens(tools, k) for k in (old, new)] == [True, True]
    with pytest.raises(errors.TwoLive):
        await rotate(new, None)
    with pytest.raises(errors.TwoLive):
        await make_key(tools, channel.id)
    tools.clock.forward(timedelta(days=1))  # type: ignore[attr-defined]
    assert [await opens(tools, k) for k in (old, new)] == [False, True]
    with pytest.raises(errors.KeyNotFound):
        await rotate(old, None)
    newest = await rotate(new, None)
    assert [await opens(tools, k) for k in (new, newest)] == [True, True]


async def test_scopes_are_those_of_the_kind_and_of_the_maker(tools: Tools):
    channel = await make_channel(tools)
    with pytest.raises(errors.ScopeUnknown):
        await make_key(tools, channel.id, scopes={"operator:write"})
    with pytest.raises(errors.ScopeUnknown):
        await make_key(tools, UUID(int=5), "operator", scopes={"keys:write"}, maker_scopes={"operator:read"})
    made = await make_key(tools, UUID(int=5), "operator", maker_scopes={"operator:read", "keys:write"})
    assert made.key.scopes == {"operator:read", "keys:write"}
    assert made.secret.startswith("hk_opr_")


async def test_keys_are_made_for_those_who_exist(tools: Tools):
    with pytest.raises(errors.ChannelNotFound):
        await make_key(tools, UUID(int=404))
    with pytest.raises(errors.PartnerNotFound):
        await make_key(tools, UUID(int=404), "partner")
    with pytest.raises(errors.ExpiryInPast):
        await make_key(tools, (await make_channel(tools)).id, expires_at=tools.clock.now())


async def test_partners_are_made_found_and_changed(tools: Tools):
    async with tools.db.transaction() as tx:
        now = tools.clock.now()
        made = await partner.make_party(tx, "partner", code="iqiyi", title="爱奇艺", contact={"phone": "1"}, now=now)
        assert await partner.read_party(tx, "partner", made.id) == made
        with pytest.raises(errors.CodeTaken):
            await partner.make_party(tx, "partner", code="iqiyi", title="x", now=now)
        changed = await partner.change_party(tx, "partner", made.id, title="爱奇艺 VIP", contact={})
        assert (changed.title, changed.contact, changed.state) == ("爱奇艺 VIP", {}, "active")
        assert await partner.list_parties(tx, "partner", search="奇艺 v") == [changed]
        assert await partner.list_parties(tx, "partner", search="%") == []
        assert await partner.list_parties(tx, "partner", before=made.id) == []
        with pytest.raises(errors.PartnerNotFound):
            await partner.change_party(tx, "partner", UUID(int=404), title="x")


def test_every_state_is_reachable():
    assert STATE.reachable() == STATE.states()
