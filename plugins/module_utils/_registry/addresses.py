# Copyright (c) 2026, The pullthrough.docker authors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Tell apart the addresses that only one host or one network can use.

Private to the collection ``pullthrough.docker``: it can change at any time, without notice.
"""

from __future__ import annotations

import ipaddress
import socket

from typing import Iterator, Optional, Union

_METADATA = tuple(map(ipaddress.ip_network, ("fd00:ec2::/32", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "100.100.100.200")))
"""Where clouds give a host its credentials, besides the link-local 169.254.169.254: AWS and Google (their pages on
instance metadata), Oracle (oci-python-sdk, instance_principals_security_token_signer.py), Alibaba."""

_EMBEDDING = tuple(
    (ipaddress.IPv6Network(network), lowest_bit)
    for network, lowest_bit in (
        ("::/96", 0),  # IPv4-compatible (RFC 4291)
        ("::ffff:0:0/96", 0),  # IPv4-mapped (RFC 4291)
        ("::ffff:0:0:0/96", 0),  # IPv4-translated (RFC 2765)
        ("64:ff9b::/96", 0),  # NAT64 (RFC 6052)
        ("64:ff9b:1::/48", 0),  # NAT64 of one network (RFC 8215)
        ("2002::/16", 80),  # 6to4 (RFC 3056)
    )
)
"""Networks whose addresses lead to the IPv4 address in them."""

_SPLIT = ipaddress.IPv6Network("64:ff9b:1::/48")
"""Its prefix may be shorter than 96 bits. The IPv4 address is then around or after bits 64 to 71 (RFC 6052, 2.2)."""

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def kind(address: str) -> Optional[str]:
    """Return ``loopback``, ``link-local``, ``unspecified``, ``multicast`` or ``cloud metadata``, or None for any other.

    An IPv6 address that leads to an IPv4 address has the kind of that address.

    :param address: as the system's resolver returns it.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])  # Before Python 3.9, without the name of an interface.
    return next((found for found in map(_kind, (parsed, *_embedded(parsed))) if found), None)


def _kind(address: _Address) -> Optional[str]:
    if any(address in network for network in _METADATA):
        return "cloud metadata"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_unspecified:
        return "unspecified"
    return "multicast" if address.is_multicast else None


def _embedded(address: _Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield each IPv4 address that an address may lead to."""
    number = int(address)
    if address in _SPLIT:
        joined = (number >> 64 & 0xFFFF) << 56 | number & (1 << 56) - 1
        parts = (joined >> lowest_bit & 0xFFFFFFFF for lowest_bit in (40, 32, 24))
        yield from (ipaddress.IPv4Address(part) for part in parts if part)
    for network, lowest_bit in _EMBEDDING:
        if address in network:
            yield ipaddress.IPv4Address(number >> lowest_bit & 0xFFFFFFFF)


def kind_of_host(host: str) -> Optional[str]:
    """Return the kind of the address that a host is in every network, or None if only a resolver can tell."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    try:
        # The C library also reads 127.1 and 0x7f000001 as addresses, and so may a proxy.
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return kind(str(found[0][4][0]))
