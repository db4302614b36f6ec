"""Who calls: the peer of the connection, or whom a proxy of ours speaks for. Headers are believed of nobody else."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any


def address_of(request: Any, proxies: tuple[str, ...]) -> str:
    """The caller's address. Behind proxies that the settings name, the last one in X-Forwarded-For that is none of
    them; empty when nobody knows.
    """
    peer = plain(request.client.host if request.client else "")
    if not proxies or not _ours(peer, proxies):
        return peer
    told = ",".join(request.headers.getall("x-forwarded-for", []))
    for one in reversed([plain(part.strip()) for part in told.split(",") if part.strip()]):
        if not _ours(one, proxies):
            return one
    return peer


def plain(text: str) -> str:
    """An address as we write it: an IPv4 address inside an IPv6 one is that IPv4 address. Empty: it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


@lru_cache(maxsize=1024)
def _ours(address: str, proxies: tuple[str, ...]) -> bool:
    return bool(address) and any(ip_address(address) in ip_network(network) for network in proxies)
