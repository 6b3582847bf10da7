"""Takes the host and port of a URL that somebody gave us.

Gives the addresses to connect to, looked up once.
Never gives one that leads into a private network, unless that is allowed: job data are hostile.
"""

import asyncio
import ipaddress
import socket

from herdbook.builtin.delivery import DeliveryError
from herdbook.model.signals import Unrecoverable

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Networks that carry an IPv4 address in its last 32 bits to wherever that leads.
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
# Addresses of a host that are tried.
_TRIED = 4


async def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host that may be connected to, the preferred first.

    Raises DeliveryError when the host has none now, Unrecoverable when all it has are private.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"host {host} is not found: {error}") from None
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    public = [one for one in addresses if allow_private or is_public(one)]
    if not public:
        raise Unrecoverable(
            f"host {host} has only private addresses, which are not called (see HERDBOOK_ALLOW_PRIVATE_TARGETS)"
        )
    return public[:_TRIED]


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, whatever notation hides it."""
    address = ipaddress.ip_address(text)
    return all(_is_public(one) for one in _meanings(address))


def _is_public(address: _Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _meanings(address: _Address) -> list[_Address]:
    """Where packets to an address may end: IPv6 has several ways to write or to reach an IPv4 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if any(address in network for network in _TRANSLATED):
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    if address.sixtofour:
        return [address, address.sixtofour]
    if address.teredo:
        return [address, *address.teredo]
    return [address]
