"""Which addresses we may call when a stranger gave us the URL (server-side request forgery).

The check happens where the connection is made, on the address that is then used: a name that resolves to a public
address when it is looked at and to a private one a moment later (DNS rebinding) gets nowhere. TLS still checks the
certificate against the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2
import httpx2

Allowed = Callable[[str], bool]
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """The name resolved to no address that we may call."""


def public(address: str) -> bool:
    """Whether an address belongs to the public internet; wrapped IPv4 addresses are looked at unwrapped."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = IPv4Address(ip.packed[-4:])
        if inner is not None and not _open(inner):
            return False
        if ip.ipv4_mapped:
            return True
    return _open(ip)


def _open(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and ip.is_site_local:  # fec0::/10, given up long ago and still routed in places
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the system's order; empty when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects only to allowed addresses, and to exactly the address that was checked."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = [one for one in await resolve(host, port) if self._allowed(one)]
        if not addresses:
            raise AddressRefused(host)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore2.ConnectError:
                continue  # no route to this one (IPv6 on an IPv4 network): the next may answer
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused(path)

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def guarded(limits: httpx2.Limits, allowed: Allowed) -> httpx2.AsyncHTTPTransport:
    """A transport whose every new connection is checked. Reused connections were checked when they were made."""
    transport = httpx2.AsyncHTTPTransport(limits=limits, trust_env=False)
    # httpx2 has no option for it; the pool's own constructor has.
    transport._pool = httpcore2.AsyncConnectionPool(
        ssl_context=httpx2.create_ssl_context(trust_env=False),
        max_connections=limits.max_connections,
        max_keepalive_connections=limits.max_keepalive_connections,
        keepalive_expiry=limits.keepalive_expiry,
        network_backend=_Guarded(allowed),
    )
    return transport
