"""Who calls: the peer of the connection, or whom a proxy of ours speaks for. Headers are believed of nobody else."""

from __future__ import annotations

from typing import Any

from heyi.kernel.addresses import plain, within


def address_of(request: Any, proxies: tuple[str, ...]) -> str:
    """The caller's address. Behind proxies that the settings name, the last one in X-Forwarded-For that is none of
    them; empty when nobody knows.
    """
    peer = plain(request.client.host if request.client else "")
    if not proxies or not within(peer, proxies):
        return peer
    told = ",".join(request.headers.getall("x-forwarded-for", []))
    for one in reversed([plain(part.strip()) for part in told.split(",") if part.strip()]):
        if not within(one, proxies):
            return one
    return peer
