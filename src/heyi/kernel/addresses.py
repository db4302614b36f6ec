"""Addresses of machines, and the networks that they may be in. Both are texts, as people and settings write them."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network


def plain(text: str) -> str:
    """An address as we write it: an IPv4 address inside an IPv6 one is that IPv4 address. Empty: it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


@lru_cache(maxsize=4096)
def within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks; what is no address is in none."""
    known = plain(address)
    return bool(known) and any(ip_address(known) in ip_network(one, strict=False) for one in networks)
