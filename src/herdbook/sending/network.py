"""Resolves the hosts of URLs in job data.

Because job data is untrusted, an address in a private network is never returned unless that is allowed.
"""

import asyncio
import ipaddress
import socket

from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Networks that translate to the IPv4 address in an address's last 32 bits.
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_MAX_ADDRESSES = 4


async def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of a host that we may connect to, preferred ones first.

    Raises DeliveryError if the host is not found, Unrecoverable if all its addresses are private.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"host {host} was not found: {error}") from None
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    public = [one for one in addresses if allow_private or is_public(one)]
    if not public:
        raise Unrecoverable(
            f"host {host} has only private addresses, which are not allowed (see HERDBOOK_ALLOW_PRIVATE_TARGETS)"
        )
    return public[:_MAX_ADDRESSES]


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, whatever its notation."""
    address = ipaddress.ip_address(text)
    return all(_is_public(one) for one in _destinations(address))


def _is_public(address: _Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _destinations(address: _Address) -> list[_Address]:
    """Where packets to an address may end up: IPv6 has several ways to write or reach an IPv4 address."""
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
