"""The first operator's key is made once."""

from heyi.infra.sealing import key_hash
from heyi.infra.tools import Tools
from heyi.offer import partner


async def test_the_first_operator_key_is_made_once(tools: Tools):
    async with tools.db.transaction() as tx:
        first = await partner.bootstrap_operator(tx, now=tools.clock.now())
        assert first is not None
        assert await partner.bootstrap_operator(tx, now=tools.clock.now()) is None
        access = await partner.find_access(tx, key_hash(first.secret), now=tools.clock.now())
        assert access is not None
        assert (access.holder_kind, "keys:write" in access.scopes) == ("operator", True)
